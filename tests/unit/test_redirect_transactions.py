"""INVITE server transactions against RFC 3261 section 17.2.1, without sockets and clocks."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from spit.enforce.redirect.transactions import (
    T1_S,
    T2_S,
    T4_S,
    TIMER_H_S,
    TRYING_AFTER_S,
    State,
    Transaction,
    Transactions,
)


def opened(
    transactions: Transactions[str], key: str = "a", *, reliable: bool = False, now_s: float = 0.0
) -> Transaction[str]:
    found = transactions.open(
        key, f"to {key}", reliable=reliable, trying=lambda: b"100", terminated=lambda: b"487", now_s=now_s
    )
    assert found is not None
    return found


def sent(transactions: Transactions[str], until_s: float) -> list[tuple[float, bytes]]:
    """What the timers send until then, each at the time that was asked for."""
    out: list[tuple[float, bytes]] = []
    while (due_s := transactions.due_s()) is not None and due_s <= until_s:
        out += [(due_s, send.data) for send in transactions.advance(due_s)]
    return out


def test_a_quick_answer_goes_out_without_a_100() -> None:
    transactions: Transactions[str] = Transactions(10)
    invite = opened(transactions)
    assert [(send.route, send.data) for send in transactions.answer(invite, b"404", 0.1)] == [
        ("to a", b"404")
    ]
    assert sent(transactions, 0.1 + T1_S - 0.01) == []


def test_an_answer_that_takes_long_is_announced() -> None:
    transactions: Transactions[str] = Transactions(10)
    invite = opened(transactions)
    assert list(transactions.repeated(invite)) == []
    assert sent(transactions, 10) == [(TRYING_AFTER_S, b"100")]
    assert [send.data for send in transactions.repeated(invite)] == [b"100"]
    assert [send.data for send in transactions.answer(invite, b"404", 11.0)] == [b"404"]
    assert [send.data for send in transactions.repeated(invite)] == [b"404"]


def test_without_an_ack_the_response_repeats_as_timer_g_says_until_timer_h() -> None:
    transactions: Transactions[str] = Transactions(10)
    invite = opened(transactions)
    list(transactions.answer(invite, b"404", 0.0))
    times = [time_s for time_s, _ in sent(transactions, 100)]
    assert times[:5] == [0.5, 1.5, 3.5, 7.5, 11.5]
    assert max(times) < TIMER_H_S
    assert all(later - earlier <= T2_S for earlier, later in pairwise(times))
    assert len(transactions) == 0
    assert transactions.counters()["acks_missing"] == 1
    assert transactions.counters()["responses_repeated"] == len(times) == 10


def test_over_tcp_nothing_repeats() -> None:
    transactions: Transactions[str] = Transactions(10)
    invite = opened(transactions, reliable=True)
    list(transactions.answer(invite, b"404", 0.0))
    assert sent(transactions, TIMER_H_S - 0.01) == []
    assert len(transactions) == 1
    sent(transactions, TIMER_H_S)
    assert len(transactions) == 0


def test_an_ack_ends_the_repeating_and_later_ones_are_absorbed() -> None:
    transactions: Transactions[str] = Transactions(10)
    invite = opened(transactions)
    list(transactions.answer(invite, b"404", 0.0))
    transactions.acknowledge(invite, 0.7)
    assert sent(transactions, 0.7 + T4_S - 0.01) == []
    assert list(transactions.repeated(invite)) == []
    transactions.acknowledge(invite, 1.0)
    assert transactions.find("a") is invite
    sent(transactions, 0.7 + T4_S)
    assert transactions.find("a") is None
    assert transactions.counters()["acks_missing"] == 0


def test_over_tcp_an_ack_ends_it_at_once() -> None:
    transactions: Transactions[str] = Transactions(10)
    invite = opened(transactions, reliable=True)
    list(transactions.answer(invite, b"404", 0.0))
    transactions.acknowledge(invite, 0.1)
    assert len(transactions) == 0
    assert transactions.due_s() is None


def test_an_ack_before_the_answer_changes_nothing() -> None:
    transactions: Transactions[str] = Transactions(10)
    invite = opened(transactions)
    transactions.acknowledge(invite, 0.1)
    assert invite.state is State.PROCEEDING


def test_a_cancel_ends_what_is_open_and_nothing_else() -> None:
    transactions: Transactions[str] = Transactions(10)
    invite = opened(transactions)
    assert [send.data for send in transactions.cancel(invite, 0.1)] == [b"487"]
    assert list(transactions.answer(invite, b"404", 0.2)) == []
    assert [send.data for send in transactions.repeated(invite)] == [b"487"]
    answered = opened(transactions, "b")
    list(transactions.answer(answered, b"404", 0.1))
    assert list(transactions.cancel(answered, 0.2)) == []


def test_silence_absorbs_what_repeats_the_invite_for_as_long_as_that_may_come() -> None:
    transactions: Transactions[str] = Transactions(10)
    invite = opened(transactions)
    transactions.silence(invite, 0.0)
    assert list(transactions.repeated(invite)) == []
    assert list(transactions.cancel(invite, 1.0)) == []
    assert sent(transactions, TIMER_H_S - 0.01) == []
    assert transactions.find("a") is invite
    sent(transactions, TIMER_H_S)
    assert transactions.find("a") is None
    assert transactions.counters()["acks_missing"] == 0


def test_room_is_made_by_the_oldest_that_is_over_and_never_by_an_open_one() -> None:
    transactions: Transactions[str] = Transactions(2)
    first, second = opened(transactions, "a"), opened(transactions, "b")
    assert transactions.open("c", "", reliable=False, trying=bytes, terminated=bytes, now_s=0.0) is None
    list(transactions.answer(second, b"404", 0.0))
    list(transactions.answer(first, b"404", 0.1))
    opened(transactions, "c", now_s=0.2)
    assert transactions.find("b") is None
    assert transactions.find("a") is first
    assert transactions.counters()["transactions_evicted"] == 1
    assert transactions.counters()["transactions_refused"] == 1


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["open", "answer", "ack", "cancel", "silence", "repeat", "advance"]),
        st.integers(0, 5),
        st.sampled_from([0.0, 0.1, 0.3, 1.0, 7.0, 40.0]),
        st.booleans(),
    ),
    max_size=80,
)


@settings(deadline=None)
@given(STEPS)
def test_whatever_happens_state_is_bounded_and_each_invite_has_one_final_response(
    steps: list[tuple[str, int, float, bool]],
) -> None:
    transactions: Transactions[str] = Transactions(4)
    now_s, finals = 0.0, dict[int, bytes]()
    kept: list[Transaction[str]] = []

    def note(key: str, data: bytes) -> None:
        current = transactions.find(key)
        assert current is not None
        if data != b"100":
            assert finals.setdefault(id(current), data) == data

    for step, number, wait_s, reliable in steps:
        now_s += wait_s
        key = str(number)
        found = transactions.find(key)
        sends = list(transactions.advance(now_s)) if step == "advance" else []
        if step == "open" and found is None:
            found = transactions.open(
                key, key, reliable=reliable, trying=lambda: b"100", terminated=lambda: b"487", now_s=now_s
            )
            kept += [found] if found is not None else []
        elif found is not None:
            if step == "answer":
                sends = list(transactions.answer(found, b"404", now_s))
            elif step == "cancel":
                sends = list(transactions.cancel(found, now_s))
            elif step == "repeat":
                sends = list(transactions.repeated(found))
            elif step == "ack":
                transactions.acknowledge(found, now_s)
            elif step == "silence":
                transactions.silence(found, now_s)
        for send in sends:
            note(send.route, send.data)
        assert len(transactions) <= 4
        assert len(transactions._timers) <= 2 * 4 + 65
    for transaction in kept:
        if transactions.find(transaction.key) is transaction:
            list(transactions.answer(transaction, b"404", now_s))
    sent(transactions, now_s + 2 * TIMER_H_S)
    assert len(transactions) == 0
