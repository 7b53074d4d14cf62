"""Every command and flag. Imports nothing heavy: ``spit CMD --help`` must answer at once."""

from __future__ import annotations

import argparse

from spit import __version__
from spit.cli.flags.captures import add_calls, add_messages, add_score, add_simulate
from spit.cli.flags.control import add_config, add_keys, add_lists
from spit.cli.flags.learning import add_drift, add_evaluate, add_feedback, add_train, add_what_if
from spit.cli.flags.live import add_agent, add_redirect, add_replay, add_serve
from spit.cli.flags.records import add_records

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
        ("messages", "a row per SIP message of captures", add_messages),
        ("calls", "a row per call of captures", add_calls),
        ("score", "a verdict per caller, or per call, of captures", add_score),
        ("simulate", "write a labelled capture of simulated traffic", add_simulate),
        ("train", "train a model on simulated traffic, or on your own calls", add_train),
        ("evaluate", "measure a model on labelled traffic", add_evaluate),
        ("what-if", "what another policy or model would have done with recorded calls", add_what_if),
        ("drift", "how far calls are from what a model was trained on", add_drift),
        ("feedback", "list reports about calls, or the labels that follow from them", add_feedback),
        ("lists", "allow, block, grey, consent, decoy and do-not-originate lists", add_lists),
        ("keys", "API keys", add_keys),
        ("config", "check or show the configuration", add_config),
        ("records", "questions about the call records that spit serve keeps", add_records),
        ("serve", "answer SBCs over HTTP", add_serve),
        ("redirect", "answer SBCs over SIP as a redirect server", add_redirect),
        ("agent", "capture live traffic and give its call events to scorers", add_agent),
        ("replay", "send the packets of a capture to an interface", add_replay),
    ):
        command = commands.add_parser(
            name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", epilog=_EXIT_STATUS
        )
        add_arguments(command)
    return parser
