"""Measure a model with a policy: who is found, after how many calls, and who is wrongly flagged.

Results on simulated traffic are not comparable with results on real traffic; every report says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from spit.engine.callers import SPAM_RANK, SUSPECT_RANK
from spit.engine.engine import Engine
from spit.engine.scored import Scored
from spit.errors import InputError
from spit.model.scorer import Model
from spit.policy.policy import Policy
from spit.simulate.events import to_events
from spit.simulate.labels import to_labels
from spit.simulate.spec import SimulationSpec
from spit.simulate.traffic import simulate

if TYPE_CHECKING:
    import pandas as pd

SIMULATED_NOTE = (
    "Measured on simulated traffic. The simulation is made by the authors of the detector, so these numbers "
    "say that the parts work together; they are not comparable with results on real traffic."
)
CAPTURE_NOTE = "Measured on a labelled capture; the result holds for traffic like it and no other."

Progress = Callable[[str], None]

_BATCH_EVENTS = 65_536
_LABELS = {"spam": True, "ham": False, "legit": False}


def silent(_: str) -> None:
    """Progress that nobody wants to read."""


@dataclass(frozen=True)
class Evaluation:
    """``groups``: a row per campaign and per kind of legitimate caller; ``overall``: spam and ham in all.

    A caller is *flagged* when one of its calls was labelled spam. ``calls_before_detection``: calls of a
    flagged caller that went by before its first flagged call.
    """

    groups: pd.DataFrame
    overall: dict[str, Any]
    note: str

    def to_text(self) -> str:
        """The table, the totals and the note, for a terminal."""
        table = self.groups.to_string(index=False, float_format=lambda v: f"{v:.4g}", na_rep="-")
        totals = "\n".join(
            f"{name.replace('_', ' ')}: {_shown(value)}" for name, value in self.overall.items()
        )
        return f"{table}\n\n{totals}\n\n{self.note}\n"

    def to_json(self) -> str:
        """One JSON object: ``groups``, ``overall``, ``note``. Unknown values are null."""
        groups = json.loads(self.groups.to_json(orient="records"))
        return json.dumps({"groups": groups, "overall": self.overall, "note": self.note}, indent=1)


def read_labels(path: Path) -> pa.Table:
    """Labels beside a capture: ``call_id,label,campaign`` or ``caller,label,campaign``; label spam or ham.

    Raises InputError.
    """
    try:
        convert = pa.csv.ConvertOptions(
            column_types={name: pa.string() for name in ("call_id", "caller", "label", "campaign")},
            strings_can_be_null=False,
        )
        table = pa.csv.read_csv(path, convert_options=convert)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: expected a CSV file of labels, found: {error}") from None
    check_labels(table, str(path))
    return table


def check_labels(labels: pa.Table, where: str) -> str:
    """The key column, ``call_id`` or ``caller``. Raises InputError when the table cannot be labels."""
    keys = [name for name in ("call_id", "caller") if name in labels.column_names]
    if not keys or "label" not in labels.column_names:
        raise InputError(
            f"{where}: expected the columns call_id (or caller), label and campaign, "
            f"found {', '.join(labels.column_names)}"
        )
    unknown = sorted({str(v) for v in labels["label"].unique().to_pylist()} - set(_LABELS))
    if unknown:
        raise InputError(f"{where}: column label: expected spam or ham, found {', '.join(unknown[:3])}")
    return keys[0]


def kinds_of(labels: pa.Table) -> pa.Array:
    """The kind of each label: the column ``kind``, else the campaign without its number (``wangiri-2``)."""
    campaign = labels["campaign"] if "campaign" in labels.column_names else pa.nulls(labels.num_rows)
    unnumbered = pc.replace_substring_regex(campaign.cast(pa.string()).fill_null(""), r"-\d+$", "")
    if "kind" in labels.column_names:
        told = labels["kind"].cast(pa.string()).fill_null("")
        unnumbered = pc.if_else(pc.equal(told, ""), unnumbered, told)
    return unnumbered.combine_chunks() if isinstance(unnumbered, pa.ChunkedArray) else unnumbered


def join_labels(scored: Iterable[Scored], labels: pa.Table, *, source: str = "") -> pd.DataFrame:
    """A row per attempt, in order: what was said of it and what is true; ``spam`` is NA without a label.

    ``strength`` is empty where the labels do not tell. ``source`` is put before callers and campaigns.
    """
    import pandas as pd

    key = check_labels(labels, source or "labels")
    parts = [
        pd.DataFrame(
            {
                "call_id": part.events["call_id"].to_pylist(),
                "caller": part.events["caller"].to_pylist(),
                "score": part.score,
                "flagged": part.label_rank >= SPAM_RANK,
                "suspect": part.label_rank >= SUSPECT_RANK,
            }
        )
        for part in scored
    ]
    attempts = pd.concat(parts, ignore_index=True)

    def told(name: str) -> list[str]:
        if name not in labels.column_names:
            return [""] * labels.num_rows
        values: list[str] = labels[name].fill_null("").to_pylist()
        return values

    truth = pd.DataFrame(
        {
            key: labels[key].to_pylist(),
            "spam": [_LABELS[label] for label in labels["label"].to_pylist()],
            "campaign": told("campaign"),
            "kind": kinds_of(labels).to_pylist(),
            "strength": told("strength"),
        }
    ).drop_duplicates(key)
    joined = attempts.merge(truth, on=key, how="left")
    joined["number"] = joined["caller"]
    joined["caller"] = source + "|" + joined["caller"].fillna("(none)")
    joined["campaign"] = source + "|" + joined["campaign"]
    return joined


class Measurement:
    """Collects scored attempts and their labels, capture by capture.

    Campaigns of one kind are one group: the number of a campaign (``wangiri-2``) is left out.
    """

    def __init__(self) -> None:
        self._frames: list[pd.DataFrame] = []
        self._unlabelled = 0

    def add(self, scored: Iterable[Scored], labels: pa.Table, *, source: str = "") -> None:
        """Add one capture. ``source`` keeps equal numbers of different captures apart."""
        joined = join_labels(scored, labels, source=source)
        known = joined["spam"].notna()
        self._unlabelled += int((~known).sum())
        self._frames.append(joined[known].astype({"spam": bool}))

    def result(self, note: str) -> Evaluation:
        """The evaluation of everything added. Raises InputError when no attempt had a label."""
        import pandas as pd

        calls = pd.concat(self._frames, ignore_index=True) if self._frames else pd.DataFrame()
        if calls.empty:
            raise InputError("nothing to evaluate: expected attempts with labels, found none")
        calls["position"] = calls.groupby(["spam", "kind", "caller"]).cumcount()
        callers = calls.groupby(["spam", "kind", "caller"], as_index=False).agg(
            calls=("flagged", "size"), flagged=("flagged", "any"), suspect=("suspect", "any")
        )
        first = calls[calls["flagged"]].groupby(["spam", "kind", "caller"], as_index=False)["position"].min()
        callers = callers.merge(first, on=["spam", "kind", "caller"], how="left")
        rows = [
            _group_row(
                str(group),
                bool(spam),
                callers[at],
                calls[(calls["spam"] == spam) & (calls["kind"] == group)],
            )
            for (spam, group) in sorted(set(zip(callers["spam"], callers["kind"], strict=True)), reverse=True)
            for at in [(callers["spam"] == spam) & (callers["kind"] == group)]
        ]
        spam, ham = callers[callers["spam"]], callers[~callers["spam"]]
        overall = {
            "callers": len(callers),
            "calls": len(calls),
            "callers_true_positive_rate": _mean(spam["flagged"]),
            "callers_false_positive_rate": _mean(ham["flagged"]),
            "callers_false_positives": int(ham["flagged"].sum()),
            "callers_suspected_wrongly": int((ham["suspect"] & ~ham["flagged"]).sum()),
            "calls_true_positive_rate": _mean(calls.loc[calls["spam"], "flagged"]),
            "calls_false_positive_rate": _mean(calls.loc[~calls["spam"], "flagged"]),
            "calls_before_detection_median": _quantile(spam["position"], 0.5),
            "calls_before_detection_p95": _quantile(spam["position"], 0.95),
            "calls_without_label": self._unlabelled,
        }
        return Evaluation(pd.DataFrame(rows), overall, note)


def evaluate(engine: Engine, events: Iterable[pa.RecordBatch], labels: pa.Table, *, note: str) -> Evaluation:
    """Replay ``events`` (in time order) through a fresh ``engine`` and compare with ``labels``."""
    measurement = Measurement()
    measurement.add((engine.observe(batch) for batch in events), labels)
    return measurement.result(note)


def evaluate_on_simulation(
    model: Model,
    policy: Policy,
    specs: Sequence[SimulationSpec],
    *,
    progress: Callable[[str], None] | None = None,
) -> Evaluation:
    """Simulate each of ``specs``, replay it through a fresh engine, and measure all together."""
    measurement = Measurement()
    for at, spec in enumerate(specs):
        plan = simulate(spec)
        events, engine = to_events(plan), Engine(model, policy)
        batches = (events.slice(start, _BATCH_EVENTS) for start in range(0, events.num_rows, _BATCH_EVENTS))
        # The position, too: two scenarios may share a seed.
        measurement.add((engine.observe(b) for b in batches), to_labels(plan), source=f"{at}/{spec.seed}")
        if progress is not None:
            progress(f"evaluated seed {spec.seed} ({at + 1} of {len(specs)}): {len(plan)} calls")
    return measurement.result(SIMULATED_NOTE)


def _group_row(group: str, spam: bool, callers: pd.DataFrame, calls: pd.DataFrame) -> dict[str, Any]:
    return {
        "label": "spam" if spam else "ham",
        "group": group or "(none)",
        "callers": len(callers),
        "calls": len(calls),
        "callers_flagged": int(callers["flagged"].sum()),
        "callers_flagged_ratio": _mean(callers["flagged"]),
        "callers_suspect_ratio": _mean(callers["suspect"]),
        "calls_flagged_ratio": _mean(calls["flagged"]),
        "calls_before_detection_median": _quantile(callers["position"], 0.5),
        "calls_before_detection_p95": _quantile(callers["position"], 0.95),
    }


def _mean(column: pd.Series[Any]) -> float | None:
    return float(np.mean(column)) if len(column) else None


def _quantile(column: pd.Series[Any], q: float) -> float | None:
    found = column.dropna()
    return float(found.quantile(q)) if len(found) else None


def _shown(value: float | None) -> str:
    """A count in full, a ratio in four digits, a dash for what was not measured."""
    if value is None:
        return "-"
    return str(int(value)) if float(value).is_integer() else f"{value:.4g}"
