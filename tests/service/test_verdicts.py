"""GET /v1/verdicts and /v1/verdicts.csv; the counters and settings of what is pushed are documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from service_client import NOW_US, Service, problem
from verdict_samples import ALICE, BOB, REJECTED, TAGGED, WOULD_REJECT, verdict

from spit.enforce.feed import VerdictFeed
from spit.enforce.verdicts import CLEAR
from spit.engine import push_metrics
from spit.engine.observers import Observers
from spit.engine.verdict_changes import VerdictChanges
from spit.service import verdict_stream

NOW_S = NOW_US / 1e6
COUNTERS = (Path(__file__).parents[2] / "docs" / "counters.md").read_text(encoding="utf-8")


def service_with(feed: VerdictFeed) -> Service:
    return Service(observers=Observers(verdicts=VerdictChanges(feed, clock=lambda: 0.0)))


def filled() -> VerdictFeed:
    feed = VerdictFeed(first_sequence=10)
    feed.tell(verdict(ALICE, TAGGED, at_s=NOW_S - 3))
    feed.tell(verdict(ALICE, REJECTED, at_s=NOW_S - 2))
    feed.tell(verdict(BOB, WOULD_REJECT, at_s=NOW_S - 1))
    return feed


def test_a_change_as_json() -> None:
    feed = filled()
    document = service_with(feed).get("/v1/verdicts").json()
    assert (document["first_sequence"], document["last_sequence"]) == (10, 12)
    assert document["verdicts"][1] == {
        "sequence": 11,
        "time": NOW_S - 2,
        "caller": ALICE,
        "label": "spam",
        "action": "reject",
        "would_action": "reject",
        "mode": "enforce",
        "score": 0.97,
        "reasons": ["CALLER_RATE"],
        "attempts": 3,
        "model": "rate/1",
        "ttl_s": 300,
        "was": {"label": "suspect", "action": "tag", "would_action": "tag"},
    }
    assert document["verdicts"] == [one.document() for one in feed.latest(10)]


@pytest.mark.parametrize(
    ("query", "sequences"),
    [
        ("", [10, 11, 12]),
        ("limit=2", [11, 12]),
        ("label=suspect", [10, 11]),  # to it, and from it
        ("label=suspect&limit=1", [11]),
        ("label=suspect&label=spam", [10, 11, 12]),
        ("action=reject", [11]),
        ("would_action=reject", [11, 12]),
        ("would_action=reject&action=allow", [12]),
        ("action=drop", []),
    ],
)
def test_what_the_query_picks(query: str, sequences: list[int]) -> None:
    document = service_with(filled()).get(f"/v1/verdicts?{query}").json()
    assert [one["sequence"] for one in document["verdicts"]] == sequences


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "label=bad", "action=bad", "would_action=bad"])
def test_a_query_with_a_mistake(query: str) -> None:
    service = service_with(filled())
    problem(service.get(f"/v1/verdicts?{query}"), 422)
    if "limit" not in query:
        problem(service.get(f"/v1/verdicts/stream?{query}"), 422)


def test_nothing_has_changed_yet() -> None:
    document = Service().get("/v1/verdicts").json()
    assert document["verdicts"] == []
    assert document["last_sequence"] == document["first_sequence"] - 1


def test_the_callers_to_block_now() -> None:
    feed = filled()
    response = service_with(feed).get("/v1/verdicts.csv")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.text == f"caller,action,expires\n{ALICE},reject,2023-11-14T22:18:18Z\n"
    feed.tell(verdict(ALICE, CLEAR, at_s=NOW_S))
    assert service_with(feed).get("/v1/verdicts.csv").text == "caller,action,expires\n"


def documented(heading: str) -> dict[str, str]:
    section = COUNTERS.split(f"### {heading}\n", 1)[1].split("\n#", 1)[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE))


def test_every_counter_is_documented_with_the_meaning_in_the_code() -> None:
    assert documented("The feed") == push_metrics.FEED_MEANINGS
    assert documented("Each receiver") == push_metrics.PUSH_MEANINGS
    assert documented("Clients of the stream") == verdict_stream.MEANINGS
    assert documented("The block list") == push_metrics.FILE_MEANINGS
    for name in (*push_metrics.FEED_LEVELS, *push_metrics.PUSH_LEVELS):
        assert f"_{name}`" in COUNTERS
    assert VerdictFeed().counters().keys() == push_metrics.FEED_MEANINGS.keys()
