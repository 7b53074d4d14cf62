"""The portable path: which frames are the agent's own, and what cannot be opened."""

from __future__ import annotations

import pytest

from spit import _core
from spit.capture.sniffed import SniffedInterfaces, endpoints
from spit.errors import SpitError

ETHERNET = bytes(12)
IP4 = bytes.fromhex("450000200001000040110000c0000201c0000202") + b"\x13\xc4\x1f\x7c"
IP4_OPTIONS = bytes.fromhex("460000240001000040060000c0000201c000020200000000") + b"\x13\xc4\x1f\x7c"
IP6 = b"\x60" + bytes(5) + b"\x06\x40" + bytes(15) + b"\x01" + bytes(15) + b"\x02" + b"\x13\xc4\x1f\x7c"


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        (ETHERNET + b"\x08\x00" + IP4, ("192.0.2.1:5060", "192.0.2.2:8060")),
        (ETHERNET + b"\x08\x00" + IP4_OPTIONS, ("192.0.2.1:5060", "192.0.2.2:8060")),
        (ETHERNET + b"\x81\x00\x00\x05\x08\x00" + IP4, ("192.0.2.1:5060", "192.0.2.2:8060")),
        (ETHERNET + b"\x88\xa8\x00\x05\x81\x00\x00\x06\x86\xdd" + IP6, ("[::1]:5060", "[::2]:8060")),
        (ETHERNET + b"\x08\x00" + IP4[:-1], ()),
        (ETHERNET + b"\x08\x06" + IP4, ()),
        (b"", ()),
    ],
)
def test_endpoints_of_a_frame(frame: bytes, found: tuple[str, ...]) -> None:
    assert endpoints(frame) == found


@pytest.mark.skipif(not hasattr(_core, "Feed"), reason="this build of the core has no Feed")
def test_an_interface_that_is_not_there_is_a_line() -> None:
    with pytest.raises(SpitError, match="nosuchif: cannot be captured: "):
        SniffedInterfaces(["nosuchif"], {}, {})
