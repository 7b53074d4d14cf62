"""The answer to one attempt: label, reasons and action, from what was read or counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spit.engine.callers import F32, LABELS
from spit.engine.questions import AttemptRow, Reading, attempt_time_us, text
from spit.engine.scored import AttemptContext, Explain, Scored, margins
from spit.model.campaign_evidence import TIES
from spit.model.context import context_reasons
from spit.model.evidence_state import OneDecision
from spit.policy.policy import Policy
from spit.records import Action, Label, Reason, Verdict


@dataclass(frozen=True, slots=True)
class Assessment:
    """The answer to one attempt."""

    verdict: Verdict
    action: Action


@dataclass(slots=True)
class Basis:
    """What an answer is made from.

    ``values``: float32[1, F]; ``tells``: whether the attempt by itself is more likely spam than not;
    ``attempts``: this one included; ``level``: of the budget; ``telling``: float32[F] of the caller's attempt
    with the highest score, None below suspect.
    """

    label: Label
    decision: OneDecision
    values: F32
    tells: bool
    is_victim: bool
    level: int
    attempts: int
    call_ids: tuple[str, ...]
    telling: F32 | None


def basis_of_reading(known: Reading, policy: Policy) -> Basis:
    """Of an attempt that was only asked about."""
    decision, victim = known.decision, known.is_victim
    label = policy.label(decision.score, level=known.level)
    if label is Label.SPAM and (victim or not decision.may_block):
        label = Label.SUSPECT
    return Basis(
        label,
        decision,
        known.values,
        known.log_odds >= 0.0,
        victim,
        known.level,
        known.attempts + 1,
        known.call_ids,
        known.telling,
    )


def basis_of_scored(scored: Scored, context: AttemptContext, telling: F32 | None) -> Basis:
    """Of one attempt that was counted."""
    several = context.decision
    return Basis(
        scored.labels()[0],
        OneDecision(*(getattr(several, name)[0].item() for name in OneDecision._fields)),
        scored.values,
        bool(scored.probability[0] >= 0.5),
        bool(context.is_victim[0]),
        int(context.levels[0]),
        int(scored.attempts[0]),
        context.call_ids.get(0, ()),
        telling,
    )


def answer(
    row: AttemptRow, basis: Basis, policy: Policy, *, explain: Explain, model: str, tenant: str
) -> Assessment:
    """The verdict, and the action of ``policy`` where ``tenant``'s lists are asked beside those of all."""
    decision, label = basis.decision, basis.label
    reasons: tuple[Reason, ...] = ()
    if label is not Label.LEGIT:
        rank, score = np.array([LABELS.index(label)], np.int8), np.array([decision.score])
        # The attempt's own row; where earlier attempts made the score, the row of the one that said most.
        why = basis.values if basis.tells or basis.telling is None else basis.telling.reshape(1, -1)
        tie = TIES[decision.tie] if decision.fits_campaign else None
        reasons = (
            *context_reasons(tie, decision.shift, is_victim=basis.is_victim),
            *explain(why, margins(policy, score, rank))[0],
        )
    verdict = Verdict(
        text(row, "caller"), decision.score, label, reasons, model, basis.attempts, basis.call_ids
    )
    action = policy.decide(
        verdict,
        callee=text(row, "callee"),
        exemption=text(row, "exemption"),
        level=basis.level,
        tenant=tenant,
        time_us=attempt_time_us(row),
        remember=True,
    )
    return Assessment(verdict, action)
