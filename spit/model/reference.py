"""What a model was trained on, as histograms: the reference that later traffic is compared with.

The measure is the population stability index (PSI), the symmetric Kullback-Leibler divergence of two
histograms. Up to 0.1 counts as stable and above 0.25 as changed (Siddiqi 2006, Credit Risk Scorecards); its
value under no change at all is about (bins - 1) * (1/n + 1/m) (Yurdakul 2018), hence ``MIN_ROWS``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from spit.errors import ModelError
from spit.model.scorer import F32, F64

FILE_NAME = "reference.json"
#: The column of the model's own probability, beside the features.
SCORE = "score"
BINS = 10
MODERATE_PSI = 0.1
CHANGED_PSI = 0.25
#: Below so many rows chance alone makes a PSI near MODERATE_PSI.
MIN_ROWS = 500
_MAX_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Reference:
    """Histograms of ``names`` (the features, then SCORE).

    ``edges``: per name at most BINS - 1 rising limits; bin i holds values up to and with limit i. ``shares``:
    per name the share of rows in each bin. ``medians``: per name. ``rows``: how many rows they were made
    from.
    """

    names: tuple[str, ...]
    edges: tuple[tuple[float, ...], ...]
    shares: tuple[tuple[float, ...], ...]
    medians: tuple[float, ...]
    rows: int

    @classmethod
    def of(cls, names: Sequence[str], values: F32, score: F64) -> Reference:
        """From float32[n, F] rows of the features ``names`` and their probabilities float64[n].

        Limits are the deciles; a value that many rows share is one bin of its own.
        """
        edges, shares, medians = [], [], []
        for column in [*values.T, score]:
            found = np.asarray(column[np.isfinite(column)], dtype=np.float64)
            if len(found) == 0:
                found = np.zeros(1)
            limits = np.unique(np.quantile(found, np.arange(1, BINS) / BINS, method="lower"))
            counts = np.bincount(np.searchsorted(limits, found), minlength=len(limits) + 1)
            edges.append(tuple(limits.tolist()))
            shares.append(tuple((counts / len(found)).tolist()))
            medians.append(float(np.median(found)))
        return cls((*names, SCORE), tuple(edges), tuple(shares), tuple(medians), len(values))

    def bins(self, at: int, column: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
        """The bin of each value of the column ``names[at]``; -1 where it is not finite."""
        found = np.searchsorted(np.asarray(self.edges[at]), column.astype(np.float64))
        return np.where(np.isfinite(column), found, -1).astype(np.int64)

    def to_json(self) -> str:
        """The text of reference.json."""
        columns = [
            {"name": name, "edges": list(edges), "shares": [round(s, 6) for s in shares], "median": median}
            for name, edges, shares, median in zip(
                self.names, self.edges, self.shares, self.medians, strict=True
            )
        ]
        return json.dumps({"rows": self.rows, "columns": columns}, allow_nan=False) + "\n"


def psi(expected: F64, rows: float, counts: F64) -> float:
    """PSI of a histogram of ``counts`` against shares ``expected`` made from ``rows`` rows.

    Half a row is added to every bin, so that an empty one doesn't make it infinite.
    """
    bins = len(counts)
    then = (expected * rows + 0.5) / (rows + 0.5 * bins)
    now = (counts + 0.5) / (float(counts.sum()) + 0.5 * bins)
    return float(((now - then) * np.log(now / then)).sum())


def read_reference(bundle: Path) -> Reference | None:
    """The reference in a bundle, None where it has none. Raises ModelError when it cannot be read."""
    path = bundle / FILE_NAME
    if not path.exists():
        return None
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ModelError(f"{path}: expected at most {_MAX_BYTES} bytes, found more")
        document = json.loads(path.read_text(encoding="utf-8"))
        columns = document["columns"]
        reference = Reference(
            tuple(str(c["name"]) for c in columns),
            tuple(tuple(float(v) for v in c["edges"]) for c in columns),
            tuple(tuple(float(v) for v in c["shares"]) for c in columns),
            tuple(float(c["median"]) for c in columns),
            int(document["rows"]),
        )
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ModelError(
            f"{path}: expected the histograms of a reference, found a mistake: {error}"
        ) from None
    for name, edges, shares in zip(reference.names, reference.edges, reference.shares, strict=True):
        sound = all(math.isfinite(v) for v in (*edges, *shares)) and list(edges) == sorted(set(edges))
        if not sound or len(shares) != len(edges) + 1:
            raise ModelError(
                f"{path}: column {name}: expected rising limits and a share per bin, found others"
            )
    return reference
