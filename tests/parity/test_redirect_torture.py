"""The torture messages of RFC 4475 at the redirect server: never a crash, an answer that the RFC allows."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from sip_requests import Response

from spit import _core
from spit.enforce.redirect.answer import Answer
from spit.enforce.redirect.profile import load_profile
from spit.enforce.redirect.user_agent_server import Peer, UserAgentServer
from spit.records import ActionKind

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "messages" / "rfc4475"
GOLDEN = Path(__file__).parents[1] / "golden"
EXPECTED: dict[str, dict[str, Any]] = tomllib.loads((GOLDEN / "rfc4475_redirect.toml").read_text())
ALL = tomllib.loads((GOLDEN / "rfc4475.toml").read_text())

needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="the shared messages are not beside the project"
)


def responses(messages: list[bytes], *, reliable: bool) -> tuple[list[Response], int]:
    """Every response, each call being clean; and how many calls were asked about."""
    server: UserAgentServer[str] = UserAgentServer(
        load_profile("prosbc", contact="{request_uri}"),
        peers=["192.0.2.0/24"],
        tag_key=b"k" * 32,
        max_transactions=100,
    )
    peer = Peer("192.0.2.9", 5070, "socket", reliable=reliable)
    found: list[Response] = []
    asked = 0
    for message in messages:
        outcome = server.receive(message, peer, 0.0)
        sends = list(outcome.sends)
        if outcome.question is not None:
            asked += 1
            sends += server.answered(outcome.question, Answer(ActionKind.ALLOW), 0.0)
        found += [Response.read(send.data) for send in sends]
        again = server.receive(message, peer, 0.1)
        assert again.question is None
        assert [send.data for send in again.sends] == [send.data for send in sends]
    return found, asked


def test_every_torture_message_is_expected() -> None:
    assert set(EXPECTED) == set(ALL)


@needs_corpus
@pytest.mark.parametrize("name", list(EXPECTED))
def test_a_datagram(name: str) -> None:
    expected = EXPECTED[name]
    found, asked = responses([(CORPUS / f"{name}.dat").read_bytes()], reliable=False)
    assert [one.code for one in found] == ([expected["status"]] if expected["status"] else [])
    assert asked == int(expected.get("asked", False))
    for one in found:
        assert one.every("Via")
        assert "received=192.0.2.9" in one.every("Via")[0]


@needs_corpus
@pytest.mark.parametrize("name", list(EXPECTED))
def test_a_stream(name: str) -> None:
    expected = EXPECTED[name]
    usual = [expected["status"]] if expected["status"] else []
    messages = _core.SipStream().push((CORPUS / f"{name}.dat").read_bytes())
    found, _ = responses(messages, reliable=True)
    assert [one.code for one in found] == expected.get("stream", usual)


@needs_corpus
@pytest.mark.parametrize("name", list(EXPECTED))
def test_no_prefix_of_one_breaks_it(name: str) -> None:
    data = (CORPUS / f"{name}.dat").read_bytes()
    for cut in range(0, len(data), 7):
        responses([data[:cut]], reliable=False)
