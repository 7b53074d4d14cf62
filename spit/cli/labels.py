"""Labels beside a capture: who is spam and who is not, per call or per caller."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spit.errors import InputError

_KEYS = ("call_id", "caller")


@dataclass(frozen=True, slots=True)
class Truth:
    """``campaign``: of spam, or the kind of legitimate caller; empty where the file names none."""

    spam: bool
    campaign: str


@dataclass(frozen=True, slots=True)
class Labels:
    """``by_key``: the truth of each value of the column ``key``, which is ``call_id`` or ``caller``."""

    key: str
    by_key: Mapping[str, Truth]


def read_labels(path: Path) -> Labels:
    """Read a CSV with the columns ``call_id,label,campaign`` or ``caller,label,campaign`` in any order.

    ``campaign`` may be absent; ``label`` is ``spam`` or ``ham``. Raises InputError: names the line, what was
    expected and what was found.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _read(path, csv.reader(file, strict=True))
    except OSError as error:
        raise InputError(f"{path}: labels cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: expected UTF-8 text, found another byte at offset {error.start}") from None


def _read(path: Path, rows: csv._reader) -> Labels:  # type: ignore[name-defined]
    try:
        header = next(rows, [])
        key = next((name for name in _KEYS if name in header), None)
        if key is None or "label" not in header:
            raise InputError(
                f"{path}: line 1: expected the columns call_id,label,campaign or caller,label,campaign, "
                f"found {','.join(header) or 'nothing'}"
            )
        key_at, label_at = header.index(key), header.index("label")
        campaign_at = header.index("campaign") if "campaign" in header else None
        by_key: dict[str, Truth] = {}
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                raise InputError(
                    f"{path}: line {rows.line_num}: expected {len(header)} fields, found {len(row)}"
                )
            label = row[label_at]
            if label not in ("spam", "ham"):
                raise InputError(
                    f"{path}: line {rows.line_num}: label: expected spam or ham, found {label!r}"
                )
            campaign = "" if campaign_at is None else row[campaign_at]
            by_key[row[key_at]] = Truth(label == "spam", campaign)
    except csv.Error as error:
        raise InputError(f"{path}: line {rows.line_num}: expected CSV, found a mistake: {error}") from None
    return Labels(key, by_key)


def callers_of_calls(labels: Labels, caller_of: Mapping[str, str]) -> Labels:
    """Labels per caller from labels per call. ``caller_of``: the caller of each Call-ID.

    A caller is spam when most of its labelled calls are (half is enough); its campaign is the one of most of
    those calls. A number that a campaign borrowed keeps the truth of its majority.
    """
    truths: dict[str, Counter[Truth]] = {}
    for call_id, truth in labels.by_key.items():
        caller = caller_of.get(call_id)
        if caller is not None:
            truths.setdefault(caller, Counter())[truth] += 1
    by_caller = {}
    for caller, counts in truths.items():
        spam_calls = sum(count for truth, count in counts.items() if truth.spam)
        spam = 2 * spam_calls >= counts.total()
        campaigns = {truth: count for truth, count in counts.items() if truth.spam is spam}
        by_caller[caller] = max(campaigns, key=lambda truth: campaigns[truth])
    return Labels("caller", by_caller)
