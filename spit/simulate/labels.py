"""The truth beside a capture: labels per call and per caller."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from spit.simulate.call_ids import call_ids
from spit.simulate.identities import canonical
from spit.simulate.plan import Plan


def to_labels(plan: Plan) -> pa.Table:
    """``call_id, label, campaign, kind, strength, caller`` of every call.

    ``campaign`` is one campaign with a number (``robocaller-2``), or the kind of caller where the label is
    ham; ``kind`` is what both have in common; ``strength`` (blatant, medium, stealthy) is empty for ham. The
    honest past of a compromised account is ham of its campaign. ``caller``: canonical, as in the events.
    """
    group = pa.array(plan.calls.group)
    found, at = np.unique(plan.calls.caller, return_inverse=True)
    callers = pa.array([canonical(n) for n in plan.parties.numbers[found].tolist()], pa.string())

    def of_group(values: list[str]) -> pa.Array:
        return pa.array(values, pa.string()).take(group)

    return pa.table(
        {
            "call_id": call_ids(plan.calls),
            "label": of_group(["spam" if g.spam else "ham" for g in plan.groups]),
            "campaign": of_group([g.name for g in plan.groups]),
            "kind": of_group([g.kind for g in plan.groups]),
            "strength": of_group([g.strength for g in plan.groups]),
            "caller": callers.take(pa.array(at)),
        }
    )


def to_caller_labels(plan: Plan) -> pa.Table:
    """``caller, label, campaign, kind, strength`` of every caller, in the order of their first calls.

    Who places a single spam call is spam.
    """
    table = to_labels(plan).drop_columns(["call_id"])
    columns = [name for name in table.column_names if name != "caller"]

    def first(rows: pa.Table) -> pa.Table:
        grouped = rows.group_by("caller", use_threads=False)
        return grouped.aggregate([(name, "first") for name in columns]).rename_columns(["caller", *columns])

    spam = first(table.filter(pc.equal(table["label"], "spam")))
    everyone = first(table)
    at = pc.index_in(everyone["caller"], spam["caller"])
    is_spam = pc.is_valid(at)
    merged = {"caller": everyone["caller"]}
    for name in columns:
        merged[name] = pc.if_else(is_spam, spam[name].take(at), everyone[name])
    return pa.table(merged)


def write_labels(plan: Plan, path: Path, *, by_caller: bool = False) -> None:
    """Writes the labels as CSV, per call or per caller. Raises OSError when the file cannot be written."""
    write_label_rows(to_caller_labels(plan) if by_caller else to_labels(plan), path)


def write_label_rows(table: pa.Table, path: Path) -> None:
    """Writes these labels as CSV. Raises OSError when the file cannot be written."""
    options = pa_csv.WriteOptions(quoting_style="none")
    with path.open("wb") as file:
        pa_csv.write_csv(table, file, options)
