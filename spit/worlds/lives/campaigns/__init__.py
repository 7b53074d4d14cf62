"""Spam campaigns."""
