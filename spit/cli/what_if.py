"""``spit what-if``: what another policy or model would have done with recorded calls."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from spit.capture.recorded import RecordedCalls
from spit.cli.detector import build_engine
from spit.cli.formats import RowWriter, open_writer
from spit.cli.output import choose_format, open_target
from spit.cli.parser import UsageError
from spit.cli.progress import Progress
from spit.cli.report import DONE, FAILED, print_error
from spit.cli.rows import terminal_width
from spit.cli.settings import load_settings
from spit.cli.table import TableWriter
from spit.cli.verdicts import reasons_in_words
from spit.engine.call_labels import CallLabels, read_call_labels
from spit.engine.what_if import WHAT_IF_SCHEMA, WhatIf, totals_lines

_COLUMNS = (
    "change", "caller", "calls", "action_now", "action_then", "score", "expected_wrong", "wrong",
    "example_call_id",
)  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Replay under both, write the affected callers and the totals, and return the exit status."""
    if arguments.policy is None and arguments.model is None:
        raise UsageError("expected --policy or --model: without either nothing would be different")
    format_ = choose_format(arguments.format, arguments.output)
    config = load_settings(arguments.config)
    tried = load_settings(arguments.config, {"model.path": arguments.model})
    if arguments.policy is not None:
        tried = replace(tried, policy=load_settings(arguments.policy).policy)
    labels = None
    if arguments.labels is not None:
        labels = CallLabels(read_call_labels(Path(arguments.labels)), where=arguments.labels)
    recording = RecordedCalls(arguments.calls, config.core_settings())
    what_if = WhatIf(build_engine(config), build_engine(tried), labels)
    with open_target(arguments.output) as stream, Progress(arguments.progress) as progress:
        what_if.replay(recording.events(), lambda calls: progress.say(f"compared {calls} calls"))
        progress.wipe()
        rows = what_if.rows()
        writer: RowWriter
        if format_ == "table":
            width = terminal_width(arguments.output)
            writer = TableWriter(stream, WHAT_IF_SCHEMA, _COLUMNS, width, notes=reasons_in_words)
        else:
            writer = open_writer(format_, stream, WHAT_IF_SCHEMA)
        if rows.num_rows:
            writer.write(rows)
        writer.close()
        text = "\n".join(totals_lines(what_if.totals)) + "\n"
        if format_ == "table":
            stream.write(f"\n{text}".encode("utf-8", "backslashreplace"))
        else:
            sys.stderr.write(text)
    damages = recording.damages()
    for damage in damages:
        print_error(damage)
    return FAILED if damages else DONE
