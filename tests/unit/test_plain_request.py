"""Which requests are plain enough to be read as bytes, and that they are the same to the library."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spit.service.plain_request import PlainRequest, read_plain


def plain(data: bytes) -> PlainRequest | None:
    return read_plain(data, max_header_bytes=200, max_body_bytes=20)


GET = b"GET /v1/score?caller=1&callee=2 HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /v1/score HTTP/1.1\r\nHost: a\r\ncontent-length: 2\r\n\r\n{}"


def test_whole_questions_are_plain() -> None:
    assert plain(GET) == PlainRequest("GET", b"caller=1&callee=2", [(b"host", b"a")], b"")
    assert plain(POST) == PlainRequest("POST", b"", [(b"host", b"a"), (b"content-length", b"2")], b"{}")
    spaced = GET.replace(b"Host: a", b"Host:\t a \r\nX-Request-Id:")
    found = plain(spaced)
    assert found is not None
    assert found.headers == [(b"host", b"a"), (b"x-request-id", b"")]
    assert plain(GET.replace(b"Host: a", b"Host: a\r\nConnection: Keep-Alive")) is not None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GET[:-1],
        GET + b"G",
        GET + GET,
        POST[:-1],
        POST + b" ",
        GET.replace(b"GET", b"PUT"),
        GET.replace(b"/v1/score", b"/v1/scores"),
        GET.replace(b"/v1/score", b"/v1//score"),
        GET.replace(b"/v1/score", b"http://a/v1/score"),
        GET.replace(b"HTTP/1.1", b"HTTP/1.0"),
        GET.replace(b"GET ", b"GET  "),
        GET.replace(b"=1", b"=\xff"),
        GET.replace(b"/v1/score?", b"/v1/score#?"),
        GET.replace(b"Host: a", b"X: a"),
        GET.replace(b"Host: a", b"Host: a\r\nHost: b"),
        GET.replace(b"Host: a", b"Host : a"),
        GET.replace(b"Host: a", b"Host: a\r\n folded"),
        GET.replace(b"Host: a", b"Host: a\nX: b"),
        GET.replace(b"Host: a", b"Host: a\x00"),
        GET.replace(b"Host: a", b"Host: a\r\nX: " + b"x" * 200),
        POST.replace(b"length: 2", b"length: 2\r\nContent-Length: 2"),
        POST.replace(b"length: 2", b"length: +2"),
        POST.replace(b"length: 2", b"length: 2, 2"),
        POST.replace(b"length: 2", b"length:"),
        POST.replace(b"length: 2\r\n\r\n{}", b"length: 21\r\n\r\n" + b"x" * 21),
        *(
            POST.replace(b"Host: a", b"Host: a\r\n" + header)
            for header in (
                b"Connection: close",
                b"Connection: keep-alive, close",
                b"Connection: keep-alive\r\nConnection: close",
                b"TE: trailers",
                b"Transfer-Encoding: chunked",
                b"expect: 100-continue",
                b"Upgrade: websocket",
            )
        ),
    ],
)
def test_what_is_unusual_goes_the_long_way(data: bytes) -> None:
    assert plain(data) is None


def test_a_header_of_blanks_is_read_in_one_pass() -> None:
    """Tried at each blank, this would take hours, and nobody else would be answered meanwhile."""
    value = b"a" + b" " * 1_000_000 + b"b"
    data = GET.replace(b"Host: a", b"Host: a\r\nX: " + value)
    found = read_plain(data, max_header_bytes=2_000_000, max_body_bytes=0)
    assert found is not None
    assert found.headers[1] == (b"x", value)


PIECES = st.sampled_from(
    [
        *(
            b"GET ",
            b"POST ",
            b"/v1/score",
            b"?a=%00",
            b"?",
            b"#",
            b" HTTP/1.1",
            b"\r\n",
            b"\n",
            b"\r",
            b"Host: a",
            b"Host:",
        ),
        *(
            b" ",
            b"\t",
            b"Content-Length: 2",
            b"content-length: 02",
            b"Content-Length: 3",
            b"Content-Length: 0",
        ),
        *(b":", b"X-Y: z", b"X Y: z", b"{}", b"\x00", b"\xff", b"Accept: text/plain"),
    ]
)
HEADS = st.tuples(
    st.sampled_from([b"GET /v1/score HTTP/1.1\r\n", b"POST /v1/score?x HTTP/1.1\r\nHost: a\r\n"]),
    st.lists(PIECES, max_size=6).map(b"".join),
    st.sampled_from([b"\r\n\r\n", b"\r\nHost: a\r\n\r\n", b"\r\n\r\n{}"]),
).map(b"".join)


@given(data=HEADS | st.lists(PIECES, max_size=12).map(b"".join))
def test_what_is_plain_is_the_same_to_the_library(data: bytes) -> None:
    request = plain(data)
    if request is None:
        return
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    event = connection.next_event()
    assert isinstance(event, h11.Request)
    assert event.method == request.method.encode()
    path, _, query = event.target.partition(b"?")
    assert (path, query) == (b"/v1/score", request.query)
    assert list(event.headers) == list(request.headers)
    body = b""
    while isinstance(event := connection.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert body == request.body == data.partition(b"\r\n\r\n")[2]
    assert connection.trailing_data == (b"", False)
