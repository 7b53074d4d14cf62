"""The truth beside a capture: labels per call and per caller."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from spit.simulate.plan import Plan


def to_labels(plan: Plan) -> pa.Table:
    """``call_id, label, campaign`` of every call; campaign is the kind of caller where label is ham."""
    group = pa.array(plan.calls.group)
    return pa.table(
        {
            "call_id": pa.array(plan.call_ids, pa.string()),
            "label": pa.array(["spam" if g.spam else "ham" for g in plan.groups], pa.string()).take(group),
            "campaign": pa.array([g.name for g in plan.groups], pa.string()).take(group),
        }
    )


def to_caller_labels(plan: Plan) -> pa.Table:
    """``caller, label, campaign`` of every caller, in the order of their first calls."""
    numbers = pc.binary_join_element_wise("+", pa.array(plan.parties.numbers).cast(pa.string()), "")
    table = to_labels(plan).append_column("caller", numbers.take(pa.array(plan.calls.caller)))
    first = table.group_by("caller", use_threads=False).aggregate([("label", "first"), ("campaign", "first")])
    return first.rename_columns(["caller", "label", "campaign"])


def write_labels(plan: Plan, path: Path, *, by_caller: bool = False) -> None:
    """Writes the labels as CSV, per call or per caller. Raises OSError when the file cannot be written."""
    table = to_caller_labels(plan) if by_caller else to_labels(plan)
    options = pa_csv.WriteOptions(quoting_style="none")
    with path.open("wb") as file:
        pa_csv.write_csv(table, file, options)
