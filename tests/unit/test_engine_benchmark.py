"""Benchmark definitions: what is refused, whose seeds they are, and when a campaign is named as one."""

from __future__ import annotations

from pathlib import Path

import pytest

from spit.cli.parser import build_parser
from spit.cli.train import DEMO_SEEDS, SEEDS, TEST_SEEDS
from spit.engine.benchmark import read_benchmark
from spit.engine.named_campaigns import count_false_members, count_named
from spit.errors import ConfigError

DEFINITION = Path(__file__).parents[2] / "benches" / "detection.toml"


def test_no_seed_of_the_committed_benchmark_is_trained_on_by_default() -> None:
    benchmark = read_benchmark(DEFINITION)
    arguments = build_parser().parse_args(["train", "--output", "models/x/1"])
    benchmark.refuse_trained_on([*SEEDS, *arguments.calibration_seeds])
    held_out = benchmark.held_out_seeds()
    for learned_from in (benchmark.fit, benchmark.left_out_fit, benchmark.left_out_choose):
        assert not held_out & set(learned_from.seeds)
    assert not held_out & {*TEST_SEEDS, *DEMO_SEEDS}
    with pytest.raises(ConfigError, match="found 5003 among those it was trained on"):
        benchmark.refuse_trained_on([1, 5003])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("budget = 0.001", "budget = 2.0", "budget: expected a share from 0 to 1, found 2.0"),
        ('scenario = "transfer"', 'scenario = "x"', "scenario: expected one of demo"),
        ("last_seed = 5020", "last_seed = 5000", r"traffic\[0\]: expected .* rising seeds"),
        ("last_seed = 5020", 'last_seed = "a"', r"traffic\[0\].last_seed: expected int, found 'a'"),
        ("[baselines.fit]", "[baselines.other]", "baselines.fit: expected a table, found None"),
        ('name = "detection"', "name = 1", "name: expected str, found 1"),
        ('name = "detection"', 'title = "x"', "unknown key 'title'"),
        ('name = "detection"', "name", "expected a benchmark definition in TOML"),
    ],
)
def test_bad_definitions_are_refused_with_file_and_key(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    path = tmp_path / "bad.toml"
    text = DEFINITION.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError, match=words):
        read_benchmark(path)


@pytest.mark.parametrize(
    ("found", "named"),
    [
        ([["a", "b", "c"]], 1),
        ([["a", "b"], ["c", "d"]], 1),  # half of it in one group
        ([["a"], ["b"], ["c"]], 0),  # in pieces
        ([["a", "b", "c", "d", "x", "y"]], 0),  # a third are others: not this campaign
        ([], 0),
    ],
)
def test_a_campaign_is_named_as_one_by_a_pure_group_of_half_of_it(found: list[list[str]], named: int) -> None:
    assert count_named({"robocaller-1": ["a", "b", "c", "d"]}, found) == named


def test_false_members_are_legitimate_callers_of_large_groups() -> None:
    found = [["a", "b", "c", "d", "x"], ["y", "z"]]
    assert count_false_members({"a", "b", "c", "d"}, found) == 1  # y and z: too few to be a rotating campaign
    assert count_false_members(set(), []) == 0
