"""Hand-made call events for the feature tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from spit._core import Attempts, Events
from spit.features import FeatureTable
from spit.records import EVENT_SCHEMA

START_US = 1_700_000_000_000_000
ALICE = "+493012345678"
BOB = "+498912345678"


def attempt(at_s: float, caller: str | None = ALICE, callee: str | None = BOB, **more: Any) -> dict[str, Any]:
    """One attempt, from one peer unless told otherwise."""
    time_us = START_US + round(at_s * 1e6)
    return {
        "event": "attempt",
        "time_us": time_us,
        "start_time_us": time_us,
        "method": "INVITE",
        "call_id": f"{caller}-{callee}-{at_s}",
        "caller": caller,
        "callee": callee,
        "caller_uri": f"sip:{caller}@example.org",
        "source_ip": "192.0.2.1",
        "fingerprint": "00112233aabbccdd",
        **more,
    }


def end(
    at_s: float, outcome: str, caller: str | None = ALICE, callee: str | None = BOB, **more: Any
) -> dict[str, Any]:
    """One end; an answered call talked 100 s unless told otherwise."""
    row = {**attempt(at_s, caller, callee), "event": "end", "outcome": outcome, "duration_censored": False}
    if outcome == "answered":
        row |= {"duration_s": 100.0, "hangup_by": "caller", "final_status": 200}
    return {**row, **more}


def batch(*events: dict[str, Any]) -> pa.RecordBatch:
    """The events as one batch, in this order."""
    return pa.RecordBatch.from_pylist(list(events), schema=EVENT_SCHEMA)


def features_at(last: dict[str, Any], *before: dict[str, Any]) -> dict[str, float]:
    """The features of the attempt ``last`` after the events before it."""
    observed = FeatureTable(max_keys=1000).observe(batch(*before, last))
    return dict(zip(FeatureTable.names, observed.values[-1].tolist(), strict=True))


def attempts_of(**texts: list[str | None]) -> Attempts:
    """Attempts of these columns of texts alone."""
    columns = {name: pa.array(values, pa.string()) for name, values in texts.items()}
    events = pa.record_batch(columns)
    return Attempts(Events(events), np.arange(events.num_rows))
