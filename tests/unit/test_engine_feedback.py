"""Reports: which call is meant, who may speak, how much, and what stays on disk."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

import pytest
from feature_events import ALICE, BOB, START_US, attempt, batch, end

from spit.engine.feedback import (
    DAY_US,
    Feedback,
    FeedbackError,
    FeedbackKind,
    FeedbackLimits,
    Report,
    TooManyReportsError,
    UnknownCallError,
)
from spit.engine.feedback_store import FeedbackStore, read_reports
from spit.errors import InputError
from spit.lists import ListEntry, ListKind
from spit.policy.list_index import ListIndex
from spit.policy.lists import Lists

CAROL = "+493098765432"
REPORT, LAST_CALL, NOT_SPAM, APPEAL = (
    FeedbackKind.REPORT,
    FeedbackKind.LAST_CALL,
    FeedbackKind.NOT_SPAM,
    FeedbackKind.APPEAL,
)


class Kept:
    def __init__(self) -> None:
        self.reports: list[Report] = []

    def append(self, reports: Sequence[Report]) -> None:
        self.reports.extend(reports)


def at(seconds: float) -> int:
    return START_US + round(seconds * 1e6)


def talked(at_s: float, caller: str, callee: str, **more: object) -> list[dict[str, object]]:
    call_id = f"{caller}>{callee}@{at_s}"
    return [
        attempt(at_s, caller, callee, call_id=call_id),
        end(at_s + 10, "answered", caller, callee, call_id=call_id, **more),
    ]


def collector(**options: object) -> tuple[Feedback, Kept]:
    kept = Kept()
    return Feedback(kept, key=b"k" * 32, **options), kept  # type: ignore[arg-type]


def test_my_last_call_is_the_one_that_ended_last_and_not_too_long_ago() -> None:
    feedback, kept = collector(limits=FeedbackLimits(last_call_s=60))
    feedback.observe(batch(*talked(0, ALICE, BOB), *talked(100, CAROL, BOB)))
    found = feedback.report(LAST_CALL, reporter=BOB, time_us=at(150))
    assert (found.caller, found.call_id, found.label) == (CAROL, f"{CAROL}>{BOB}@100", "spam")
    assert kept.reports == [found]
    with pytest.raises(UnknownCallError, match="a call of the last 60 s"):
        feedback.report(LAST_CALL, reporter=BOB, time_us=at(171))
    with pytest.raises(UnknownCallError, match=r"a call from \+4930"):
        feedback.report(LAST_CALL, reporter=BOB, time_us=at(150), caller=ALICE)


def test_only_the_callee_reports_a_call_and_only_the_caller_appeals() -> None:
    appeals: list[Report] = []
    feedback, kept = collector(on_appeal=appeals.append)
    feedback.observe(batch(*talked(0, ALICE, BOB)))
    call_id = f"{ALICE}>{BOB}@0"
    for kind, stranger in ((REPORT, CAROL), (REPORT, ALICE), (NOT_SPAM, CAROL), (APPEAL, BOB)):
        with pytest.raises(FeedbackError, match="found somebody else"):
            feedback.report(kind, reporter=stranger, time_us=at(20), call_id=call_id)
    with pytest.raises(FeedbackError, match="the call that the appeal is about"):
        feedback.report(APPEAL, reporter=ALICE, time_us=at(20))
    with pytest.raises(FeedbackError, match="kind: expected one of report"):
        feedback.report(FeedbackKind.DECOY, reporter=BOB, time_us=at(20), call_id=call_id)
    feedback.report(REPORT, reporter=BOB, time_us=at(20), call_id=call_id)
    feedback.report(APPEAL, reporter=ALICE, time_us=at(30), call_id=call_id)
    assert [report.label for report in kept.reports] == ["spam", "ham"]
    assert [report.kind for report in appeals] == [APPEAL]
    assert feedback.counters()["refused"] == 5


def test_a_reporter_says_so_much_a_day_and_607_counts_too() -> None:
    feedback, kept = collector(limits=FeedbackLimits(reports_per_day=2))
    feedback.observe(batch(*talked(0, ALICE, BOB, final_status=607), *talked(50, CAROL, BOB)))
    feedback.report(LAST_CALL, reporter=BOB, time_us=at(70))
    with pytest.raises(TooManyReportsError, match="at most 2 reports a day"):
        feedback.report(LAST_CALL, reporter=BOB, time_us=at(71))
    assert [report.kind for report in kept.reports] == [FeedbackKind.UNWANTED, LAST_CALL]
    feedback.observe(batch(*talked(DAY_US / 1e6, ALICE, BOB)))
    feedback.report(LAST_CALL, reporter=BOB, time_us=at(DAY_US / 1e6 + 20))


def test_decoys_and_rejections_of_other_networks_are_seen_in_the_traffic() -> None:
    feedback, kept = collector(decoys=[CAROL], limits=FeedbackLimits(reports_per_day=1))
    rejected = talked(5, ALICE, BOB, final_status=608, destination_ip="192.0.2.99")
    feedback.observe(batch(*talked(0, ALICE, CAROL), *talked(1, BOB, CAROL), *rejected))
    assert [(report.kind, report.caller) for report in kept.reports] == [
        (FeedbackKind.DECOY, ALICE),
        (FeedbackKind.DECOY, BOB),
        (FeedbackKind.REJECTED, ALICE),
    ]
    assert kept.reports[2].weight < kept.reports[0].weight


def test_decoys_of_the_lists_are_seen_too_while_they_hold() -> None:
    decoy = ListEntry(kind=ListKind.DECOY, pattern=CAROL, expires_at_us=at(60), id=1)
    feedback, kept = collector(is_decoy=Lists(ListIndex([decoy])).is_decoy)
    feedback.observe(batch(*talked(0, ALICE, CAROL), *talked(1, ALICE, BOB), *talked(100, BOB, CAROL)))
    assert [(report.kind, report.caller) for report in kept.reports] == [(FeedbackKind.DECOY, ALICE)]


def test_memory_is_bounded_and_the_oldest_leave() -> None:
    feedback, _ = collector(limits=FeedbackLimits(max_calls=3, max_reporters=1))
    callees = [f"+4930000000{i}" for i in range(5)]
    feedback.observe(
        batch(*[event for i, callee in enumerate(callees) for event in talked(i, ALICE, callee)])
    )
    assert feedback.counters()["calls"] == 3
    assert feedback.counters()["calls_evicted"] == 2
    with pytest.raises(UnknownCallError):
        feedback.report(LAST_CALL, reporter=callees[0], time_us=at(30))
    for callee in callees[3:]:
        feedback.report(LAST_CALL, reporter=callee, time_us=at(30))
    assert feedback.counters()["reporters"] == 1
    assert feedback.counters()["reporters_evicted"] == 1


def test_scoring_goes_on_when_reports_cannot_be_written() -> None:
    class Full:
        def append(self, _reports: Sequence[Report]) -> None:
            raise OSError(28, "No space left on device")

    feedback = Feedback(Full(), key=b"k")
    feedback.observe(batch(*talked(0, ALICE, BOB, final_status=607)))
    assert feedback.counters()["write_failures"] == 1
    with pytest.raises(OSError, match="No space left"):
        feedback.report(LAST_CALL, reporter=BOB, time_us=at(20))


def test_the_store_keeps_what_was_said_over_restarts_and_names_no_reporter(tmp_path: Path) -> None:
    path = tmp_path / "reports.csv"
    for _ in range(2):
        store = FeedbackStore(path)
        feedback = Feedback(store, key=store.key())
        feedback.observe(batch(*talked(0, ALICE, BOB)))
        feedback.report(LAST_CALL, reporter=BOB, time_us=at(20))
    rows = read_reports(path)
    assert [row["kind"] for row in rows] == ["last_call", "last_call"]
    assert rows[0] == rows[1]
    assert BOB not in "".join(row["reporter_hash"] for row in rows)
    assert rows[0]["time"] == f"{at(20) / 1e6:.6f}"
    assert stat.S_IMODE((tmp_path / "reports.csv.key").stat().st_mode) == 0o600


def test_a_line_that_was_cut_short_costs_itself_only(tmp_path: Path) -> None:
    path = tmp_path / "reports.csv"
    report = Report(REPORT, 'a"b,c\nd', ALICE, "00ff", START_US)
    FeedbackStore(path).append([report])
    with path.open("ab") as file:
        file.write(b"spam,cut")
    FeedbackStore(path).append([report])
    assert [row["call_id"] for row in read_reports(path)] == [report.call_id, report.call_id]


def test_another_file_is_no_store(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("call_id,label\n")
    with pytest.raises(InputError, match="expected a feedback store"):
        FeedbackStore(path)
    with pytest.raises(InputError, match="found call_id,label"):
        read_reports(path)
