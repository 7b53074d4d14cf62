"""Labels of single calls and of callers, found for batches of attempts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from spit._core import hash_keys
from spit.engine.evaluation import read_labels
from spit.engine.feedback_labels import REPORT_COLUMNS, resolve_reports
from spit.errors import InputError

I8 = npt.NDArray[np.int8]
F64 = npt.NDArray[np.float64]
U64 = npt.NDArray[np.uint64]

UNLABELLED = -1
_CALL_SALT, _CALLER_SALT = 41, 42


def read_call_labels(path: Path) -> pa.Table:
    """``call_id`` or ``caller``, ``label`` and where there is one ``weight``; a feedback store is resolved.

    Raises InputError.
    """
    table = read_labels(path)
    if set(REPORT_COLUMNS) <= set(table.column_names):
        table = resolve_reports(table, where=str(path))
        if table.num_rows == 0:
            raise InputError(f"{path}: expected reports that suffice for a label, found none that do")
    return table


class CallLabels:
    """Answers which attempts are labelled. 64-bit keys, so that millions of labels take 25 bytes each.

    A row with a ``call_id`` labels that call, a row without one labels its ``caller``; a call's own label
    goes before its caller's. Raises InputError when two labels contradict each other.
    """

    def __init__(self, labels: pa.Table, *, where: str = "labels") -> None:
        n = labels.num_rows
        spam = pc.equal(labels["label"], "spam").to_numpy()
        weights = (
            pc.cast(labels["weight"], pa.float64()).fill_null(1.0).to_numpy()
            if "weight" in labels.column_names
            else np.ones(n)
        )
        if not (np.isfinite(weights).all() and (weights >= 0).all()):
            raise InputError(f"{where}: column weight: expected finite numbers of at least 0, found others")
        self._tables = []
        rest = np.ones(n, np.bool_)
        for name, salt in (("call_id", _CALL_SALT), ("caller", _CALLER_SALT)):
            if name not in labels.column_names:
                continue
            column = labels[name].combine_chunks()
            column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
            given = pc.not_equal(pc.fill_null(column, ""), "").to_numpy(zero_copy_only=False)
            rows = np.flatnonzero(rest & given)
            rest &= ~given
            if len(rows):
                found = column.take(pa.array(rows))
                self._tables.append(
                    (name, salt, *_sorted(found, hash_keys(found, salt), spam[rows], weights[rows], where))
                )

    def find(self, attempts: pa.RecordBatch) -> tuple[I8, F64]:
        """int8[n]: 1 spam, 0 legitimate, UNLABELLED; float64[n]: the label's weight, 0 where there is
        none.
        """
        label = np.full(attempts.num_rows, UNLABELLED, np.int8)
        weight = np.zeros(attempts.num_rows)
        for name, salt, keys, spam, weights in self._tables:
            wanted = hash_keys(attempts[name], salt)
            at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
            found = (keys[at] == wanted) & (wanted != 0) & (label == UNLABELLED)
            label[found] = spam[at[found]]
            weight[found] = weights[at[found]]
        return label, weight


def _sorted(
    names: pa.Array, keys: U64, spam: npt.NDArray[np.bool_], weights: F64, where: str
) -> tuple[U64, I8, F64]:
    order = np.argsort(keys, kind="stable")
    keys, spam, weights = keys[order], spam[order], weights[order]
    same = keys[1:] == keys[:-1]
    contradicting = np.flatnonzero(same & (spam[1:] != spam[:-1]))
    if len(contradicting):
        name = names[int(order[contradicting[0]])].as_py()
        raise InputError(f"{where}: expected one label for {name}, found spam and ham")
    first = np.r_[True, ~same]
    return keys[first], spam[first].astype(np.int8), weights[first]
