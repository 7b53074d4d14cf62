"""A second opinion: SIP messages as tshark decodes them, through pyshark.

Run it as a process of its own (``python -m spit.capture.tshark FILE``): pyshark fails in worker threads and
inside a running event loop, and manages a few hundred messages a second. It prints a JSON object per message
with the columns of ``spit messages`` that both can tell: time, source, destination, method, status, call_id,
cseq, cseq_method, from_user, to_user, from_tag, to_tag.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from typing import Any

from spit.errors import InputError, MissingExtraError

#: Without this tshark becomes slower with every call of the file.
OPTIONS = ["-o", "sdp.establish_conversation:FALSE"]


def read_messages(path: str) -> Iterator[dict[str, object]]:
    """The SIP messages of a capture in the file's order.

    Raises MissingExtraError without pyshark, InputError without tshark.
    """
    try:
        import pyshark
    except ModuleNotFoundError as error:
        raise MissingExtraError("messages", "tshark", "pyshark") from error
    if shutil.which("tshark") is None:
        raise InputError("expected tshark on the PATH, found none: install the package tshark")
    capture = pyshark.FileCapture(path, display_filter="sip", keep_packets=False, custom_parameters=OPTIONS)
    try:
        for packet in capture:
            for layer in packet.get_multiple_layers("sip"):
                yield _message(packet, layer)
    finally:
        capture.close()


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


if __name__ == "__main__":
    for row in read_messages(sys.argv[1]):
        sys.stdout.write(json.dumps(row) + "\n")
