"""Says when drops begin and when they end: a line per loss, not per packet."""

from __future__ import annotations

import logging
from collections.abc import Mapping

#: Without another drop for this long, they are over.
QUIET_S = 5.0

_log = logging.getLogger("spit.live")


class DropWatch:
    """Compares counters whose names end in ``_dropped`` from look to look. Time is an argument."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._open: dict[str, tuple[int, float, float]] = {}  # count before, began, last seen

    def look(self, counters: Mapping[str, int], now_s: float) -> None:
        """Log what began or ended since the last look; ``now_s``: seconds, monotonic."""
        for name, count in counters.items():
            if not name.endswith("_dropped"):
                continue
            before = self._seen.get(name, 0)
            self._seen[name] = count
            if count > before:
                start, began_s, _ = self._open.get(name, (before, now_s, now_s))
                if name not in self._open:
                    _log.warning("%s: drops began, %d so far", name, count - before)
                self._open[name] = (start, began_s, now_s)
            elif name in self._open:
                start, began_s, last_s = self._open[name]
                if now_s - last_s >= QUIET_S:
                    del self._open[name]
                    _log.warning("%s: drops ended, %d in %.0f s", name, count - start, last_s - began_s)
