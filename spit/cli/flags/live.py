"""The flags of ``spit serve``, ``redirect``, ``agent`` and ``replay``."""

from __future__ import annotations

import argparse

from spit.cli.flags.shared import (
    add_challenger_flag,
    add_checkpoint_flag,
    add_config_flag,
    add_model_flag,
    add_storage_flag,
)
from spit.cli.flags.values import count, port, speed


def add_serve(parser: argparse.ArgumentParser) -> None:
    """``spit serve``."""
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=port, help="port to listen on (default: 8060)")
    parser.add_argument(
        "--read",
        metavar="FILE",
        nargs="+",
        default=[],
        help="captures whose calls are learned before the first answer, unless a saved state is there",
    )
    add_live_flags(parser)
    parser.add_argument(
        "--state", metavar="DIR", help="save what is known there periodically, and go on from it at the start"
    )
    add_checkpoint_flag(parser)
    add_config_flag(parser)
    add_model_flag(parser)
    add_challenger_flag(parser)
    parser.add_argument(
        "--feedback", metavar="FILE", help="keep reports about calls there (docs/learning.md)"
    )
    add_storage_flag(parser)
    parser.add_argument(
        "--allow-public",
        action="store_true",
        help="listen on an address other than loopback; needs service.keys_file",
    )


def add_redirect(parser: argparse.ArgumentParser) -> None:
    """``spit redirect``."""
    parser.add_argument(
        "--listen",
        metavar="HOST:PORT",
        action="append",
        help="answer there over UDP and TCP (one of them: udp: or tcp: before it); several times too",
    )
    parser.add_argument(
        "--profile",
        metavar="NAME",
        help="which response tells which verdict: clearip, prosbc, ribbon or FILE.toml (docs/redirect.md)",
    )
    parser.add_argument(
        "--scorer", metavar="URL", help="ask this scorer over HTTP (default: an engine in this process)"
    )
    parser.add_argument("--token-file", metavar="FILE", help="the token that the scorer asks for")
    parser.add_argument(
        "--read",
        metavar="FILE",
        nargs="+",
        default=[],
        help="without --scorer: captures whose calls are learned before the first answer",
    )
    parser.add_argument(
        "--observe", action="store_true", help="count every INVITE as an attempt: there is no mirror"
    )
    parser.add_argument(
        "--budget-ms",
        metavar="N",
        type=count(10),
        help="a call without a verdict after this is let through (default: 400)",
    )
    parser.add_argument("--metrics", metavar="HOST:PORT", help="serve every counter there for Prometheus")
    parser.add_argument(
        "--drain-s", metavar="N", type=count(1), help="seconds that ending in order may take (default: 10)"
    )
    add_config_flag(parser)
    add_model_flag(parser)
    add_storage_flag(parser)


def add_agent(parser: argparse.ArgumentParser) -> None:
    """``spit agent``."""
    add_live_flags(parser)
    parser.add_argument(
        "--scorer",
        metavar="URL",
        action="append",
        help="send events there; several: to the first that answers, until it does not",
    )
    parser.add_argument("--token-file", metavar="FILE", help="the token that the scorers ask for")
    parser.add_argument(
        "--agent-id", metavar="ID", help="name towards the scorers (default: the host's name)"
    )
    parser.add_argument("--spool", metavar="DIR", help="where events wait on disk for a scorer to take them")
    parser.add_argument(
        "--output",
        metavar="FILE",
        help="append events as JSON lines there instead; - is standard output (default without --scorer)",
    )
    parser.add_argument("--metrics", metavar="HOST:PORT", help="serve every counter there for Prometheus")
    parser.add_argument(
        "--checkpoint", metavar="DIR", help="save the calls that are open there, and go on from them"
    )
    add_checkpoint_flag(parser)
    add_config_flag(parser)


def add_replay(parser: argparse.ArgumentParser) -> None:
    """``spit replay``."""
    parser.add_argument("capture", metavar="FILE", help="pcap or pcapng, also gzip")
    parser.add_argument("--interface", metavar="NAME", required=True, help="where the packets are sent")
    parser.add_argument(
        "--speed",
        metavar="N",
        type=speed,
        default=1.0,
        help="1: at the capture's own pace (default); 10: ten times as fast; max: as fast as it goes",
    )
    parser.add_argument(
        "--loop", metavar="N", type=count(1), default=1, help="send the whole capture so many times"
    )


def add_live_flags(parser: argparse.ArgumentParser) -> None:
    """``--interface`` to ``--drain-s``: what is captured."""
    parser.add_argument(
        "--interface", metavar="NAME", action="append", help="capture there; may be given several times"
    )
    parser.add_argument(
        "--hep",
        metavar="HOST:PORT",
        action="append",
        help="collect HEP there over UDP and TCP (one of them: udp: or tcp: before it); several times too",
    )
    parser.add_argument(
        "--workers", metavar="N", type=count(1), help="threads that share the packets (default: 2)"
    )
    parser.add_argument(
        "--user", metavar="NAME", help="become this user, without any privilege, once everything is open"
    )
    parser.add_argument(
        "--decoder",
        choices=("native", "scapy"),
        help="native: the kernel's ring (default); scapy: slower, for interfaces where there is no ring",
    )
    parser.add_argument(
        "--drain-s", metavar="N", type=count(1), help="seconds that ending in order may take (default: 10)"
    )
