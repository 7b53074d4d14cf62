"""Joins features, model and policy: live, in replay, in training and in evaluation."""
