"""Measures what the shipped model finds in traffic by another author (second_opinion/, docs/evaluation.md).

Simulates the measured seeds into a temporary folder, runs `spit score --by call` on each and compares with
the labels of the attempts. Beside it, what knowing the traffic is worth: the same with the model that `spit
train` makes of a day of another seed, and gradient boosting on 23 features of the caller, trained on other
seeds. Writes transfer.json and transfer.md to results/.

    python benches/transfer.py --date 2026-01-31
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from measured import machine
from second_opinion.simulation import simulate
from transfer_report import markdown

from spit.capture.files import CaptureFiles
from spit.engine.baseline_traffic import Traffic
from spit.engine.baselines import LabelledTraffic, gradient_boosting
from spit.engine.detection_metrics import (
    Group,
    OperatingPoint,
    groups_of,
    operating_curve,
    operating_point,
)
from spit.engine.intervals import Estimate
from spit.records import EventKind

HERE = Path(__file__).resolve().parent
MEASURED_SEEDS = (11, 12, 13)
#: The rival's, the first of them also that of `spit train`; never measured.
TRAINING_SEEDS = (14, 15)
#: What `spit train` learns from, from the first call on.
LEARNED_S = 86_400.0
#: The share of legitimate callers at which kinds are compared.
BUDGET = 0.001
STRENGTHS = ("blatant", "medium", "stealthy")


@dataclass(frozen=True, slots=True)
class Seed:
    """One seed's traffic. ``calls``: a row per attempt with its labels. ``verdicts``: score, flagged and
    model of each attempt, by the name of the detector.

    Rows of ``calls``, of ``verdicts`` and attempts of ``labelled`` are the same, in the same order.
    """

    seed: int
    calls: pd.DataFrame
    labelled: LabelledTraffic
    verdicts: Mapping[str, pd.DataFrame]

    def judged(self, detector: str) -> Seed:
        """``calls`` with the verdicts of this detector."""
        return replace(self, calls=pd.concat([self.calls, self.verdicts[detector]], axis=1))


def learned_model(seed: int, size: float, folder: Path) -> Path:
    """The bundle that `spit train` makes of the first LEARNED_S of a seed, with a label for every call."""
    capture, truth, calls, labels = (
        folder / f"learned-{seed}.{end}" for end in ("pcap", "truth.csv", "parquet", "labels.csv")
    )
    simulate(seed, capture, truth, size)
    _spit("calls", "--format", "parquet", "--output", str(calls), str(capture))
    recorded = pd.read_parquet(calls)
    recorded[recorded["start_time"] < recorded["start_time"].min() + LEARNED_S].to_parquet(calls)
    pd.read_csv(truth, dtype=str)[["call_id", "label"]].drop_duplicates("call_id").to_csv(labels, index=False)
    bundle = folder / "own" / "1"
    _spit("train", "--calls", str(calls), "--labels", str(labels), "--output", str(bundle))
    for file in (capture, truth, calls, labels):
        file.unlink()
    return bundle


def _spit(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "spit", *arguments, "--no-progress"], check=True, stdout=subprocess.DEVNULL
    )


def read_seed(seed: int, size: float, models: Mapping[str, Path | None], folder: Path) -> Seed:
    """Simulate one seed, read its attempts and their labels, and score it with each model (None: the
    shipped one). Leaves no files."""
    capture, truth, verdicts = (folder / f"{seed}.{end}" for end in ("pcap", "labels.csv", "calls.csv"))
    simulate(seed, capture, truth, size)
    events = pa.Table.from_batches(list(CaptureFiles([str(capture)]).events())).combine_chunks()
    batch = events.to_batches()[0]
    attempts = batch.filter(pc.equal(batch["event"], EventKind.ATTEMPT.value))
    labels = pd.read_csv(truth, dtype=str, keep_default_na=False).set_index("call_id")
    calls = labels.reindex(attempts["call_id"].to_pylist()).reset_index()
    calls["number"] = attempts["caller"].fill_null("").to_pylist()
    calls["seed"] = seed
    if calls["label"].isna().any():
        missing = calls.loc[calls["label"].isna(), "call_id"].iloc[0]
        raise RuntimeError(f"seed {seed}: expected a label for every attempt, found none for {missing}")
    calls["spam"] = calls["label"] == "spam"
    judged = {name: _verdicts(capture, model, verdicts, calls["call_id"]) for name, model in models.items()}
    capture.unlink()
    truth.unlink()
    return Seed(seed, calls, LabelledTraffic(Traffic(batch), calls["spam"].to_numpy(dtype=np.bool_)), judged)


def _verdicts(capture: Path, model: Path | None, output: Path, call_ids: pd.Series) -> pd.DataFrame:
    """Score, flagged and model of each of these calls. Raises RuntimeError where one has no score."""
    chosen = [] if model is None else ["--model", str(model)]
    _spit("score", "--by", "call", "--format", "csv", *chosen, "--output", str(output), str(capture))
    columns = {"call_id": str, "label": str, "score": float, "model": str}
    found = pd.read_csv(output, dtype=columns, usecols=list(columns)).set_index("call_id").reindex(call_ids)
    output.unlink()
    if found["score"].isna().any():
        raise RuntimeError(f"{capture.name}: expected a score for every attempt")
    found["flagged"] = found["label"] == "spam"
    return found[["score", "flagged", "model"]].reset_index(drop=True)


def measured_calls(seeds: Sequence[Seed]) -> tuple[pd.DataFrame, int]:
    """The table that spit.engine.detection_metrics reads, and how many legitimate calls are left out of it.

    A legitimate caller is one without a spam call. The legitimate calls of the others (subscribers that were
    taken over or whose number is shown by a campaign) are on neither side.
    """
    calls = pd.concat([one.calls for one in seeds], ignore_index=True)
    calls["caller"] = calls.groupby(["seed", "number"], sort=False).ngroup().astype(np.int64)
    mixed = ~calls["spam"] & calls.groupby("caller")["spam"].transform("any")
    return calls[~mixed].reset_index(drop=True), int(mixed.sum())


def measure(calls: pd.DataFrame) -> dict[str, Any]:
    """What a detector's scores are worth: its operating curve, and who is found and flagged at the budget."""
    # A caller of two legitimate kinds is one caller.
    together = calls.assign(kind="", strength="")
    curve = operating_curve(together)
    at_budget = next(point for point in curve if point.budget == BUDGET)
    at = partial(operating_point, budget=BUDGET, threshold=at_budget.threshold)
    spam, ham = calls[calls["spam"]], calls[~calls["spam"]]
    found = [
        {"kind": kind, "strength": strength, **_found(at(part))}
        for kind, strength, part in _parts_of_spam(spam)
    ]
    wrong = []
    callers = ham["caller"].nunique()
    for kind, part in ham.groupby("kind"):
        # The others may use up all of the budget: as many callers as before, of fewer.
        others = together[~calls["caller"].isin(set(part["caller"]))]
        share = BUDGET * callers / max(1, callers - part["caller"].nunique())
        wrong.append(
            {
                "kind": kind,
                "callers": int(part["caller"].nunique()),
                "calls": len(part),
                "callers_flagged": _plain(at(part).callers_wrongly_flagged),
                "spam_calls_flagged_if_free": _plain(operating_curve(others, [share])[0].calls_flagged),
            }
        )
    return {"curve": [_point(point) for point in curve], "spam": found, "legitimate": wrong}


def default_policy(calls: pd.DataFrame) -> dict[str, Any]:
    """What the shipped policy flags, in all and by kind."""
    together = groups_of(calls.assign(kind="", strength=""))
    spam, ham = (next(g for g in together if g.label == side) for side in ("spam", "ham"))
    # The totals of groups_of count a caller of two kinds twice.
    kinds = [group for group in groups_of(calls) if group.kind != "(all)" or group.strength]
    return {"spam": _group(spam), "legitimate": _group(ham), "kinds": [_group(group) for group in kinds]}


def _parts_of_spam(spam: pd.DataFrame) -> Iterable[tuple[str, str, pd.DataFrame]]:
    """Each strength, each kind, and each kind in each strength; an empty strength is all of them."""
    for strength in STRENGTHS:
        yield "(all)", strength, spam[spam["strength"] == strength]
    for kind, of_kind in spam.groupby("kind"):
        yield str(kind), "", of_kind
        for strength in STRENGTHS:
            if (of_kind["strength"] == strength).any():
                yield str(kind), strength, of_kind[of_kind["strength"] == strength]


def _found(point: OperatingPoint) -> dict[str, Any]:
    return {"calls_flagged": _plain(point.calls_flagged), "callers_flagged": _plain(point.callers_flagged)}


def _point(point: OperatingPoint) -> dict[str, Any]:
    wrongly = _plain(point.callers_wrongly_flagged)
    return {
        "budget": point.budget,
        "threshold": point.threshold,
        "callers_wrongly_flagged": wrongly,
        **_found(point),
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "label": group.label,
        "kind": group.kind,
        "strength": group.strength,
        "callers": group.callers,
        "calls": group.calls,
        "calls_flagged": _plain(group.calls_flagged),
        "callers_flagged": _plain(group.callers_flagged),
        "average_precision": _plain(group.average_precision),
    }


def _plain(estimate: Estimate) -> list[float] | None:
    """``[value, low, high]``; None where there was nothing to measure."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return None
    return [round(figure, 6) for figure in (estimate.value, estimate.low, estimate.high)]


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))


def run(
    measured: Sequence[int], training: Sequence[int], size: float, jobs: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Simulate, score and measure. ``jobs``: seeds at a time. Raises RuntimeError, CalledProcessError."""
    with (
        tempfile.TemporaryDirectory(prefix="spit-transfer-") as folder,
        ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool,
    ):
        say(f"simulating seeds {_listed(training)} and learning from a day of {training[0]}")
        waiting = [pool.submit(read_seed, seed, size, {}, Path(folder)) for seed in training]
        models = {"model": None, "after spit train": learned_model(training[0], size, Path(folder))}
        say(f"simulating and scoring seeds {_listed(measured)}")
        waiting = [pool.submit(read_seed, seed, size, models, Path(folder)) for seed in measured] + waiting
        seeds = [future.result() for future in waiting]
    tested, known = seeds[: len(measured)], seeds[len(measured) :]
    calls, left_out = measured_calls([one.judged("model") for one in tested])
    say("measuring the models")
    detectors = {"model": measure(calls)}
    policy = default_policy(calls)
    learned_calls, _ = measured_calls([one.judged("after spit train") for one in tested])
    detectors["after spit train"] = measure(learned_calls)
    learned_policy = default_policy(learned_calls)
    say("fitting and measuring the rival")
    fitted = [one.labelled for one in known]
    # Its threshold is not used: only its ranking is measured.
    rival = gradient_boosting(fitted, fitted, BUDGET)
    scores = [rival.score(one.labelled.traffic) for one in tested]
    rival_calls, _ = measured_calls(
        [
            replace(one, calls=one.calls.assign(score=score, flagged=score > rival.threshold))
            for one, score in zip(tested, scores, strict=True)
        ]
    )
    detectors["gradient boosting"] = measure(rival_calls)
    return {
        "model": calls["model"].iloc[0],
        "seeds": list(measured),
        "training_seeds": list(training),
        "size": size,
        "calls": len(calls),
        "spam_calls": int(calls["spam"].sum()),
        "legitimate_callers": int(calls.loc[~calls["spam"], "caller"].nunique()),
        "legitimate_calls_left_out": left_out,
        "budget": BUDGET,
        "default_policy": policy,
        "default_policy_after_train": {side: learned_policy[side] for side in ("spam", "legitimate")},
        "detectors": detectors,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--date", required=True, help="the day of the run, for the results")
    parser.add_argument("--seeds", type=int, nargs="+", default=MEASURED_SEEDS, help="seeds to measure")
    parser.add_argument("--training", type=int, nargs="+", default=TRAINING_SEEDS, help="the rival's seeds")
    parser.add_argument("--size", type=float, default=1.0, help="1 (default): some 60,000 calls a seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="seeds at a time")
    parser.add_argument("--output", type=Path, default=HERE / "results", help="folder to write to")
    arguments = parser.parse_args()
    if set(arguments.seeds) & set(arguments.training):
        parser.error("expected other seeds for training than those measured")
    began_s = time.monotonic()
    try:
        result = run(
            arguments.seeds,
            arguments.training,
            arguments.size,
            arguments.jobs,
            lambda text: print(text, file=sys.stderr),
        )
    except (RuntimeError, ValueError, subprocess.CalledProcessError) as error:
        print(f"transfer.py: {error}", file=sys.stderr)
        return 1
    minutes = round((time.monotonic() - began_s) / 60.0, 1)
    document = {"run": {"date": arguments.date, "minutes": minutes, "machine": machine()}, **result}
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "transfer.json").write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")
    (arguments.output / "transfer.md").write_text(markdown(document))
    return 0


if __name__ == "__main__":
    sys.exit(main())
