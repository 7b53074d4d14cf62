"""The engine's guards: newcomers, spoof victims, consent, the budget; and what stands behind a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from spit.config import PolicyConfig
from spit.engine.callers import MAX_CALL_IDS
from spit.engine.engine import Engine
from spit.engine.scored import Scored
from spit.features.table import FeatureTable
from spit.model.decision import DecisionParameters
from spit.model.scorer import F32, F64
from spit.policy.policy import Policy
from spit.records import EVENT_SCHEMA, ActionKind, Label

START_US = 1_760_000_000_000_000


class _Fixed:
    """Says the same of every attempt: these tests ask what follows."""

    name, features, prior, error_budget = "fixed/1", FeatureTable.names, 0.1, None
    baseline: F32 = np.zeros(len(FeatureTable.names), np.float32)

    def __init__(self, log_odds: float, **parameters: Any) -> None:
        self.decision = DecisionParameters(**parameters)
        self._log_odds = log_odds

    def log_odds(self, values: F32) -> F64:
        return np.full(len(values), self._log_odds)


def _engine(log_odds: float, config: PolicyConfig | None = None, **parameters: float) -> Engine:
    return Engine(_Fixed(log_odds, **parameters), Policy(config or PolicyConfig()))


def _attempts(calls: Sequence[tuple[float, str | None, str, str]]) -> pa.RecordBatch:
    """(time in s, caller, callee, source)."""
    rows: list[dict[str, Any]] = [
        {
            "event": "attempt",
            "method": "INVITE",
            "time_us": START_US + int(second * 1e6),
            "start_time_us": START_US + int(second * 1e6),
            "call_id": f"id-{second:g}",
            "caller": caller,
            "callee": callee,
            "source_ip": source,
            "fingerprint": "0123456789abcdef",
        }
        for second, caller, callee, source in calls
    ]
    columns = [{name: row.get(name) for name in EVENT_SCHEMA.names} for row in rows]
    return pa.RecordBatch.from_pylist(columns, schema=EVENT_SCHEMA)


def _labels(scored: Scored) -> list[str]:
    return [label.value for label in scored.labels()]


def _newcomers(count: int, start_s: float = 0.0) -> list[tuple[float, str | None, str, str]]:
    return [(start_s + i, f"+1202{i:03}0000", f"+49301{i * 31:06}", "192.0.2.7") for i in range(count)]


@pytest.mark.parametrize("newcomer_weight", [0.01, 1.0])
@pytest.mark.parametrize("threshold", [None, 0.5])
def test_a_first_call_is_never_spam_without_a_campaign(
    newcomer_weight: float, threshold: float | None
) -> None:
    config = PolicyConfig(spam_threshold=threshold)
    engine = _engine(50.0, config, newcomer_weight=newcomer_weight, campaign_bound=100.0)
    scored = engine.observe(_attempts(_newcomers(60)))
    assert set(_labels(scored)) == {"suspect"}
    asked = engine.assess(_attempts([(99.0, "+4930", "+4931", "192.0.2.8")]))
    assert asked.verdict.label is Label.SUSPECT
    assert asked.action.would is ActionKind.TAG
    nameless = engine.observe(_attempts([(100.0 + i, None, f"+49{i:06}", "192.0.2.8") for i in range(30)]))
    assert "spam" not in _labels(nameless)


def test_a_first_call_that_fits_an_established_campaign_is_spam_and_says_so() -> None:
    engine = _engine(5.0, campaign_weight=1.0)
    labels = _labels(engine.observe(_attempts(_newcomers(40))))
    assert labels[0] == "suspect"
    assert labels[-1] == "spam"
    verdict = engine.assess(_attempts([(41.0, "+4930555", "+4931", "192.0.2.7")])).verdict
    assert verdict.label is Label.SPAM
    assert verdict.reasons[0].symbol == "CAMPAIGN"
    assert "share the sending address" in verdict.reasons[0].text
    elsewhere = engine.assess(_attempts([(41.0, "+4930556", "+4931", "203.0.113.1")])).verdict
    assert elsewhere.label is Label.SUSPECT


def test_a_spoof_victim_is_at_most_suspect_and_its_evidence_frozen() -> None:
    engine = _engine(6.0, campaign_weight=0.0)
    victim = "+4930123456"
    own = [(0.0, victim, "+4930999", "192.0.2.1")]
    spoofed = [(10.0 + i, victim, f"+4950{i:06}", "198.51.100.7") for i in range(6)]
    storm = [(100.0 + i, f"+4940{i:06}", victim, "192.0.2.9") for i in range(20)]
    later = [(200.0 + i, victim, f"+4960{i:06}", "198.51.100.7") for i in range(6)]
    scored = engine.observe(_attempts([*own, *spoofed, *storm, *later]))
    assert "spam" in _labels(scored)[: 1 + len(spoofed)]
    assert _labels(scored)[-len(later) :] == ["suspect"] * len(later)
    reasons = scored.reasons([len(scored) - 1])[0]
    assert "SPOOF_VICTIM" in [reason.symbol for reason in reasons]
    question = _attempts([(300.0, victim, "+4970", "198.51.100.7")])
    verdict = engine.assess(question).verdict
    assert (verdict.label, verdict.reasons[0].symbol) == (Label.SUSPECT, "SPOOF_VICTIM")
    unfrozen = _engine(6.0, campaign_weight=0.0)
    unfrozen.observe(_attempts([*own, *spoofed]))
    assert verdict.score == pytest.approx(unfrozen.assess(question).verdict.score, abs=1e-3)


def test_consent_is_of_one_callee() -> None:
    config = PolicyConfig(
        mode="enforce", block=("+1202*",), consent=("+1202*>+49301", "Alice@a.example>+4930*")
    )
    engine = _engine(-3.0, config)
    kinds = [
        engine.assess(_attempts([(0.0, caller, callee, "192.0.2.7")])).action.kind
        for caller, callee in [("+12025", "+49301"), ("+12025", "+49302"), ("+1303", "+49301")]
    ]
    assert kinds == [ActionKind.ALLOW, ActionKind.REJECT, ActionKind.ALLOW]


def test_a_verdict_carries_the_call_ids_behind_it() -> None:
    engine = _engine(6.0, campaign_weight=0.0)
    calls = [(float(i), "+12025550100", f"+49301{i * 31:06}", "192.0.2.7") for i in range(9)]
    scored = engine.observe(_attempts(calls))
    assert engine.assess(_attempts([(20.0, *calls[0][1:])])).verdict.evidence == tuple(
        f"id-{i}" for i in range(MAX_CALL_IDS)
    )
    by_call = scored.to_calls()["call_ids"].to_pylist()
    assert by_call[:2] == [["id-0"], ["id-0", "id-1"]]
    summary = engine.caller("+12025550100")
    assert summary is not None
    assert summary.call_ids == tuple(f"id-{i}" for i in range(MAX_CALL_IDS))


def test_a_wrong_block_is_charged_once_and_only_to_who_was_blocked(tmp_path: Path) -> None:
    engine = _engine(6.0, campaign_weight=0.0)
    spammers = [f"+1202555{i:04}" for i in range(30)]
    engine.observe(
        _attempts(
            [
                (i * 30.0 + n, c, f"+49301{n:03}{i:03}", "192.0.2.7")
                for i in range(6)
                for n, c in enumerate(spammers)
            ]
        )
    )
    now_us = engine.now_us() or 0
    assert not engine.report_wrong_block(now_us, "+49304711")
    assert [engine.report_wrong_block(now_us, c) for c in (*spammers[:9], spammers[0])] == [True] * 9 + [
        False
    ]
    counters = engine.counters()
    assert (counters["blocks_decided"], counters["wrong_blocks_reported"]) == (30, 9)
    assert counters["budget_level"] == 3
    question = _attempts([(400.0, spammers[0], "+49305", "192.0.2.7")])
    assert engine.assess(question).action.would is ActionKind.TAG
    engine.save(tmp_path)
    other = _engine(6.0, campaign_weight=0.0)
    other.load(tmp_path)
    assert other.assess(question) == engine.assess(question)
    assert other.counters()["wrong_blocks_reported"] == 9
    assert other.campaign_rows().equals(engine.campaign_rows())
    weeks_later = _attempts([(90 * 86_400.0, spammers[0], "+49305", "192.0.2.7")])
    # Of who asks and of who judges anew what was pushed, neither waits for the next event.
    weeks_later_us = weeks_later["time_us"][0].as_py()
    assert (engine.budget_level(now_us), engine.budget_level(weeks_later_us)) == (3, 0)
    engine.observe(weeks_later)
    assert engine.counters()["budget_level"] == 0
