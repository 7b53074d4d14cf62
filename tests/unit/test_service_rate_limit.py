"""Token buckets: rate, burst, bounded number, clocks that jump."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spit.service.rate_limit import TokenBuckets, peer_of


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_the_burst_passes_at_once_then_the_rate() -> None:
    clock = Clock()
    buckets = TokenBuckets(2.0, 4.0, clock=clock)
    assert [buckets.take("a") for _ in range(4)] == [0.0] * 4
    assert buckets.take("a") == 0.5
    assert buckets.take("b") == 0.0  # has one of its own
    clock.now_s += 0.25
    assert buckets.take("a") == 0.25
    assert buckets.wait_s("a") == 0.25
    clock.now_s += 0.25
    assert (buckets.take("a"), buckets.take("a")) == (0.0, 0.5)


def test_a_rate_of_zero_is_no_limit_and_holds_nothing() -> None:
    buckets = TokenBuckets(0.0, 0.0, clock=Clock())
    assert [buckets.take("a") for _ in range(1_000)] == [0.0] * 1_000
    assert (len(buckets), buckets.wait_s("a")) == (0, 0.0)


def test_the_bucket_used_longest_ago_is_forgotten_and_counted() -> None:
    buckets = TokenBuckets(1.0, 1.0, clock=Clock(), max_buckets=2)
    for key in ("a", "b", "a", "c"):
        buckets.take(key)
    assert (len(buckets), buckets.evicted) == (2, 1)
    assert buckets.take("a") > 0.0
    assert buckets.take("b") == 0.0  # begins anew


@given(st.lists(st.floats(-100, 100), max_size=50))
def test_a_clock_that_jumps_gives_no_more_than_the_burst_at_once(jumps: list[float]) -> None:
    clock = Clock()
    buckets = TokenBuckets(1.0, 3.0, clock=clock)
    for jump in jumps:
        clock.now_s += jump
        taken = 0
        while buckets.take("a") == 0.0:
            taken += 1
        assert taken <= 3


@pytest.mark.parametrize(
    ("client", "peer"),
    [
        (("192.0.2.7", 1), "192.0.2.7"),
        (("::ffff:192.0.2.7", 1), "192.0.2.7"),
        (("2001:db8:1:2:3::4", 1), "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 1), "fe80::/64"),
        (("testclient", 1), "unknown"),
        (None, "unknown"),
    ],
)
def test_a_peer_is_its_address_or_its_network(client: tuple[str, int] | None, peer: str) -> None:
    assert peer_of(client) == peer
