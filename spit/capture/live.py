"""Live capture: interfaces and HEP collectors through the kernel's ring, or interfaces through scapy."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from spit import _core
from spit.errors import SpitError

if TYPE_CHECKING:
    import pyarrow as pa


_log = logging.getLogger("spit.live")


class LiveSource(Protocol):
    """Call events as they happen; ``_core.LiveReader`` and ``sniffed.SniffedInterfaces`` satisfy it."""

    @property
    def ended(self) -> bool:
        """Stopped, and everything that was queued has been read."""

    def hep_addresses(self) -> list[str]:
        """What the HEP collectors are bound to, as ``udp:127.0.0.1:9060``."""

    def start(self) -> None:
        """Begin to capture."""

    def read_events(self, max_rows: int, timeout_s: float) -> pa.RecordBatch | None:
        """Events (records.EVENT_SCHEMA); None when nothing came within the time, or when ``ended``."""

    def stop(self) -> None:
        """Stop capturing; what is queued can still be read."""

    def counters(self) -> dict[str, int]:
        """Packets, messages and drops by name (docs/counters.md)."""


def open_live(
    interfaces: Sequence[str],
    hep: Sequence[str],
    *,
    decoder: str,
    settings: Mapping[str, object],
    live: Mapping[str, object],
    state: bytes | None = None,
) -> LiveSource:
    """Open every socket, which is the only step that needs privileges; nothing is captured before ``start``.

    ``decoder``: ``native``, or ``scapy`` for interfaces where there is no ring. ``settings``: the keys of
    [tracking] and [identity]. ``live``: ``_core.LiveReader`` names the keys. ``state``: calls that were open,
    from ``save_calls``; left out where the source cannot take them.
    Raises SpitError: one line that says what could not be opened.
    """
    if decoder == "scapy":
        if hep:
            raise SpitError("--decoder scapy reads interfaces only: HEP needs --decoder native")
        from spit.capture.sniffed import SniffedInterfaces

        return SniffedInterfaces(interfaces, settings, live)
    if interfaces and sys.platform != "linux":
        raise SpitError("the capture ring needs Linux: use --decoder scapy here")

    def opened(**options: bytes) -> LiveSource:
        source: LiveSource = _core.LiveReader(
            interfaces=list(interfaces), hep=list(hep), settings=dict(settings), live=dict(live), **options
        )
        return source

    try:
        if state is not None and can_save_calls(_core.LiveReader):
            try:
                return opened(state=state)
            except ValueError as error:  # of another version, or damaged; anything else comes up again below
                _log.error("starting without the calls that were open: %s", error)
        return opened()
    except (OSError, ValueError) as error:
        raise SpitError(str(error)) from None


def can_save_calls(source: LiveSource | type[LiveSource]) -> bool:
    """Whether ``save_calls`` gives anything."""
    return hasattr(source, "save_state")


def save_calls(source: LiveSource) -> bytes | None:
    """The calls that are open now, for ``open_live`` of the next run; None where the source cannot tell."""
    save = getattr(source, "save_state", None)
    return None if save is None else bytes(save())


def drop_privileges(user: str) -> None:
    """Become ``user`` without any privilege, for good. Raises SpitError."""
    try:
        _core.drop_privileges(user)
    except (OSError, ValueError) as error:
        raise SpitError(f"cannot become the user {user}: {error}") from None
