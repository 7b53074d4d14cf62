"""SIGTERM and SIGINT ask a command to drain and end, SIGHUP to read its configuration again."""

from __future__ import annotations

import queue
import signal
from collections.abc import Callable
from types import FrameType
from typing import Literal

#: A signal that comes just before the main thread begins to sleep does not wake it: it is heard this late.
_LOOK_S = 0.2


class Signals:
    """What was asked for. ``wait`` sleeps until something was; a second SIGINT ends the program at once."""

    def __init__(self) -> None:
        # A handler may run while the main thread holds any lock; this queue's put is made for that.
        self._asked: queue.SimpleQueue[Literal["stop", "reload"]] = queue.SimpleQueue()
        self._stopping = False

    def install(self) -> None:
        """Take the signals over; from the main thread."""
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, self._on_reload)

    def stop(self) -> None:
        """As SIGTERM does; from any thread."""
        self._stopping = True
        self._asked.put("stop")

    def wait(self, reload: Callable[[], None]) -> None:
        """Return when the command is to end; call ``reload`` for every SIGHUP until then."""
        while True:
            try:
                asked = self._asked.get(timeout=_LOOK_S)
            except queue.Empty:
                continue
            if asked == "stop":
                return
            reload()

    def _on_stop(self, number: int, _frame: FrameType | None) -> None:
        if self._stopping and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.stop()

    def _on_reload(self, _number: int, _frame: FrameType | None) -> None:
        self._asked.put("reload")
