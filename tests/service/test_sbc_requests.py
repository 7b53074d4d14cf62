"""The requests of the SBC examples, byte for byte over a socket, and what each reads of the answer."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from service_client import ENFORCE, FRIEND, NOW_US, SPAMMER, SUSPECT, TableEngine, with_service

from spit.records import EventKind
from spit.service.server import HttpService, listen

ROOT = Path(__file__).parents[2]
REQUESTS = ROOT / "tests" / "golden" / "sbc_requests"
REASON = 'SIP;cause=603;text="v=analytics1;url=https://example.net/blocked";location=RLN'
DEADLINE_S = 30

ALL = sorted(path.name for path in REQUESTS.glob("*.http"))
JSON_READERS = [name for name in ALL if name.startswith(("kamailio", "opensips"))]


class Server:
    """A service on a socket over a table of callers."""

    def __init__(self) -> None:
        config = with_service(ENFORCE, port=0, score_budget_ms=60_000)  # what is slow here is the machine
        self.engine = TableEngine(config)
        listener = listen(config.service)
        self._address = listener.getsockname()
        self.service = HttpService(self.engine, config, listener, time_source=lambda: NOW_US)
        self.service.start()

    def replay(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer; the body of the request waits where it says so."""
        head, _, body = request.partition(b"\r\n\r\n")
        with socket.create_connection(self._address, DEADLINE_S) as connection:
            answer = connection.makefile("rb")
            connection.sendall(head + b"\r\n\r\n")
            if b"\r\nExpect: 100-continue" in head:
                assert answer.readline() == b"HTTP/1.1 100 Continue\r\n"
                assert answer.readline() == b"\r\n"
            connection.sendall(body)
            status = int(answer.readline().split()[1])
            headers = {}
            while line := answer.readline().decode("ascii").strip():
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            return status, headers, answer.read(int(headers["content-length"]))


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    assert running.service.stop(DEADLINE_S)


def request_of(name: str, caller: str = SPAMMER) -> bytes:
    """The request, for a caller of the same length."""
    return (REQUESTS / name).read_bytes().replace(SPAMMER[1:].encode(), caller[1:].encode())


@pytest.mark.parametrize("name", ALL)
def test_the_request_is_understood_whole(server: Server, name: str) -> None:
    status, headers, _ = server.replay(request_of(name))
    *_, row = server.engine.assessed  # the service scores one of its own before it listens
    assert (status, headers["x-spam-action"]) == (200, "reject")
    assert (row["event"], row["caller"], row["callee"]) == (EventKind.ATTEMPT.value, SPAMMER, "+4930555")
    assert (row["source_ip"], row["call_id"]) == ("192.0.2.7", "a84b4c76e66710@192.0.2.7")


@pytest.mark.parametrize("name", JSON_READERS)
@pytest.mark.parametrize(("caller", "action"), [(SPAMMER, "reject"), (SUSPECT, "tag"), (FRIEND, "allow")])
def test_a_proxy_reads_json(server: Server, name: str, caller: str, action: str) -> None:
    status, headers, body = server.replay(request_of(name, caller))
    answer = json.loads(body)
    assert (status, headers["content-type"], answer["action"]) == (200, "application/json", action)
    if action == "reject":
        assert (answer["sip"]["code"], answer["sip"]["reason"]) == (603, "Network Blocked")
        assert answer["sip"]["headers"] == {"Reason": REASON}
    else:
        assert answer["sip"] is None
        assert isinstance(answer["score"], float)


@pytest.mark.parametrize(("caller", "word"), [(SPAMMER, b"reject"), (SUSPECT, b"tag"), (FRIEND, b"allow")])
def test_freeswitch_reads_one_word(server: Server, caller: str, word: bytes) -> None:
    status, headers, body = server.replay(request_of("freeswitch_spit_xml.http", caller))
    assert (status, headers["content-type"].partition(";")[0], body) == (200, "text/plain", word)


@pytest.mark.parametrize(("caller", "action"), [(SPAMMER, "reject"), (FRIEND, "allow")])
def test_asterisk_reads_a_hash(server: Server, caller: str, action: str) -> None:
    status, _, body = server.replay(request_of("asterisk_extensions_conf.http", caller))
    # hashcompat=yes splits at & and =, and undoes %XX alone.
    fields = dict(part.split("=", 1) for part in body.decode("ascii").split("&"))
    assert (status, fields["action"]) == (200, action)
    assert unquote(fields["reason"]) == ("Network Blocked" if action == "reject" else "")


@pytest.mark.parametrize(
    ("name", "example", "variables"),
    [
        (
            "opensips_cfg.http",
            "opensips/opensips.cfg",
            {"$si": "192.0.2.7"},
        ),
        (
            "freeswitch_spit_xml.http",
            "freeswitch/spit.xml",
            {
                "${url_encode(${sip_from_uri})}": "%2B12025550199%40outside.example",
                "${url_encode(${sip_req_uri})}": "%2B4930555%40inside.example",
                "${sip_network_ip}": "192.0.2.7",
                "${url_encode(${sip_call_id})}": "a84b4c76e66710%40192.0.2.7",
                "&amp;": "&",
            },
        ),
        (
            "asterisk_extensions_conf.http",
            "asterisk/extensions.conf",
            {
                "${URIENCODE(${CALLERID(num)})}": "%2B12025550199",
                "${URIENCODE(${EXTEN})}": "%2B4930555",
                "${URIENCODE(${CHANNEL(pjsip,remote_addr)})}": "192.0.2.7%3A5060",
                "${URIENCODE(${CHANNEL(pjsip,call-id)})}": "a84b4c76e66710%40192.0.2.7",
            },
        ),
    ],
)
def test_the_shipped_example_asks_with_that_request(
    name: str, example: str, variables: dict[str, str]
) -> None:
    text = (ROOT / "integrations" / example).read_text("utf-8")
    for variable, value in variables.items():
        text = text.replace(variable, value)
    target = request_of(name).split(b" ")[1].decode("ascii")
    assert re.findall(r'http://127\.0\.0\.1:8060(/[^\s")]*)', text) == [target]
