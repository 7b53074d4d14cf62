"""``spit drift``: how far calls are from what a model was trained on."""

from __future__ import annotations

import argparse
import sys

import numpy as np
import pyarrow as pa

from spit.capture.recorded import RecordedCalls
from spit.cli.detector import load_model
from spit.cli.formats import RowWriter, open_writer
from spit.cli.observers import load_reference
from spit.cli.output import choose_format, open_target
from spit.cli.progress import Progress
from spit.cli.report import DONE, FAILED, print_error
from spit.cli.rows import terminal_width
from spit.cli.settings import load_settings
from spit.cli.table import TableWriter
from spit.engine.drift import WARM_UP_S, DriftMonitor
from spit.features.table import FeatureTable
from spit.model.reference import MIN_ROWS

DRIFT_SCHEMA = pa.schema(
    [
        pa.field("name", pa.string()),
        pa.field("psi", pa.float64()),
        pa.field("meaning", pa.string()),
        pa.field("median_then", pa.float64()),
        pa.field("median_now", pa.float64()),
    ]
)


def run(arguments: argparse.Namespace) -> int:
    """Fold the calls, write a row per feature and one of the score, and return the exit status."""
    format_ = choose_format(arguments.format, arguments.output)
    config = load_settings(arguments.config, {"model.path": arguments.reference})
    model, reference = load_model(config), load_reference(config)
    recording = RecordedCalls(arguments.calls, config.core_settings())
    features = FeatureTable()
    # Everything in the files is "now": no decay within them.
    monitor = DriftMonitor(FeatureTable.names, reference, time_constant_s=float("inf"))
    attempts = 0
    with open_target(arguments.output) as stream, Progress(arguments.progress) as progress:
        for events in recording.events():
            found = features.observe(events)
            attempts += len(found.rows)
            if len(found.rows):
                latest_us = int(np.max(events["time_us"].to_numpy()[found.rows]))
                monitor.add(found.values, model.score(found.values), latest_us)
            progress.say(f"folded {attempts} calls")
        progress.wipe()
        drifts = monitor.drifts()
        rows = pa.RecordBatch.from_pylist(
            [
                {
                    "name": one.name,
                    "psi": one.psi,
                    "meaning": one.words,
                    "median_then": one.median_then,
                    "median_now": one.median_now,
                }
                for one in drifts
            ],
            schema=DRIFT_SCHEMA,
        )
        writer: RowWriter
        if format_ == "table":
            writer = TableWriter(stream, DRIFT_SCHEMA, DRIFT_SCHEMA.names, terminal_width(arguments.output))
        else:
            writer = open_writer(format_, stream, DRIFT_SCHEMA)
        if rows.num_rows:
            writer.write(rows)
        writer.close()
    if reference is not None:
        compared = f"compared with {reference.rows} rows that {model.name} was trained on"
    elif monitor.reference_rows:
        compared = f"{model.name} holds no histograms: compared with the first {WARM_UP_S / 3600:g} hours"
    else:
        compared = (
            f"nothing to compare with: {model.name} holds no histograms, and the calls are fewer than "
            f"{MIN_ROWS} or of less than {WARM_UP_S / 3600:g} hours"
        )
    sys.stderr.write(f"{attempts} calls, {compared}\n")
    damages = recording.damages()
    for damage in damages:
        print_error(damage)
    return FAILED if damages else DONE
