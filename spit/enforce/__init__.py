"""Verdicts and lists brought to session border controllers: SIP redirect, Redis, JSON-RPC, webhooks."""
