"""From the rows of a world to call records (those of ``spit calls``, and more) and labels.

A world gives a row a call: ``start_us`` (epoch µs, of the INVITE), the times and outcome of the call in the
columns of records.END_FIELDS, what its INVITE shows in those of records.ATTEMPT_FIELDS, ``passport_orig``,
and the truth: ``spam``, ``kind``, ``strength`` and ``campaign`` (empty for legitimate calls).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from spit.records import CALL_SCHEMA, RECORD_SCHEMA

#: A call record of a world: what ``spit calls`` gives, and of the INVITE what it lacks.
WORLD_SCHEMA: pa.Schema = pa.schema(
    [
        *CALL_SCHEMA,
        *(
            RECORD_SCHEMA.field(name)
            for name in ("method", "diverted_by", "passport_types", "passport_orig", "passport_mismatch")
        ),
    ]
)

#: From the last ringing of a call that is not answered to its final response, or without any ringing from the
#: INVITE to there: a round trip.
_FINAL_S = 0.2


def to_records(calls: pd.DataFrame) -> pa.Table:
    """The calls as WORLD_SCHEMA has them, in their order. URIs are null: a world has identities only."""
    answered = calls["outcome"] == "answered"
    # A delivered MESSAGE is set up by its response; not every world says when that came.
    setup_time_s = calls["setup_time_s"].mask(answered & calls["setup_time_s"].isna(), _FINAL_S)
    finished_s = np.where(
        answered,
        setup_time_s + calls["duration_s"].fillna(0.0),
        calls["pdd_s"].fillna(0.0) + calls["ring_time_s"].fillna(0.0) + _FINAL_S,
    )
    start_time = calls["start_us"] / 1e6
    claimed, caller = calls["passport_orig"], calls["caller"]
    # Only numbers are compared, as the tracker does: a withheld one contradicts nothing.
    differs = caller.str.startswith("+") & (caller != claimed)
    made: dict[str, Any] = {
        "start_time": start_time,
        "end_time": start_time + finished_s,
        "setup_time_s": setup_time_s,
        "media": np.where(calls["method"] == "MESSAGE", "message", "audio"),
        "duration_censored": _where(calls["duration_s"].notna(), pa.scalar(False)),
        "passport_types": _where(calls["attestation"].notna(), pa.scalar("shaken")),
        "passport_mismatch": _where(claimed.notna(), pa.array(np.where(differs, "orig", "none"))),
    }
    if "auth_challenged" not in calls.columns:
        made["auth_challenged"] = np.zeros(len(calls), np.bool_)
    columns = []
    for field in WORLD_SCHEMA:
        if field.name in made:
            values = made[field.name]
        elif field.name in calls.columns:
            values = calls[field.name]
        else:
            columns.append(pa.nulls(len(calls), field.type))
            continue
        # NaN and None both say that there is none, whatever the type of the column.
        columns.append(pa.array(values, field.type, from_pandas=True))
    return pa.Table.from_arrays(columns, schema=WORLD_SCHEMA)


def _where(rows: pd.Series[bool], values: pa.Scalar | pa.Array) -> pa.Array:
    """The values in these rows, null in the others."""
    return pc.if_else(pa.array(rows), values, pa.scalar(None, values.type))


def to_labels(calls: pd.DataFrame) -> pa.Table:
    """``call_id, label, campaign, kind, strength, caller`` of every call, as the labels of simulated traffic:
    ``campaign`` is the kind of caller where the label is ham.
    """
    campaign = np.where(calls["spam"], calls["campaign"], calls["kind"])
    columns = {
        "call_id": calls["call_id"],
        "label": np.where(calls["spam"], "spam", "ham"),
        "campaign": campaign,
        "kind": calls["kind"],
        "strength": calls["strength"],
        "caller": calls["caller"],
    }
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
