"""``_core.parse_message`` and ``_core.SipStream``: a message in its parts, and the messages of a stream."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sip_requests import request

from spit import _core

TWO = request("OPTIONS") + request("INVITE").replace(b"Content-Length: 0", b"Content-Length: 4") + b"v=0\n"


def test_a_request_in_its_parts() -> None:
    data = b"INVITE sip:b@x SIP/2.0\r\nv: SIP/2.0/UDP a\r\nX-Odd:\xe9 \x00\r\ni: 1\r\n\r\n"
    method, uri, status, headers, anomalies = _core.parse_message(data) or pytest.fail("none was found")
    assert (method, uri, status) == ("INVITE", "sip:b@x", None)
    assert headers == [("Via", "SIP/2.0/UDP a"), ("X-Odd", "\xe9 \x00"), ("Call-ID", "1")]
    assert anomalies == ["no_cseq", "no_from", "no_to"]


def test_folds_become_spaces_and_nothing_that_ends_a_line_stays() -> None:
    data = b"OPTIONS sip:b@x SIP/2.0\r\nSubject: a\r\n  b\r\n\tc\rd\r\ni: 1\r\n\r\n"
    parts = _core.parse_message(data)
    assert parts is not None
    assert parts[3][0] == ("Subject", "a b c d")


def test_a_response_has_a_status_and_what_is_none_is_none() -> None:
    parts = _core.parse_message(b"SIP/2.0 486 Busy\r\ni: 1\r\n\r\n")
    assert parts is not None
    assert parts[:3] == (None, "", 486)
    assert _core.parse_message(b"") is None
    assert _core.parse_message(b"GET / HTTP/1.1\r\n\r\n") is None


def test_only_the_first_message_of_a_datagram_counts() -> None:
    parts = _core.parse_message(TWO)
    assert parts is not None
    assert parts[0] == "OPTIONS"


@settings(deadline=None)
@given(st.lists(st.integers(1, len(TWO)), max_size=6))
def test_a_stream_gives_the_same_messages_however_it_is_cut(cuts: list[int]) -> None:
    stream = _core.SipStream()
    places = [0, *sorted(cuts), len(TWO)]
    found = [one for a, b in pairwise(places) for one in stream.push(TWO[a:b])]
    assert b"".join(found) == TWO
    assert len(found) == 2
    assert (len(stream), stream.junk_bytes) == (0, 0)


def test_pings_are_told_once_a_look_and_junk_is_counted() -> None:
    stream = _core.SipStream()
    assert stream.push(b"\r\n") == []
    assert stream.push(b"\r\n") == [b"\r\n\r\n"]
    assert stream.push(b"\r\n" * 1000) == [b"\r\n\r\n"]
    assert stream.push(b"\x16\x03\x01\x02\x00" + b"\x00" * 95) == []
    assert stream.junk_bytes == 100
    assert len(stream) == 0


@settings(deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=300))
def test_no_bytes_break_it(first: bytes, second: bytes) -> None:
    stream = _core.SipStream()
    for data in (first, second):
        stream.push(data)
        _core.parse_message(data)
        _core.parse_message(b"OPTIONS sip:b@x SIP/2.0\r\nVia:" + data)
