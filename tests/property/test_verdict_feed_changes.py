"""Whoever follows the changes knows what is held, however attempts come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from verdict_samples import REJECTED, TAGGED, WOULD_REJECT, Heard, verdict

from spit.enforce.feed import VerdictFeed
from spit.enforce.verdicts import CLEAR, Standing

CALLERS = st.sampled_from(["a", "b", "c"])
STANDINGS = st.sampled_from([CLEAR, TAGGED, REJECTED, WOULD_REJECT])


@given(st.lists(st.tuples(CALLERS, STANDINGS, st.integers(0, 1_000))), st.integers(1, 20), st.integers(1, 5))
def test_the_changes_make_up_what_is_held(
    attempts: list[tuple[str, Standing, int]], history: int, limit: int
) -> None:
    feed, heard = VerdictFeed(history=history, first_sequence=40), Heard()
    feed.listen(heard)
    last: dict[str, int] = {}
    for caller, standing, at_s in attempts:
        feed.tell(verdict(caller, standing, at_s=at_s))
        held = feed.held(caller)
        if held is not None and at_s >= last.get(caller, 0):
            assert held.standing == standing
            last[caller] = at_s
    followed: dict[str, Standing] = {}
    for change in heard.changes:
        assert change.was == followed.get(change.caller, CLEAR)
        assert change.standing != change.was
        followed[change.caller] = change.standing
    assert {one.caller: one.standing for one in feed.standing()} == {
        caller: standing for caller, standing in followed.items() if not standing.is_clear
    }
    assert [one.sequence for one in heard.changes] == list(range(40, 40 + len(heard.changes)))
    read, lost = feed.after(39, limit)
    assert lost == feed.counters()["changes_dropped"] == max(len(heard.changes) - history, 0)
    while read and (more := feed.after(read[-1].sequence, limit)[0]):
        read += more
    assert read == heard.changes[lost:] == feed.latest(history)
