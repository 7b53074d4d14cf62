"""The golden requests of tests/golden/sbc_requests are what Kamailio and libcurl really send."""

from __future__ import annotations

import re
import socket
import subprocess
from pathlib import Path

import pytest
from fake_scorer import fake_scorer
from sip_programs import DEADLINE_S, callee, kamailio, needs, wait_until

pytestmark = pytest.mark.e2e

REQUESTS = Path(__file__).parents[1] / "golden" / "sbc_requests"


def golden(name: str, port: int, source: str = "192.0.2.7") -> bytes:
    """The request to a scorer on this port, for an INVITE from this address."""
    text = (REQUESTS / name).read_bytes().replace(b"127.0.0.1:8060", f"127.0.0.1:{port}".encode())
    return text.replace(b"source_ip=192.0.2.7", f"source_ip={source}".encode())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        # --user-agent "": a libcurl that was told none sends none.
        ("opensips_cfg.http", ["--user-agent", "", "--header", "Content-Type: application/sip"]),
        (
            "freeswitch_spit_xml.http",
            ["--user-agent", "freeswitch-curl/1.0", "--header", "Accept:text/plain", "--location"],
        ),
        (
            "asterisk_extensions_conf.http",
            [
                "--user-agent",
                "asterisk-libcurl-agent/1.0",
                "--header",
                "Accept: application/x-www-form-urlencoded",
            ],
        ),
    ],
)
def test_libcurl_with_the_modules_options_sends_these_bytes(name: str, options: list[str]) -> None:
    needs("curl")
    with fake_scorer([]) as fake:
        expected = golden(name, fake.port)
        head, _, body = expected.partition(b"\r\n\r\n")
        posted = ["--data-binary", "@-"] if body else []
        url = f"http://127.0.0.1:{fake.port}{head.split(b' ')[1].decode('ascii')}"
        command = ["curl", "--silent", "--show-error", *options, *posted, url]
        subprocess.run(command, input=body, capture_output=True, timeout=DEADLINE_S, check=True)
    assert fake.requests == [expected]


@pytest.mark.parametrize(
    ("name", "defines"),
    [("kamailio_http_cfg.http", {}), ("kamailio_http_cfg_by_query.http", {"ASK_BY_QUERY": 1})],
)
def test_kamailio_sends_these_bytes(tmp_path: Path, name: str, defines: dict[str, object]) -> None:
    needs("kamailio", "sipp")
    invite = (REQUESTS / "kamailio_http_cfg.http").read_bytes().partition(b"\r\n\r\n")[2]
    with (
        fake_scorer([]) as fake,
        callee(tmp_path) as hop,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller,
    ):
        url = f'"http://127.0.0.1:{fake.port}"'
        with kamailio(
            tmp_path, "http.cfg", NEXT_HOP=hop.hop, MIRROR='"sip:127.0.0.1:9"', SCORER=url, **defines
        ) as (
            proxy,
            _,
        ):
            caller.sendto(
                invite.replace(b"Max-Forwards: 69\r\n", b"Max-Forwards: 70\r\n"), ("127.0.0.1", proxy)
            )
            wait_until(lambda: fake.requests, "question")
        expected = golden(name, fake.port, "127.0.0.1")
    (sent,) = fake.requests
    assert re.sub(rb"\(5\.[\d.]+ \([^)]*\)\)", b"(5.6.3 (x86_64/linux))", sent) == expected
