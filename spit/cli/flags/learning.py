"""The flags of ``spit train``, ``evaluate``, ``what-if``, ``drift`` and ``feedback``."""

from __future__ import annotations

import argparse

from spit.cli.flags.shared import (
    add_capture_files,
    add_config_flag,
    add_format_flags,
    add_model_flag,
    add_progress_flag,
    add_recorded_calls,
)
from spit.cli.flags.values import BENCHMARK_PARTS, benchmark_parts, positive, seeds, share, world_seeds


def add_train(parser: argparse.ArgumentParser) -> None:
    """``spit train``."""
    parser.add_argument(
        "--output", metavar="DIR", required=True, help="bundle to write, as models/NAME/VERSION"
    )
    parser.add_argument(
        "--seeds",
        metavar="RANGE",
        type=seeds,
        help="simulated traffic to learn from, as 1-12 or 1,2,3 (default: 1001-1160)",
    )
    parser.add_argument(
        "--test-seeds",
        metavar="RANGE",
        type=seeds,
        help="simulated traffic to measure on, never learned from (default: 2001-2012)",
    )
    parser.add_argument(
        "--calibration-seeds",
        metavar="RANGE",
        type=seeds,
        default="4001-4120",
        help="simulated traffic on which the budget of wrong blocks is measured and the decision is tuned "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--demo-seeds",
        metavar="RANGE",
        type=seeds,
        help="traffic of the scenario demo to measure on too (default: 50-79)",
    )
    parser.add_argument(
        "--world-seeds",
        metavar="RANGE",
        type=world_seeds,
        help="traffic of every world (docs/simulation.md) to learn from too, as 1-12 (default: none)",
    )
    parser.add_argument(
        "--world-calibration-seeds",
        metavar="RANGE",
        type=world_seeds,
        help="as --calibration-seeds, of every world, beside those (default: none)",
    )
    add_recorded_calls(parser, required=False)
    parser.add_argument(
        "--labels",
        metavar="FILE",
        help="labels of the calls: CSV with label (spam or ham) and call_id or caller, or a feedback store",
    )
    parser.add_argument(
        "--with-simulation",
        metavar="RANGE",
        type=seeds,
        help="with --calls: simulated traffic to learn from too, so that few labels do not forget the rest",
    )
    parser.add_argument(
        "--simulation-weight",
        metavar="W",
        type=positive,
        default=0.2,
        help="how much a simulated row counts beside one of --calls (default: %(default)s)",
    )
    parser.add_argument(
        "--beside",
        metavar="DIR",
        help="with --calls: model bundle that keeps its say beside what the calls teach (default: the "
        "shipped one; none: the calls alone)",
    )
    parser.add_argument(
        "--test-share",
        metavar="SHARE",
        type=share,
        default=0.2,
        help="with --calls: share of the labelled callers that is only measured (default: %(default)s)",
    )
    parser.add_argument(
        "--test-by",
        choices=("caller", "time"),
        default="caller",
        help="with --calls: measure on callers drawn by chance (default), or on new callers of the last part",
    )
    add_config_flag(parser)
    parser.add_argument(
        "--benchmark", metavar="FILE", help="a benchmark definition to measure on too, for the model card"
    )
    parser.add_argument(
        "--ablate",
        action="store_true",
        help="measure what every feature is worth: a training more for each family of features",
    )
    add_progress_flag(parser)


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """``spit evaluate``."""
    add_capture_files(parser, required=False)
    parser.add_argument("--labels", metavar="FILE", help="labels of the captures")
    parser.add_argument(
        "--seeds",
        metavar="RANGE",
        type=seeds,
        help="measure on simulated traffic instead, as 3001-3004 or 3001,3002",
    )
    parser.add_argument(
        "--scenario",
        metavar="NAME",
        default="training",
        help="the simulated traffic, as for spit simulate (default: %(default)s)",
    )
    add_config_flag(parser)
    add_model_flag(parser)
    parser.add_argument(
        "--benchmark",
        metavar="FILE",
        help="measure a benchmark definition instead, as benches/detection.toml (docs/evaluation.md)",
    )
    parser.add_argument(
        "--parts",
        metavar="LIST",
        type=benchmark_parts,
        default=BENCHMARK_PARTS,
        help="of the benchmark: traffic, baselines, leave-one-out, quality (default: all)",
    )
    parser.add_argument(
        "--format",
        choices=("markdown", "json"),
        default="markdown",
        help="of a benchmark on standard output (default: %(default)s)",
    )
    parser.add_argument("--output", metavar="FILE", help="write the measurements as JSON too")
    add_progress_flag(parser)


def add_what_if(parser: argparse.ArgumentParser) -> None:
    """``spit what-if``."""
    add_recorded_calls(parser, required=True)
    parser.add_argument(
        "--policy", metavar="FILE", help="settings whose [policy] is tried (default: that of --config)"
    )
    parser.add_argument(
        "--model", metavar="DIR", help="model bundle that is tried (default: that of --config)"
    )
    parser.add_argument("--config", metavar="FILE", help="settings in force, in TOML (docs/configuration.md)")
    parser.add_argument(
        "--labels",
        metavar="FILE",
        help="labels of the calls: tells the true wrong blocks beside the estimate",
    )
    add_format_flags(parser)
    add_progress_flag(parser)


def add_drift(parser: argparse.ArgumentParser) -> None:
    """``spit drift``."""
    add_recorded_calls(parser, required=True)
    parser.add_argument(
        "--reference",
        metavar="DIR",
        help="model bundle to compare with (default: the model in force; without histograms in it, the "
        "first hours of the calls)",
    )
    add_config_flag(parser)
    add_format_flags(parser)
    add_progress_flag(parser)


def add_feedback(parser: argparse.ArgumentParser) -> None:
    """``spit feedback``."""
    parser.add_argument("store", metavar="STORE", help="file of reports (feedback.store)")
    parser.add_argument(
        "--labels",
        action="store_true",
        help="the labels that follow from the reports, instead of the reports",
    )
    add_format_flags(parser)
