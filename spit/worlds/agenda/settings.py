"""What one operator is like: every seed draws another one from wide ranges.

Ranges are the author's, with published anchors. Robocalls are about 8 % of the calls that STIR/SHAKEN
verifiers see, under 5 % of those signed A but 16 to 40 % of those signed B or C (TransNexus, "SHAKEN
statistics", 2022 and 2023). Campaigns mostly make few calls from numbers hardly ever used again, and only 6 %
of the calls show a number of the callee's area (Prasad et al., "Who's Calling?", USENIX Security 2020). The
share of spam here is set by the world's contract (15 to 25 %), not by those figures.
"""

from dataclasses import dataclass

from spit.worlds.agenda.dice import Dice


@dataclass(frozen=True, slots=True)
class Operator:
    """Parameters of one operator. Times in seconds, shares between 0 and 1, logits in natural units."""

    calls: int
    horizon_s: float
    start_epoch_s: int
    start_local_hour: float
    spam_share: float
    ordinary_share: float
    calls_per_person: float
    outside_share: float
    outgoing_seen: bool
    text_share: float
    mobile_share: float
    prepaid_share: float
    withheld_share: float
    sip_name_share: float
    answer_shift: float
    stranger_gap: float
    voicemail_share: float
    unreachable: float
    talk_scale: float
    night_scale: float
    callback_stranger: float
    callback_friend: float
    hidden_busy: float
    no_answer_s: float
    block_fill: float
    stale_scale: float
    signing: float
    verifying: float
    assertion: float
    screening: float
    strictness: float
    complaint: float
    trunk_count: int
    trunk_loss: float


def draw_operator(dice: Dice, calls: int, hours: float) -> Operator:
    """Draw the operator; `hours` is the length of the recording."""
    offset_h = dice.pick((-8, -6, -5, -3, 0, 1, 1, 2, 2, 3, 5.5, 8, 9, 10))
    # 2026-01-01 is a Thursday: days whose number modulo 7 is 2 or 3 are Saturday and Sunday.
    day = dice.pick([number for number in range(360) if number % 7 not in (2, 3)])
    hour = dice.between((0.0, 24.0))
    local_midnight = 1_767_225_600 + day * 86_400
    return Operator(
        calls=calls,
        horizon_s=hours * 3600.0,
        start_epoch_s=int(local_midnight + (hour - offset_h) * 3600.0),
        start_local_hour=hour,
        spam_share=dice.between((0.155, 0.245)),
        ordinary_share=dice.between((0.3, 0.68)),
        calls_per_person=dice.scale((1.6, 10.0)),
        outside_share=dice.between((0.15, 0.85)),
        outgoing_seen=dice.chance(0.65),
        text_share=dice.pick((0.0, 0.005, 0.02, 0.06)),
        mobile_share=dice.between((0.15, 0.9)),
        prepaid_share=dice.scale((0.005, 0.2)),
        withheld_share=dice.scale((0.005, 0.1)),
        sip_name_share=dice.scale((0.001, 0.05)),
        answer_shift=dice.between((-1.1, 2.1)),
        stranger_gap=dice.between((0.3, 1.6)),
        voicemail_share=dice.between((0.03, 0.6)),
        unreachable=dice.between((0.01, 0.12)),
        talk_scale=dice.scale((0.6, 4.0)),
        night_scale=dice.scale((0.3, 2.0)),
        callback_stranger=dice.scale((0.01, 0.12)),
        callback_friend=dice.between((0.1, 0.45)),
        hidden_busy=dice.scale((0.004, 0.06)),
        no_answer_s=dice.between((40.0, 90.0)),
        block_fill=dice.between((0.3, 0.92)),
        stale_scale=dice.scale((0.3, 2.5)),
        signing=dice.pick((0.0, 0.15, 0.4, 0.7, 0.95)),
        verifying=dice.between((0.3, 1.0)),
        assertion=dice.between((0.3, 1.0)),
        screening=dice.pick((0.0, 0.05, 0.2, 0.5)) * dice.between((0.4, 1.6)),
        strictness=dice.scale((0.5, 3.0)),
        complaint=dice.scale((0.005, 0.12)),
        trunk_count=dice.count((12, 40)),
        trunk_loss=dice.scale((0.002, 0.03)),
    )
