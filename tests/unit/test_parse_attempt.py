"""One attempt from the bytes of an INVITE: its transport is one of five names."""

from __future__ import annotations

import pytest

from spit import _core

INVITE = (
    b"INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/WS x.invalid;branch=z9hG4bK1\r\n"
    b"From: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: one\r\n"
    b"CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
)


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls", "sctp", "ws"])
def test_the_transport_is_kept(transport: str) -> None:
    attempt = _core.parse_attempt(INVITE, time_us=0, transport=transport)
    assert attempt.to_pylist()[0]["transport"] == transport


def test_another_transport_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match='expected udp, tcp, tls, sctp or ws, found "wss"'):
        _core.parse_attempt(INVITE, time_us=0, transport="wss")
