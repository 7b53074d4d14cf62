"""Evidence of callers and campaigns joined: what the engine keeps, and the score it makes of an attempt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from spit._core import EvidenceSums
from spit.errors import InputError
from spit.model.campaign_evidence import CampaignEvidence
from spit.model.decision import DecisionParameters
from spit.model.evidence import I64, U64, CallerEvidence, Mask, clipped
from spit.model.scorer import F64, sigmoid, sigmoid_one

_CALLERS = "callers"
#: What ``_core.EvidenceSums`` answers of n attempts.
Known = tuple[F64, F64, F64, F64, I64]


@dataclass(frozen=True, slots=True)
class Decision:
    """The evidence at each of n attempts, the attempt included.

    ``score``: float64[n], 0 to 1. ``may_block``: False at the first call of a number of which nothing is
    known, unless it fits an established campaign: having no history is no offence. ``fits_campaign``: the
    attempt is like those of the campaign and is charged with it; ``tie``: by which of
    ``campaign_evidence.TIES``. ``is_new``: nothing was known of the caller.
    """

    score: F64
    may_block: Mask
    fits_campaign: Mask
    tie: I64
    shift: F64  # what the campaign adds to the log-odds
    is_young: Mask
    is_new: Mask


class OneDecision(NamedTuple):
    """``Decision`` of one attempt."""

    score: float
    may_block: bool
    fits_campaign: bool
    tie: int
    shift: float


def join_decisions(parts: Sequence[Decision]) -> Decision:
    """The decisions of consecutive attempts as one."""
    return Decision(
        **{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Decision)}
    )


class Evidence:
    """Order-exact: the answers do not depend on how attempts are cut into batches. Not thread-safe."""

    def __init__(self, parameters: DecisionParameters, *, prior: float, max_keys: int = 1_000_000) -> None:
        self._parameters = parameters
        self._callers = CallerEvidence(
            newcomer_log_odds=parameters.newcomer_log_odds,
            newcomer_weight=parameters.newcomer_weight,
            own_share=parameters.own_share,
            max_callers=max_keys,
        )
        self._campaigns = CampaignEvidence(parameters, prior=prior, max_keys=max_keys)
        self._sums = EvidenceSums(
            self._callers.sums,
            self._campaigns.sums,
            young_attempts=parameters.young_attempts,
            dependence=parameters.campaign_dependence,
        )

    def update(
        self,
        callers: U64,
        ties: Sequence[U64],
        times_us: I64,
        log_odds: F64,
        *,
        first_contact: Mask,
        frozen: Mask,
    ) -> Decision:
        """The evidence at each attempt; then counts the attempts, in order.

        ``callers``: uint64[n] keys, 0 where nobody is named; ``ties``: keys for each of
        ``campaign_evidence.TIES``; ``first_contact``: the caller had not called the callee before;
        ``frozen``: must not count against the caller (a spoof victim's number).
        """
        own = clipped(log_odds)
        known = self._sums.update(
            callers,
            ties,
            times_us,
            own=own,
            increments=self._campaigns.increments(own),
            first_contact=first_contact,
            frozen=frozen,
        )
        return self._decide(known, log_odds, own, first_contact)

    def read(
        self, callers: U64, ties: Sequence[U64], times_us: I64, log_odds: F64, *, first_contact: Mask
    ) -> Decision:
        """As ``update``, and counts nothing."""
        known = self._sums.read(callers, ties, times_us)
        return self._decide(known, log_odds, clipped(log_odds), first_contact)

    def read_one(
        self,
        caller: int,
        ties: Callable[[], Sequence[int]],
        time_us: int,
        log_odds: float,
        *,
        first_contact: bool,
    ) -> OneDecision:
        """``read`` of one attempt; where no campaign can matter, without arrays and without ``ties``."""
        parameters = self._parameters
        evidence, experience = self._callers.read_one(caller, time_us, log_odds)
        young = experience < parameters.young_attempts
        if young and first_contact and log_odds >= parameters.campaign_floor:
            whole = self.read(
                np.array([caller], np.uint64),
                [np.array([tie], np.uint64) for tie in ties()],
                np.array([time_us], np.int64),
                np.array([log_odds]),
                first_contact=np.array([True]),
            )
            return OneDecision(*(getattr(whole, name)[0].item() for name in OneDecision._fields))
        score = float(sigmoid_one(evidence - parameters.penalty(experience)))
        return OneDecision(score, may_block=experience != 0.0, fits_campaign=False, tie=0, shift=0.0)

    def merge(self, other: Evidence) -> None:
        """Add the evidence another scorer gathered from other attempts."""
        self._callers.merge(other._callers)
        self._campaigns.merge(other._campaigns)

    def states(self) -> dict[str, pa.RecordBatch]:
        """Everything that ``restore`` needs, by name."""
        return {_CALLERS: self._callers.state(), **self._campaigns.states()}

    def restore(self, states: Mapping[str, pa.RecordBatch]) -> None:
        """Replace the evidence by saved states. Raises InputError when one is missing."""
        if _CALLERS not in states:
            raise InputError(f"evidence: expected the state {_CALLERS}, found {', '.join(states)}")
        self._callers.restore(states[_CALLERS])
        self._campaigns.restore({name: state for name, state in states.items() if name != _CALLERS})

    def counters(self) -> dict[str, int]:
        """Keys held and evicted, by name."""
        return {
            **self._callers.counters(),
            **{f"campaign_{name}": count for name, count in self._campaigns.counters().items()},
        }

    def _decide(self, known: Known, own_log_odds: F64, own: F64, first_contact: Mask) -> Decision:
        """``own``: the same log-odds, ``clipped``."""
        total, count, experience, strongest, tie = known
        caller = self._callers.reading(total, count, experience, own)
        young = np.asarray(experience < self._parameters.young_attempts, dtype=np.bool_)
        fits = young & first_contact & (own_log_odds >= self._parameters.campaign_floor)
        shift, established = np.zeros(len(fits)), np.zeros(len(fits), np.bool_)
        at = np.flatnonzero(fits)
        if len(at):
            campaign = self._campaigns.reading(strongest[at])
            shift[at] = self._parameters.campaign_weight * campaign.shift
            established[at] = campaign.is_established
        log_odds = caller.log_odds - self._parameters.penalties(experience) + shift
        return Decision(
            score=sigmoid(np.asarray(log_odds, dtype=np.float64)),
            may_block=~caller.is_first | established,
            fits_campaign=established,
            tie=tie,
            shift=shift,
            is_young=young,
            is_new=caller.is_first,
        )
