"""Legitimate callers."""
