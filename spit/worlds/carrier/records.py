"""Rows of the result."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd


class Record(NamedTuple):
    """One call as seen by the operator; see the package documentation for units."""

    start_us: int
    call_id: str
    method: str
    caller: str
    callee: str
    source_ip: str
    destination_ip: str
    transport: str
    user_agent: str | None
    fingerprint: str
    asserted_identity: str | None
    attestation: str | None
    origid: str | None
    verstat: str | None
    passport_orig: str | None
    diverted_by: str | None
    outcome: str
    final_status: int
    ring_time_s: float | None
    pdd_s: float | None
    setup_time_s: float | None
    duration_s: float | None
    hangup_by: str
    retransmissions: int
    legs: int
    spam: bool
    kind: str
    strength: str
    campaign: str


_FLOATS = ("ring_time_s", "pdd_s", "setup_time_s", "duration_s")


def to_frame(records: list[Record]) -> pd.DataFrame:
    """Records as a table sorted by start, with times rounded to the millisecond."""
    frame = pd.DataFrame.from_records(records, columns=list(Record._fields))
    frame = frame.astype({**dict.fromkeys(_FLOATS, "float64"), "start_us": "int64", "spam": "bool"})
    frame[list(_FLOATS)] = frame[list(_FLOATS)].round(3)
    return frame.sort_values("start_us", kind="stable").reset_index(drop=True)
