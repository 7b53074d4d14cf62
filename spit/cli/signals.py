"""SIGTERM and SIGINT ask a command to drain and end, SIGHUP to read its configuration again."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType


class Signals:
    """What was asked for. ``wait`` sleeps until something was; a second SIGINT ends the program at once."""

    def __init__(self) -> None:
        self._woken = threading.Event()
        self._stop = False
        self._reload = False

    def install(self) -> None:
        """Take the signals over; from the main thread."""
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, self._on_reload)

    def stop(self) -> None:
        """As SIGTERM does; from any thread."""
        self._stop = True
        self._woken.set()

    def wait(self, reload: Callable[[], None]) -> None:
        """Return when the command is to end; call ``reload`` for every SIGHUP until then."""
        while not self._stop:
            self._woken.wait()
            self._woken.clear()
            if self._reload and not self._stop:
                self._reload = False
                reload()

    def _on_stop(self, number: int, _frame: FrameType | None) -> None:
        if self._stop and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.stop()

    def _on_reload(self, _number: int, _frame: FrameType | None) -> None:
        self._reload = True
        self._woken.set()
