"""SIP messages as tshark finds them, through pyshark: for what the own decoder cannot read, and to compare.

Run it as a process of its own: pyshark fails in worker threads and inside a running event loop, and manages a
few hundred messages a second.

``python -m spit.capture.tshark FILE`` prints a JSON object per message with the columns of ``spit messages``
that both can tell: time, source, destination, method, status, call_id, cseq, cseq_method, from_user, to_user,
from_tag, to_tag.

``python -m spit.capture.tshark --raw [--tls-keys KEYS] FILE`` prints a JSON object per message as bytes:
``time_us``, ``source``, ``destination``, ``transport``, ``data`` (hexadecimal); at the end ``end_us``, when
the last packet came. ``spit.capture.tshark_files`` reads it. Exit status 1 and one line on standard error
when the file could not be read to its end.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from spit.errors import InputError, MissingExtraError, SpitError

#: Without this tshark becomes slower with every call of the file.
OPTIONS = ["-o", "sdp.establish_conversation:FALSE"]

#: ICMP errors quote requests; a quotation is no message.
RAW_FILTER = "sip && !icmp && !icmpv6"

#: The layers that are looked at; writing out all others takes more than half of tshark's time.
RAW_LAYERS = "frame ip ipv6 udp tcp sctp sip"

_ADDRESSES = {"ip": ("ip.src", "ip.dst"), "ipv6": ("ipv6.src", "ipv6.dst")}
_TRANSPORTS = ("udp", "tcp", "sctp")


def read_messages(path: str) -> Iterator[dict[str, object]]:
    """The SIP messages of a capture in the file's order, dissected.

    Raises MissingExtraError without pyshark, InputError without tshark.
    """
    with _Capture(path, OPTIONS, "sip") as capture:
        for packet in capture:
            for layer in packet.get_multiple_layers("sip"):
                yield _message(packet, layer)


def read_raw(path: str, tls_keys: str | None = None) -> Iterator[dict[str, object]]:
    """The SIP messages of a capture in the file's order, as bytes; last the time of the last packet.

    Raises MissingExtraError without pyshark, InputError without tshark or when the file is damaged: after the
    messages before the damage.
    """
    end_us, damage = inspect_file(path)
    options = [*OPTIONS, "-j", RAW_LAYERS]
    if tls_keys is not None:
        options += ["-o", f"tls.keylog_file:{tls_keys}"]
    if end_us is not None:
        # What is wrong with the file is known; what tshark says of it at the end is the same.
        with _Capture(path, options, RAW_FILTER, damage=damage, use_json=True, include_raw=True) as capture:
            for packet in capture:
                yield from _raw_messages(packet)
        yield {"end_us": end_us}
    if damage is not None:
        raise InputError(damage)


def inspect_file(path: str) -> tuple[int | None, str | None]:
    """The time of the last packet in epoch µs (None without packets), and what is wrong with the file."""
    require_programs()
    done = subprocess.run(  # noqa: S603  # a list of arguments, no shell
        ["capinfos", "-T", "-r", "-e", "-S", path],  # noqa: S607  # wherever the PATH has it
        capture_output=True,
        text=True,
        check=False,
    )
    end = done.stdout.rstrip("\n").rpartition("\t")[2]
    end_us = _micros(end) if end[:1].isdecimal() else None
    if done.returncode == 0:
        return end_us, None
    complaints = [line.removeprefix("capinfos: ") for line in done.stderr.splitlines()]
    said = [line for line in complaints if line.startswith(("The ", "An ", '"'))]
    complaint = " ".join(said) or f"capinfos failed with status {done.returncode}"
    return end_us, _damage(path, complaint)


def require_programs() -> None:
    """Raises InputError where tshark is missing."""
    for program in ("tshark", "capinfos"):
        if shutil.which(program) is None:
            raise InputError(f"expected {program} on the PATH, found none: install the package tshark")


class _Capture:
    """A file as packets of pyshark, closed at the end. ``damage``: what is known to be wrong with it."""

    def __init__(
        self, path: str, options: list[str], filter_: str, *, damage: str | None = None, **more: object
    ) -> None:
        try:
            import pyshark
        except ModuleNotFoundError as error:
            raise MissingExtraError("messages", "tshark", "pyshark") from error
        require_programs()
        self._path = path
        self._damage = damage
        self._crash: type[Exception] = pyshark.capture.capture.TSharkCrashException
        self._capture: Any = pyshark.FileCapture(
            path, display_filter=filter_, keep_packets=False, custom_parameters=options, **more
        )

    def __enter__(self) -> Iterator[Any]:
        return self._packets()

    def __exit__(self, *_: object) -> None:
        try:
            self._capture.close()
        except self._crash:
            # pyshark kills tshark as it ends and sometimes takes that for a crash. What is wrong with a file
            # was asked of capinfos; a tshark that does not start is told while packets are read.
            self._capture._running_processes.clear()

    def _packets(self) -> Iterator[Any]:
        try:
            yield from self._capture
        except self._crash as crash:
            self._complain(crash)

    def _complain(self, crash: Exception) -> None:
        # What is gone can't be ended once more when the capture is collected.
        self._capture._running_processes.clear()
        if self._damage is None:
            said = re.search("Last error line: (?:tshark: )?(.*)", str(crash))
            raise InputError(_damage(self._path, said[1] if said else str(crash).splitlines()[0])) from None


def _damage(path: str, complaint: str) -> str:
    return f"{path}: expected a capture that tshark reads to its end, found: {complaint}"


def _message(packet: Any, layer: Any) -> dict[str, object]:
    value = layer.get_field_value

    def number(name: str) -> int | None:
        text = value(name)
        return int(text) if text is not None else None

    # The innermost addresses are those of the signalling; tunnels put others around them.
    network = [one for one in packet.layers if one.layer_name in {"ip", "ipv6"}]
    transport = [one for one in packet.layers if one.layer_name in {"udp", "tcp"}]
    ends = {}
    for end, address, port in (("source", "src", "srcport"), ("destination", "dst", "dstport")):
        host = network[-1].get_field_value(address) if network else None
        if host is not None and ":" in host:
            host = f"[{host}]"
        ends[end] = f"{host}:{transport[-1].get_field_value(port)}" if transport else host
    return {
        "time": round(float(packet.sniff_timestamp), 6),
        **ends,
        "method": value("Method"),
        "status": number("Status-Code"),
        "call_id": value("Call-ID"),
        "cseq": number("CSeq.seq"),
        "cseq_method": value("CSeq.method"),
        "from_user": value("from.user"),
        "to_user": value("to.user"),
        "from_tag": value("from.tag"),
        "to_tag": value("to.tag"),
    }


def _raw_messages(packet: Any) -> Iterator[dict[str, object]]:
    protocols: list[str] = packet.frame_info.get_field("protocols").split(":")
    around = protocols[: protocols.index("sip")] if "sip" in protocols else protocols
    networks = [name for name in around if name in _ADDRESSES]
    transports = [name for name in around if name in _TRANSPORTS]
    if not networks or not transports:
        return  # SIP that tshark found somewhere else, such as in a log of Unix sockets
    network, transport = networks[-1], transports[-1]
    addresses = [_innermost(packet, network, name) for name in _ADDRESSES[network]]
    ports = [_innermost(packet, transport, f"{transport}.{name}") for name in ("srcport", "dstport")]
    inside = around[len(around) - around[::-1].index(transport) :]
    message: dict[str, object] = {
        "time_us": _micros(packet.sniff_timestamp),
        **{
            end: f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            for end, host, port in zip(("source", "destination"), addresses, ports, strict=True)
        },
        "transport": _carried_by(transport, inside),
    }
    for data in _raw_layers(packet.get_multiple_layers("sip_raw")):
        yield {**message, "data": data}


def _carried_by(transport: str, inside: list[str]) -> str:
    """The transport as ``spit messages`` names it; a WebSocket over TLS frames like a WebSocket."""
    if "websocket" in inside:
        return "ws"
    if transport == "tcp" and ("tls" in inside or "ssl" in inside):
        return "tls"
    return transport


def _innermost(packet: Any, layer_name: str, field: str) -> str:
    """The field of the last layer of that name."""
    last = packet.get_multiple_layers(layer_name)[-1]
    layer = last.duplicate_layers[-1] if last.duplicate_layers else last
    value: str = layer.get_field(field.partition(".")[2])
    return str(value)


def _raw_layers(layers: list[Any]) -> Iterator[str]:
    """The bytes of each layer, hexadecimal.

    tshark writes ``[hex, position, length, …]``, for several layers a list of such; pyshark takes the first
    of any list as the layer and the others as its duplicates.
    """
    for layer in layers:
        if isinstance(layer.value, str):
            yield layer.value
        else:
            yield layer.value[0]
            yield from (more.value for more in layer.duplicate_layers)


def _micros(seconds: str) -> int:
    """Epoch µs of seconds in decimals; what is finer is cut off."""
    whole, _, fraction = seconds.strip().partition(".")
    return int(whole) * 1_000_000 + int(fraction[:6].ljust(6, "0"))


def main() -> int:
    """Print what the arguments ask for, one JSON object a line; the exit status."""
    parser = argparse.ArgumentParser(prog="spit.capture.tshark")
    parser.add_argument("--raw", action="store_true")
    parser.add_argument("--tls-keys")
    parser.add_argument("file")
    arguments = parser.parse_args()
    rows = read_raw(arguments.file, arguments.tls_keys) if arguments.raw else read_messages(arguments.file)
    try:
        for row in rows:
            sys.stdout.write(json.dumps(row) + "\n")
            sys.stdout.flush()
    except SpitError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
