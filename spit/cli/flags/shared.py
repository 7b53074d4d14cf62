"""Flags that several commands take."""

from __future__ import annotations

import argparse

from spit.cli.flags.values import FORMATS, count


def add_checkpoint_flag(parser: argparse.ArgumentParser) -> None:
    """``--checkpoint-s``."""
    parser.add_argument(
        "--checkpoint-s", metavar="N", type=count(1), help="seconds between two saves (default: 30)"
    )


def add_capture_files(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """The files that a command reads."""
    parser.add_argument(
        "captures",
        metavar="FILE",
        nargs="+" if required else "*",
        help="pcap or pcapng, also gzip or zstd; - is standard input; several are one stream in time order",
    )


def add_recorded_calls(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """``--calls``."""
    parser.add_argument(
        "--calls",
        metavar="FILE",
        nargs="+",
        required=required,
        help="recorded calls: Parquet, Arrow or JSON lines of calls or events, a folder of them, or captures",
    )


def add_decoder_flags(parser: argparse.ArgumentParser) -> None:
    """``--decoder`` and ``--tls-keys``."""
    parser.add_argument(
        "--decoder",
        choices=("native", "tshark"),
        default="native",
        help="native (default), or tshark for TLS, SCTP and whatever else only tshark knows; much slower",
    )
    parser.add_argument(
        "--tls-keys",
        metavar="FILE",
        help="key log (SSLKEYLOGFILE) with which tshark decrypts TLS; needs --decoder tshark",
    )


def add_config_flag(parser: argparse.ArgumentParser) -> None:
    """``--config``."""
    parser.add_argument("--config", metavar="FILE", help="settings in TOML (docs/configuration.md)")


def add_storage_flag(parser: argparse.ArgumentParser) -> None:
    """``--storage``."""
    parser.add_argument(
        "--storage",
        metavar="URL",
        help="control database: a path, or postgresql://USER@HOST/DATABASE; a password belongs into "
        "SPIT_STORAGE_URL, where other users of this machine do not see it",
    )


def add_model_flag(parser: argparse.ArgumentParser) -> None:
    """``--model``."""
    parser.add_argument("--model", metavar="DIR", help="model bundle (default: the shipped one)")


def add_challenger_flag(parser: argparse.ArgumentParser) -> None:
    """``--challenger``."""
    parser.add_argument(
        "--challenger", metavar="DIR", help="model bundle that scores beside and is only compared, never acts"
    )


def add_format_flags(parser: argparse.ArgumentParser) -> None:
    """``--format`` and ``--output``."""
    parser.add_argument("--format", choices=FORMATS, help="default: table on a terminal, jsonl otherwise")
    parser.add_argument(
        "--output",
        metavar="FILE",
        help="write there instead of standard output; the file appears when it is complete",
    )


def add_output_flags(parser: argparse.ArgumentParser) -> None:
    """``--format``, ``--output``, ``--stats`` and ``--progress``."""
    add_format_flags(parser)
    parser.add_argument(
        "--stats", action="store_true", help="print the reader's counters to standard error at the end"
    )
    add_progress_flag(parser)


def add_progress_flag(parser: argparse.ArgumentParser) -> None:
    """``--progress``."""
    parser.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help="report progress on standard error (default: only when it is a terminal)",
    )
