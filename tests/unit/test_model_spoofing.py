"""Spoof victims: a storm of strangers and several sources together, neither alone."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from spit.errors import InputError
from spit.model.spoofing import SpoofVictims

VICTIM = "+4930123456"
Rows = list[tuple[float, str, str, str]]


def _update(victims: SpoofVictims, rows: Rows) -> list[bool]:
    """Attempts as (time in s, caller, callee, source), all to strangers."""
    callers, callees, sources = (pa.array([row[i] for row in rows], pa.string()) for i in (1, 2, 3))
    times_us = np.array([row[0] * 1e6 for row in rows], np.int64)
    found = victims.update(callers, callees, sources, times_us, np.ones(len(rows), np.bool_))
    return [bool(one) for one in found]


def _storm(start_s: float, calls: int = 20) -> Rows:
    return [(start_s + i, f"+4940{i:06}", VICTIM, "192.0.2.9") for i in range(calls)]


OWN: Rows = [(0.0, VICTIM, "+4930999", "192.0.2.1")]


def _spoofed(start_s: float, calls: int = 3) -> Rows:
    return [(start_s + i, VICTIM, f"+4950{i:06}", "198.51.100.7") for i in range(calls)]


def test_both_signs_together_make_a_victim_at_every_source() -> None:
    found = _update(SpoofVictims(), [*OWN, *_spoofed(100), *_storm(200), *_spoofed(300), (301, *OWN[0][1:])])
    assert not any(found[:-4])
    assert all(found[-4:])


def test_a_number_that_is_called_back_at_its_only_source_is_none() -> None:
    wangiri = [(float(i), VICTIM, f"+4950{i:06}", "198.51.100.7") for i in range(30)]
    assert not any(_update(SpoofVictims(), [*wangiri, *_storm(100), *_spoofed(200)]))


def test_several_sources_without_a_storm_are_none() -> None:
    assert not any(_update(SpoofVictims(), [*OWN, *_spoofed(100), *_storm(200, calls=5), *_spoofed(300)]))


def test_the_storm_passes() -> None:
    victims = SpoofVictims()
    _update(victims, [*OWN, *_spoofed(100), *_storm(200)])
    assert _update(victims, _spoofed(300)) == [True] * 3
    assert _update(victims, _spoofed(300 + 2 * 3600)) == [False] * 3


def test_reading_and_saving() -> None:
    victims = SpoofVictims()
    _update(victims, [*OWN, *_spoofed(100), *_storm(200)])
    question = (pa.array([VICTIM]), pa.array(["198.51.100.7"]), np.array([300_000_000], np.int64))
    restored = SpoofVictims()
    assert not restored.read(*question)[0]
    restored.restore(victims.states())
    assert restored.read(*question)[0]
    assert restored.read(*question)[0]
    with pytest.raises(InputError, match="spoofing state"):
        restored.restore({})


@pytest.mark.parametrize("cut", [1, 4, 10, 24])
def test_the_cut_does_not_matter(cut: int) -> None:
    rows = [*OWN, *_spoofed(100), *_storm(200), *_spoofed(300)]
    whole, parts = SpoofVictims(), SpoofVictims()
    assert _update(parts, rows[:cut]) + _update(parts, rows[cut:]) == _update(whole, rows)
