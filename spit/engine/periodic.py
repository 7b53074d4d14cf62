"""Saves a state again and again in a thread, and says what a stop in between costs."""

from __future__ import annotations

import contextlib
import logging
import math
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from spit.engine import checkpoint
from spit.export.prometheus import Sample

_BEAT_S = 1.0

_log = logging.getLogger("spit.state")


class PeriodicSave:
    """Calls ``save`` every ``interval_s`` seconds, and once more at the end.

    ``directory`` is where ``save`` writes: a file there is touched every ``beat_s``, so that the next run
    knows when this one stopped. ``clock``: seconds, monotonic.
    """

    def __init__(
        self,
        directory: Path,
        save: Callable[[], None],
        *,
        interval_s: float,
        clock: Callable[[], float],
        beat_s: float = _BEAT_S,
    ) -> None:
        self._directory = directory
        self._save = save
        self._interval_s = interval_s
        self._clock = clock
        self._beat_s = beat_s
        self._stop = threading.Event()
        self._soon = False
        self._thread = threading.Thread(target=self._run, name="checkpoint", daemon=True)
        self._failing = False
        self._saved_s = clock()
        self._saves = 0
        self._failures = 0

    def start(self) -> None:
        """Save now, so that a folder that cannot be written is known at once, then periodically."""
        self.save_once()
        self._thread.start()

    def finish(self, timeout_s: float) -> bool:
        """Stop saving periodically, then save a last time; False when a running save takes longer."""
        self._stop.set()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            return False
        if not self.save_once():
            return False
        checkpoint.mark_stopped(self._directory)
        return True

    def soon(self) -> None:
        """Save within a beat, before it is time."""
        self._soon = True

    def save_once(self) -> bool:
        """Save; whether it went well. Begin and end of failing are said."""
        try:
            self._save()
            checkpoint.mark_alive(self._directory)
        except OSError as error:
            self._failures += 1
            if not self._failing:
                _log.error("the state cannot be saved: %s; a crash would lose what came since", error)
            self._failing = True
            return False
        self._saves += 1
        self._saved_s = self._clock()
        if self._failing:
            _log.warning("the state is saved again")
        self._failing = False
        return True

    def counters(self) -> dict[str, int]:
        """Saves that went well and that did not."""
        return {"state_saves": self._saves, "state_save_failures": self._failures}

    def samples(self) -> list[Sample]:
        """For /metrics."""
        age_s = self._clock() - self._saved_s
        return [
            Sample("spit_state_saves_total", "counter", "states saved", self._saves),
            Sample(
                "spit_state_save_failures_total", "counter", "states that could not be saved", self._failures
            ),
            Sample("spit_state_age_seconds", "gauge", "seconds since the last state was saved", age_s),
        ]

    def _run(self) -> None:
        tried_s = self._clock()
        while not self._stop.wait(self._beat_s):
            if self._soon or self._clock() - tried_s >= self._interval_s:
                self._soon = False
                self.save_once()
                tried_s = self._clock()
            else:
                self._beat()

    def _beat(self) -> None:
        with contextlib.suppress(OSError):  # the next save says what is wrong
            checkpoint.mark_alive(self._directory)


def restored_line(what: str, *, saved_at_us: int | None, last_alive_us: int | None, now_us: int) -> str:
    """One line: what was restored, how old it is, and which time is missing.

    ``last_alive_us``: None when the program that saved ended in order.
    """
    if saved_at_us is None:
        return f"state restored: {what}; it does not say when it was saved"
    moment = datetime.fromtimestamp(saved_at_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    age_s = max(now_us - saved_at_us, 0) / 1e6
    line = f"state restored: {what}, saved {moment} ({age_s:.0f} s ago)"
    if last_alive_us is None:
        return f"{line} when it stopped: nothing before that is missing"
    # The stop came up to one beat after the last beat.
    lost_s = math.ceil(max(last_alive_us - saved_at_us, 0) / 1e6 + _BEAT_S)
    down_s = max(now_us - last_alive_us, 0) / 1e6
    return (
        f"{line}; up to {lost_s} s of captured traffic before the stop were not saved; "
        f"stopped for {down_s:.0f} s"
    )
