"""Detects spam calls (SPIT) in SIP signalling and tells the session border controller."""

__version__ = "0.1.0"
