"""How the calls of a kind are divided among its members, and how members differ."""

from __future__ import annotations

from dataclasses import replace

from spit.worlds.carrier.attempts import Style
from spit.worlds.carrier.draws import Rng, lognormal, split


def member_sizes(rng: Rng, calls: int, typical: float, sigma: float = 0.9) -> list[int]:
    """Calls of each member of a kind, given the typical member; heavy-tailed, empty members dropped."""
    count = max(1, round(calls / max(1.0, typical)))
    return [size for size in split(rng, calls, count, sigma) if size > 0]


def vary(rng: Rng, style: Style, sigma: float = 0.3) -> Style:
    """A member's own manner: each measurable habit moved by a lognormal factor."""

    def share(value: float) -> float:
        # On the odds scale, so that a share stays a share.
        if value <= 0.0 or value >= 1.0:
            return value
        odds = lognormal(rng, value / (1.0 - value), 1.5 * sigma)
        return odds / (1.0 + odds)

    return replace(
        style,
        talk_s=lognormal(rng, style.talk_s, sigma),
        reject=share(style.reject),
        reject_s=lognormal(rng, style.reject_s, sigma * 0.7),
        abandon=share(style.abandon),
        message=share(style.message),
        message_s=lognormal(rng, style.message_s, sigma),
        patience_s=lognormal(rng, style.patience_s, sigma * 0.7),
        expected=share(style.expected),
        redial_busy=share(style.redial_busy),
        redial_missed=share(style.redial_missed),
        redial_s=lognormal(rng, style.redial_s, sigma),
        caller_ends=share(style.caller_ends),
    )
