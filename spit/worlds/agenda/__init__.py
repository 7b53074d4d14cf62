"""Telephone traffic of agents with goals and budgets: every actor calls in the way that pays off for it."""

from spit.worlds.agenda.generate import generate

__all__ = ["generate"]
