"""Rows of calls and the table they make."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from spit.worlds.agenda.dice import Dice
from spit.worlds.agenda.settings import Operator


class Row(NamedTuple):
    """One call as logged. `at_s` counts from the start of the recording; other times in seconds."""

    at_s: float
    method: str
    caller: str
    callee: str
    source_ip: str
    destination_ip: str
    transport: str
    user_agent: str | None
    fingerprint: str
    asserted_identity: str | None
    attestation: str | None
    origid: str | None
    verstat: str | None
    passport_orig: str | None
    diverted_by: str | None
    outcome: str
    final_status: int
    ring_time_s: float | None
    pdd_s: float | None
    setup_time_s: float | None
    duration_s: float | None
    hangup_by: str
    retransmissions: int
    legs: int
    spam: bool
    kind: str
    strength: str
    campaign: str


_TIMES = ("ring_time_s", "pdd_s", "setup_time_s", "duration_s")


def _thin(dice: Dice, rows: list[Row], wanted: int) -> list[Row]:
    """At most the wanted rows, each as likely to stay as any other."""
    if len(rows) <= wanted:
        return rows
    return [rows[int(index)] for index in np.sort(dice.rng.choice(len(rows), wanted, replace=False))]


def table(dice: Dice, operator: Operator, rows: list[Row]) -> pd.DataFrame:
    """Rows as a frame sorted by start; what is above the wanted calls is thinned as a sampling probe would.

    Both sides are thinned separately to the operator's share of spam, which retries and callbacks blur.
    """
    spam = [row for row in rows if row.spam]
    honest = [row for row in rows if not row.spam]
    wanted = round(operator.calls * operator.spam_share)
    rows = _thin(dice, spam, wanted) + _thin(dice, honest, operator.calls - min(wanted, len(spam)))
    frame = pd.DataFrame(rows, columns=list(Row._fields))
    start = operator.start_epoch_s * 1_000_000 + (frame.pop("at_s") * 1e6).astype("int64")
    frame.insert(0, "start_us", start.astype("int64"))
    frame = frame.sort_values("start_us", kind="stable", ignore_index=True)
    salt = dice.hexadecimal(12)
    frame.insert(1, "call_id", [f"{salt}-{number:07d}@pbx" for number in range(len(frame))])
    for column in _TIMES:
        frame[column] = frame[column].astype("float64").round(3)
    return frame
