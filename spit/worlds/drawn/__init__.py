"""A world whose kinds are drawn and not written: every seed composes its callers and campaigns from
components.

Its author starts from purposes. What a caller is for bounds whom it calls, when, under which number, how it
enters and what it does with the answer; the rest each seed of ``generate`` draws from wide ranges. The name
of a kind says what was drawn: purpose/who is called/when/number shown.
"""

from spit.worlds.drawn.simulation import generate

__all__ = ["generate"]
