"""Labelled traffic, seeded and reproducible.

One plan (``traffic.simulate``) renders two ways: straight into call events for training (``events``), and as
SIP messages in packets for captures (``dialogue``, ``pcap``). Both show the same calls.

Spam and legitimate callers share trunks, header profiles, number blocks, display names and media, so that
only behaviour separates them. Attestation is the one weak prior, at the rates that operators publish.
"""
