"""Every command and flag. Imports nothing heavy: ``spit CMD --help`` must answer at once."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

from spit import __version__
from spit.cli.control_parser import add_config, add_keys, add_lists, add_storage

FORMATS = ("table", "jsonl", "csv", "parquet")

BENCHMARK_PARTS = ("traffic", "baselines", "leave-one-out", "quality")

_MAX_SEEDS = 10_000
_EXIT_STATUS = "exit status: 0 done, 1 an input could not be read (to its end), 2 usage"


class UsageError(Exception):
    """The flags do not go together; exit status 2."""


def build_parser() -> argparse.ArgumentParser:
    """The parser of ``spit`` with one subparser per command; ``command`` names the module that runs it."""
    parser = argparse.ArgumentParser(
        prog="spit",
        description="Detects spam calls (SPIT) in SIP signalling.",
        epilog=_EXIT_STATUS,
    )
    parser.add_argument("--version", action="version", version=f"spit {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary, add_arguments in (
        ("messages", "a row per SIP message of captures", _messages),
        ("calls", "a row per call of captures", _calls),
        ("score", "a verdict per caller, or per call, of captures", _score),
        ("simulate", "write a labelled capture of simulated traffic", _simulate),
        ("train", "train a model on simulated traffic, or on your own calls", _train),
        ("evaluate", "measure a model on labelled traffic", _evaluate),
        ("what-if", "what another policy or model would have done with recorded calls", _what_if),
        ("drift", "how far calls are from what a model was trained on", _drift),
        ("feedback", "list reports about calls, or the labels that follow from them", _feedback),
        ("lists", "allow, block, grey, consent, decoy and do-not-originate lists", add_lists),
        ("keys", "API keys", add_keys),
        ("config", "check or show the configuration", add_config),
        ("records", "questions about the call records that spit serve keeps", _records),
        ("serve", "answer SBCs over HTTP", _serve),
        ("redirect", "answer SBCs over SIP as a redirect server", _redirect),
        ("agent", "capture live traffic and give its call events to scorers", _agent),
        ("replay", "send the packets of a capture to an interface", _replay),
    ):
        command = commands.add_parser(
            name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", epilog=_EXIT_STATUS
        )
        add_arguments(command)
    return parser


def _messages(parser: argparse.ArgumentParser) -> None:
    _captures(parser)
    _decoder(parser)
    _config(parser)
    _output(parser)


def _calls(parser: argparse.ArgumentParser) -> None:
    _captures(parser)
    _decoder(parser)
    _config(parser)
    _output(parser)


def _score(parser: argparse.ArgumentParser) -> None:
    _captures(parser)
    _decoder(parser)
    _config(parser)
    _model(parser)
    _challenger(parser)
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
    _output(parser)


def _simulate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--output",
        metavar="FILE",
        required=True,
        help="capture to write: NAME.pcap (packets) or NAME.parquet (call events)",
    )
    parser.add_argument("--labels", metavar="FILE", help="labels to write (default: NAME.labels.csv beside)")
    parser.add_argument(
        "--seed", type=_count(0), help="of the random draws (default: that of the committed captures)"
    )
    parser.add_argument(
        "--scenario",
        metavar="NAME",
        help="the mix of traffic: demo (default), training, transfer, legitimate, telemarketer, rotating, "
        "wangiri or sequential",
    )
    parser.add_argument("--hours", type=_positive, help="simulated time (default: the scenario's)")
    parser.add_argument("--callers", type=_count(1), help="residential callers (default: the scenario's)")
    parser.add_argument(
        "--campaign",
        metavar="KIND[:STRENGTH]",
        action="append",
        default=[],
        help="a kind of campaign (docs/simulation.md lists all), such as telemarketer, snowshoe or wangiri, "
        "strength 0 (stealthy) to 1 (blatant); may be given several times (default: those of the scenario)",
    )
    _progress(parser)


def _train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--output", metavar="DIR", required=True, help="bundle to write, as models/NAME/VERSION"
    )
    parser.add_argument(
        "--seeds",
        metavar="RANGE",
        type=_seeds,
        help="simulated traffic to learn from, as 1-12 or 1,2,3 (default: 1001-1160)",
    )
    parser.add_argument(
        "--test-seeds",
        metavar="RANGE",
        type=_seeds,
        help="simulated traffic to measure on, never learned from (default: 2001-2012)",
    )
    parser.add_argument(
        "--calibration-seeds",
        metavar="RANGE",
        type=_seeds,
        default="4001-4120",
        help="simulated traffic on which the budget of wrong blocks is measured and the decision is tuned "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--demo-seeds",
        metavar="RANGE",
        type=_seeds,
        help="traffic of the scenario demo to measure on too (default: 50-79)",
    )
    _calls_of(parser, required=False)
    parser.add_argument(
        "--labels",
        metavar="FILE",
        help="labels of the calls: CSV with label (spam or ham) and call_id or caller, or a feedback store",
    )
    parser.add_argument(
        "--with-simulation",
        metavar="RANGE",
        type=_seeds,
        help="with --calls: simulated traffic to learn from too, so that few labels do not forget the rest",
    )
    parser.add_argument(
        "--simulation-weight",
        metavar="W",
        type=_positive,
        default=0.2,
        help="how much a simulated row counts beside one of --calls (default: %(default)s)",
    )
    parser.add_argument(
        "--test-share",
        metavar="SHARE",
        type=_share,
        default=0.2,
        help="with --calls: share of the labelled callers that is only measured (default: %(default)s)",
    )
    parser.add_argument(
        "--test-by",
        choices=("caller", "time"),
        default="caller",
        help="with --calls: measure on callers drawn by chance (default), or on new callers of the last part",
    )
    _config(parser)
    parser.add_argument(
        "--benchmark", metavar="FILE", help="a benchmark definition to measure on too, for the model card"
    )
    parser.add_argument(
        "--ablate",
        action="store_true",
        help="measure what every feature is worth: a training more for each family of features",
    )
    _progress(parser)


def _evaluate(parser: argparse.ArgumentParser) -> None:
    _captures(parser, required=False)
    parser.add_argument("--labels", metavar="FILE", help="labels of the captures")
    parser.add_argument(
        "--seeds",
        metavar="RANGE",
        type=_seeds,
        help="measure on simulated traffic instead, as 3001-3004 or 3001,3002",
    )
    parser.add_argument(
        "--scenario",
        metavar="NAME",
        default="training",
        help="the simulated traffic, as for spit simulate (default: %(default)s)",
    )
    _config(parser)
    _model(parser)
    parser.add_argument(
        "--benchmark",
        metavar="FILE",
        help="measure a benchmark definition instead, as benches/detection.toml (docs/evaluation.md)",
    )
    parser.add_argument(
        "--parts",
        metavar="LIST",
        type=_parts,
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
    _progress(parser)


def _what_if(parser: argparse.ArgumentParser) -> None:
    _calls_of(parser, required=True)
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
    _format(parser)
    _progress(parser)


def _drift(parser: argparse.ArgumentParser) -> None:
    _calls_of(parser, required=True)
    parser.add_argument(
        "--reference",
        metavar="DIR",
        help="model bundle to compare with (default: the model in force; without histograms in it, the "
        "first hours of the calls)",
    )
    _config(parser)
    _format(parser)
    _progress(parser)


def _feedback(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store", metavar="STORE", help="file of reports (feedback.store)")
    parser.add_argument(
        "--labels",
        action="store_true",
        help="the labels that follow from the reports, instead of the reports",
    )
    _format(parser)


def _records(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "question",
        choices=("calls", "query"),
        help="calls: the newest calls that the flags ask for; query: one SELECT over the table calls",
    )
    parser.add_argument(
        "sql", metavar="SQL", nargs="?", help="of query, such as 'SELECT count(*) FROM calls'"
    )
    parser.add_argument("--directory", metavar="DIR", help="folder of the records (default: the settings')")
    parser.add_argument("--caller", metavar="WHO", help="calls: URI, number or canonical identity")
    parser.add_argument("--callee", metavar="WHO", help="calls: the same of who was called")
    parser.add_argument(
        "--since",
        metavar="TIME",
        help="calls: started then or later; 2026-11-22, ...T14:00Z or epoch seconds",
    )
    parser.add_argument("--until", metavar="TIME", help="calls: started before then")
    parser.add_argument(
        "--limit", metavar="N", type=_count(1), help="calls: at most so many, the newest (default: 100)"
    )
    _config(parser)
    _format(parser)


def _serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=_port, help="port to listen on (default: 8060)")
    parser.add_argument(
        "--read",
        metavar="FILE",
        nargs="+",
        default=[],
        help="captures whose calls are learned before the first answer, unless a saved state is there",
    )
    _live(parser)
    parser.add_argument(
        "--state", metavar="DIR", help="save what is known there periodically, and go on from it at the start"
    )
    _checkpoint_s(parser)
    _config(parser)
    _model(parser)
    _challenger(parser)
    parser.add_argument(
        "--feedback", metavar="FILE", help="keep reports about calls there (docs/learning.md)"
    )
    add_storage(parser)
    parser.add_argument(
        "--allow-public",
        action="store_true",
        help="listen on an address other than loopback; needs service.keys_file",
    )


def _redirect(parser: argparse.ArgumentParser) -> None:
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
        type=_count(10),
        help="a call without a verdict after this is let through (default: 400)",
    )
    parser.add_argument("--metrics", metavar="HOST:PORT", help="serve every counter there for Prometheus")
    parser.add_argument(
        "--drain-s", metavar="N", type=_count(1), help="seconds that ending in order may take (default: 10)"
    )
    _config(parser)
    _model(parser)


def _agent(parser: argparse.ArgumentParser) -> None:
    _live(parser)
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
    _checkpoint_s(parser)
    _config(parser)


def _replay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("capture", metavar="FILE", help="pcap or pcapng, also gzip")
    parser.add_argument("--interface", metavar="NAME", required=True, help="where the packets are sent")
    parser.add_argument(
        "--speed",
        metavar="N",
        type=_speed,
        default=1.0,
        help="1: at the capture's own pace (default); 10: ten times as fast; max: as fast as it goes",
    )
    parser.add_argument(
        "--loop", metavar="N", type=_count(1), default=1, help="send the whole capture so many times"
    )


def _live(parser: argparse.ArgumentParser) -> None:
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
        "--workers", metavar="N", type=_count(1), help="threads that share the packets (default: 2)"
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
        "--drain-s", metavar="N", type=_count(1), help="seconds that ending in order may take (default: 10)"
    )


def _checkpoint_s(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--checkpoint-s", metavar="N", type=_count(1), help="seconds between two saves (default: 30)"
    )


def _captures(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument(
        "captures",
        metavar="FILE",
        nargs="+" if required else "*",
        help="pcap or pcapng, also gzip or zstd; - is standard input; several are one stream in time order",
    )


def _calls_of(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "--calls",
        metavar="FILE",
        nargs="+",
        required=required,
        help="recorded calls: Parquet, Arrow or JSON lines of calls or events, a folder of them, or captures",
    )


def _decoder(parser: argparse.ArgumentParser) -> None:
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


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", help="settings in TOML (docs/configuration.md)")


def _model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", metavar="DIR", help="model bundle (default: the shipped one)")


def _challenger(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--challenger", metavar="DIR", help="model bundle that scores beside and is only compared, never acts"
    )


def _format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=FORMATS, help="default: table on a terminal, jsonl otherwise")
    parser.add_argument(
        "--output",
        metavar="FILE",
        help="write there instead of standard output; the file appears when it is complete",
    )


def _output(parser: argparse.ArgumentParser) -> None:
    _format(parser)
    parser.add_argument(
        "--stats", action="store_true", help="print the reader's counters to standard error at the end"
    )
    _progress(parser)


def _progress(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help="report progress on standard error (default: only when it is a terminal)",
    )


def _count(least: int) -> Callable[[str], int]:
    def count(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}, found {text}")
        return value

    return count


def _seeds(text: str) -> tuple[int, ...]:
    """``1-12`` or ``1,2,3`` or both; each seed once."""
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not (first.isdecimal() and (last.isdecimal() if dash else True)):
            raise argparse.ArgumentTypeError(f"expected seeds as 1-12 or 1,2,3, found {text}")
        low, high = int(first), int(last) if dash else int(first)
        if not low <= high < low + _MAX_SEEDS:
            raise argparse.ArgumentTypeError(
                f"expected a rising range of at most {_MAX_SEEDS} seeds, found {part}"
            )
        seeds.extend(range(low, high + 1))
    if len(set(seeds)) != len(seeds):
        raise argparse.ArgumentTypeError(f"expected each seed once, found {text}")
    return tuple(seeds)


def _parts(text: str) -> tuple[str, ...]:
    parts = tuple(text.split(","))
    unknown = [part for part in parts if part not in BENCHMARK_PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"expected {', '.join(BENCHMARK_PARTS)}, found {unknown[0]!r}")
    return parts


def _positive(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"expected a number above 0, found {text}")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"expected a number between 0 and 1, found {text}")
    return value


def _speed(text: str) -> float:
    """Infinite for ``max``."""
    return math.inf if text == "max" else _positive(text)


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, found {text}")
    return value
