"""Those who look on while an engine scores: a challenger, drift, feedback; and their numbers for /metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spit.engine.challenger import Challenger
from spit.engine.drift import DriftMonitor
from spit.engine.engine import Observer, SavedObserver
from spit.engine.feedback import Feedback
from spit.engine.grey_state import GreyState
from spit.engine.verdict_changes import VerdictChanges
from spit.export.prometheus import Sample

if TYPE_CHECKING:
    from spit.engine.call_records import CallRecords


@dataclass(frozen=True, slots=True)
class Observers:
    """Each may be missing."""

    challenger: Challenger | None = None
    drift: DriftMonitor | None = None
    feedback: Feedback | None = None
    records: CallRecords | None = None
    verdicts: VerdictChanges | None = None
    grey: GreyState | None = None

    def saved(self) -> tuple[SavedObserver, ...]:
        """Those whose state is saved with the engine's."""
        every = (self.records, self.grey)
        return tuple(one for one in every if one is not None)

    def all(self) -> tuple[Observer, ...]:
        """The others that there are, as an engine takes them."""
        every = (self.challenger, self.drift, self.feedback, self.verdicts)
        return tuple(one for one in every if one is not None)

    def samples(self) -> list[Sample]:
        """What /metrics tells of them."""
        found: list[Sample] = []
        if self.drift is not None:
            drifts = [drift for drift in self.drift.drifts() if drift.psi is not None]
            found += [
                Sample(
                    "spit_drift_psi",
                    "gauge",
                    "population stability index of a feature, or of the score, against training",
                    drift.psi or 0.0,
                    (("name", drift.name),),
                )
                for drift in drifts
            ]
        if self.challenger is not None:
            compared = self.challenger.comparison()
            found += [
                Sample(
                    "spit_challenger_attempts_total",
                    "counter",
                    "attempts that both models scored, by whether they agree",
                    value,
                    (("outcome", outcome),),
                )
                for outcome, value in (
                    ("agreed", compared.agreed),
                    ("only_champion_spam", compared.only_champion),
                    ("only_challenger_spam", compared.only_challenger),
                    (
                        "otherwise",
                        compared.attempts
                        - compared.agreed
                        - compared.only_champion
                        - compared.only_challenger,
                    ),
                )
            ]
        if self.feedback is not None:
            found += [
                Sample(
                    "spit_feedback_counter",
                    "gauge",
                    "counters of feedback, by name",
                    value,
                    (("name", name),),
                )
                for name, value in sorted(self.feedback.counters().items())
            ]
        if self.records is not None:
            found += self.records.samples()
        return found
