"""The worlds give calls, records and labels that belong together, and the kinds that the page lists."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from spit.capture.recorded import call_events
from spit.cli.detector import build_engine
from spit.config import Config
from spit.errors import ConfigError
from spit.records import EVENT_SCHEMA, Outcome
from spit.worlds.records import WORLD_SCHEMA, to_labels, to_records
from spit.worlds.traffic import WORLDS, generate

PAGE = (Path(__file__).parents[2] / "docs" / "simulation.md").read_text()
STRENGTHS = {"blatant", "medium", "stealthy"}

#: Seeds that have every kind between them, and how many calls show it.
EVERY_KIND: Mapping[str, tuple[int, tuple[int, ...]]] = {
    "carrier": (1500, (1, 7, 9)),
    "lives": (2500, (1, 5, 15)),
    "drawn": (2000, (3, 5, 8, 9)),
    "border": (2500, (2, 3, 5, 9, 13)),
    "agenda": (2500, (13, 20)),
}


@cache
def calls_of(world: str, seed: int) -> pd.DataFrame:
    return generate(world, seed, EVERY_KIND[world][0], 12.0)


@pytest.mark.parametrize("world", WORLDS)
def test_a_seed_names_one_operator(world: str) -> None:
    first, again, other = (generate(world, seed, 300, 4.0) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert set(first["call_id"]).isdisjoint(other["call_id"])
    assert 150 < len(first) < 600


def test_an_unknown_world_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"expected one of carrier, lives, drawn, border, agenda, found 'nowhere'"
    ):
        generate("nowhere", 1)


@pytest.mark.parametrize("world", WORLDS)
def test_labels_fit_the_calls(world: str) -> None:
    calls = calls_of(world, 1)
    labels = to_labels(calls).to_pandas()
    assert labels["call_id"].tolist() == to_records(calls)["call_id"].to_pylist()
    assert labels["call_id"].is_unique
    spam = labels["label"] == "spam"
    assert 0.1 < spam.mean() < 0.3
    assert set(labels["strength"][spam]) == STRENGTHS
    assert set(labels["strength"][~spam]) == {""}
    assert (labels["campaign"][~spam] == labels["kind"][~spam]).all()
    assert labels["campaign"][spam].nunique() >= 6
    # A campaign has one kind and one strength.
    assert (labels[spam].groupby("campaign")[["kind", "strength"]].nunique() == 1).all(axis=None)


@pytest.mark.parametrize("world", WORLDS)
def test_records_hold_what_the_tracker_would(world: str) -> None:
    calls = calls_of(world, 1)
    records = to_records(calls)
    assert records.schema == WORLD_SCHEMA
    rows = records.to_pandas()
    assert rows["start_time"].is_monotonic_increasing
    assert (rows["end_time"] > rows["start_time"]).all()
    assert set(rows["outcome"]) <= set(Outcome)
    answered = (rows["outcome"] == "answered").to_numpy()
    assert (rows["setup_time_s"].notna() == answered).all()
    assert (rows["duration_s"].notna() == answered & (rows["method"] == "INVITE")).all()
    assert rows["fingerprint"].str.fullmatch("[0-9a-f]{16}").all()
    assert set(rows["hangup_by"]) == {"caller", "callee", "none"}
    assert set(rows["media"]) <= {"audio", "message"}
    signed = rows["passport_orig"].notna()
    assert (rows["passport_mismatch"].notna() == signed).all()
    assert (rows["passport_orig"][signed].str.startswith("+")).all()


def test_a_claimed_number_is_compared_with_a_shown_one() -> None:
    calls = (
        calls_of("carrier", 1)
        .head(4)
        .assign(
            caller=["+12025550100", "+12025550100", "anonymous", "+12025550100"],
            passport_orig=pd.Series(["+12025550100", "+12025550199", "+12025550199", None], dtype=object),
        )
    )
    assert to_records(calls)["passport_mismatch"].to_pylist() == ["none", "orig", "none", None]


@pytest.mark.parametrize("world", WORLDS)
def test_events_are_in_order_and_can_be_scored(world: str) -> None:
    calls = calls_of(world, 1)
    events = call_events(to_records(calls))
    assert events.schema == EVENT_SCHEMA
    assert (np.diff(events["time_us"].to_numpy()) >= 0).all()
    kinds = {row["values"]: row["counts"] for row in events["event"].value_counts().to_pylist()}
    answered = int((calls["outcome"] == "answered").sum())
    assert kinds == {"attempt": len(calls), "end": len(calls), "answer": answered}
    attempts = events.filter(pc.equal(events["event"], "attempt"))
    assert attempts["start_time_us"].to_pylist() == calls["start_us"].tolist()
    scored = build_engine(Config()).observe(events)
    assert len(scored.score) == len(calls)
    assert np.isfinite(scored.score).all()


@pytest.mark.parametrize("world", WORLDS)
def test_the_page_lists_the_kinds(world: str) -> None:
    found = pd.concat([calls_of(world, seed) for seed in EVERY_KIND[world][1]])
    (row,) = (
        line for line in PAGE.split("<!-- worlds -->")[1].splitlines() if line.startswith(f"| `{world}` |")
    )
    _, _, legitimate, campaigns, _ = row.split("|")
    # A drawn kind is named purpose/who/when/number: the page lists the purposes.
    kinds = found["kind"].str.split("/").str[0]
    assert re.findall(r"`([\w-]+)`", legitimate) == sorted(kinds[~found["spam"]].unique())
    assert re.findall(r"`([\w-]+)`", campaigns) == sorted(kinds[found["spam"]].unique())


def test_missing_values_of_any_kind_are_null() -> None:
    calls = calls_of("lives", 1).head(3).assign(user_agent=pd.Series(["x", None, float("nan")], dtype=object))
    assert to_records(calls)["user_agent"].to_pylist() == ["x", None, None]
    assert to_records(calls)["user_agent"].type == pa.string()
