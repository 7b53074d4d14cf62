"""Reasons that lie in no feature of the attempt itself: the campaign it fits, a number that others abuse."""

from __future__ import annotations

from spit.records import Reason

CAMPAIGN = "CAMPAIGN"
SPOOF_VICTIM = "SPOOF_VICTIM"

#: What each of ``campaign_evidence.TIES`` is, for people.
TIE_WORDS = {
    "peer": "the sending address and equipment",
    "source": "the sending address",
    "origid": "the signed origin (origid)",
    "caller_block": "the block of caller numbers",
    "callee_block": "the block of numbers that they call",
}
VICTIM_TEXT = (
    "Strangers call this number in great numbers while calls from it come from several sources: others seem "
    "to show it. Its calls are not blocked and do not count against it."
)


def context_reasons(tie: str | None, shift: float, *, is_victim: bool) -> tuple[Reason, ...]:
    """``tie``: the name of what the attempt shares with an established campaign, None where it fits none;
    ``shift``: what that adds to the log-odds."""
    reasons = []
    if tie is not None:
        text = f"Fits a campaign of numbers that are new and look alike; they share {TIE_WORDS[tie]}."
        reasons.append(Reason(CAMPAIGN, round(shift, 3), text))
    if is_victim:
        reasons.append(Reason(SPOOF_VICTIM, 0.0, VICTIM_TEXT))
    return tuple(reasons)
