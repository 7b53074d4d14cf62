"""The flags of the commands that read or write captures."""

from __future__ import annotations

import argparse

from spit.cli.flags.shared import (
    add_capture_files,
    add_challenger_flag,
    add_config_flag,
    add_decoder_flags,
    add_model_flag,
    add_output_flags,
    add_progress_flag,
)
from spit.cli.flags.values import count, positive


def add_messages(parser: argparse.ArgumentParser) -> None:
    """``spit messages``."""
    add_capture_files(parser)
    add_decoder_flags(parser)
    add_config_flag(parser)
    add_output_flags(parser)


def add_calls(parser: argparse.ArgumentParser) -> None:
    """``spit calls``."""
    add_capture_files(parser)
    add_decoder_flags(parser)
    add_config_flag(parser)
    add_output_flags(parser)


def add_score(parser: argparse.ArgumentParser) -> None:
    """``spit score``."""
    add_capture_files(parser)
    add_decoder_flags(parser)
    add_config_flag(parser)
    add_model_flag(parser)
    add_challenger_flag(parser)
    parser.add_argument(
        "--by",
        choices=("caller", "call", "campaign"),
        default="caller",
        help="a row per caller (default), per call with what was known at that attempt, or per campaign of "
        "callers that belong together",
    )
    parser.add_argument(
        "--detector",
        choices=("model", "novelty"),
        default="model",
        help="the trained model (default), or what is unusual among the first attempts of the captures: no "
        "labels, no training",
    )
    parser.add_argument(
        "--labels",
        metavar="FILE",
        help="labels to compare with: CSV with the columns call_id,label,campaign or caller,label,campaign",
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="table: show legit callers too (the other formats always give all rows)",
    )
    add_output_flags(parser)


def add_simulate(parser: argparse.ArgumentParser) -> None:
    """``spit simulate``."""
    parser.add_argument(
        "--output",
        metavar="FILE",
        required=True,
        help="capture to write: NAME.pcap (packets) or NAME.parquet (call events; of a world call records)",
    )
    parser.add_argument("--labels", metavar="FILE", help="labels to write (default: NAME.labels.csv beside)")
    parser.add_argument(
        "--seed", type=count(0), help="of the random draws (default: that of the committed captures)"
    )
    parser.add_argument(
        "--scenario",
        metavar="NAME",
        help="the mix of traffic: demo (default), training, transfer, legitimate, telemarketer, rotating, "
        "wangiri or sequential",
    )
    parser.add_argument(
        "--hours", type=positive, help="simulated time (default: the scenario's; of a world 30)"
    )
    parser.add_argument("--callers", type=count(1), help="residential callers (default: the scenario's)")
    parser.add_argument(
        "--campaign",
        metavar="KIND[:STRENGTH]",
        action="append",
        default=[],
        help="a kind of campaign (docs/simulation.md lists all), such as telemarketer, snowshoe or wangiri, "
        "strength 0 (stealthy) to 1 (blatant); may be given several times (default: those of the scenario)",
    )
    parser.add_argument(
        "--world",
        metavar="NAME",
        help="call records of another author's simulator instead (docs/simulation.md): carrier, lives, "
        "drawn, border, agenda",
    )
    parser.add_argument(
        "--calls", metavar="N", type=count(1), help="of a world: about so many calls (default: 60000)"
    )
    add_progress_flag(parser)
