"""Every response of the redirect server, without sockets and clocks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sip_requests import Response, request

from spit.enforce.redirect.answer import FAIL_OPEN, Answer
from spit.enforce.redirect.profile import ResponseMap, Row, load_profile
from spit.enforce.redirect.user_agent_server import Outcome, Peer, Question, UserAgentServer
from spit.policy.answers import build_answer
from spit.records import ActionKind

CLEAN = Answer(ActionKind.ALLOW)
SPAM = Answer(ActionKind.REJECT, sip=build_answer("603+", "https://example.net/blocked"))
UDP = Peer("192.0.2.9", 5070, "socket", reliable=False)
TCP = Peer("192.0.2.9", 40_000, "connection", reliable=True)


def make(
    responses: ResponseMap | None = None, *, max_transactions: int = 100, source_header: str = ""
) -> UserAgentServer[str]:
    return UserAgentServer(
        responses or load_profile("prosbc", contact="{request_uri}"),
        peers=["192.0.2.0/24", "2001:db8::/32"],
        tag_key=b"k" * 32,
        max_transactions=max_transactions,
        source_header=source_header,
    )


def only(outcome: Outcome[str]) -> Response:
    assert outcome.question is None
    (send,) = outcome.sends
    return Response.read(send.data)


def asked(outcome: Outcome[str]) -> Question[str]:
    assert outcome.sends == ()
    assert outcome.question is not None
    return outcome.question


def answered(server: UserAgentServer[str], data: bytes, answer: Answer, peer: Peer[str] = UDP) -> Response:
    question = asked(server.receive(data, peer, 0.0))
    (send,) = server.answered(question, answer, 0.1)
    return Response.read(send.data)


def test_a_clean_call_is_told_with_everything_that_a_response_copies() -> None:
    data = request(
        headers=("Via: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bK776asdhds", "Record-Route: <sip:p;lr>")
    )
    data = data.replace(
        b"Max-Forwards", b"v: SIP/2.0/TLS 198.51.100.1;branch=z9hG4bKsecond\r\nMax-Forwards", 1
    )
    response = answered(make(), data, CLEAN)
    assert (response.code, response.reason) == (404, "Not Found")
    assert response.every("Via") == [
        "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bK776asdhds",
        "SIP/2.0/TLS 198.51.100.1;branch=z9hG4bKsecond",
    ]
    assert response["From"] == "<sip:+12025550199@192.0.2.9>;tag=1928301774"
    assert response["To"].startswith("<sip:+4930123456@127.0.0.1:5080>;tag=")
    assert response["Call-ID"] == "a84b4c76e66710"
    assert response["CSeq"] == "314159 INVITE"
    assert response["Content-Length"] == "0"
    assert response["Server"].startswith("spit/")
    assert response.every("Record-Route") == []


def test_spam_is_told_as_the_policy_says() -> None:
    response = answered(make(), request(), SPAM)
    assert (response.code, response.reason) == (603, "Network Blocked")
    assert (
        response["Reason"] == 'SIP;cause=603;text="v=analytics1;url=https://example.net/blocked";location=RLN'
    )


def test_608_carries_the_call_info() -> None:
    answer = Answer(ActionKind.REJECT, sip=build_answer("608", "https://example.net/card"))
    response = answered(make(), request(), answer)
    assert (response.code, response["Call-Info"]) == (608, "<https://example.net/card>;purpose=jwscard")


def test_without_a_verdict_the_call_is_clean_whatever_the_action_says() -> None:
    server = make()
    assert answered(server, request(), FAIL_OPEN).code == 404
    degraded = Answer(ActionKind.REJECT, degraded=True)
    assert answered(server, request(via=f"{VIA_OF}2"), degraded).code == 404
    counters = server.counters()
    assert (counters["answers_clean"], counters["answers_degraded"]) == (2, 2)


VIA_OF = "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKother"


def test_a_retransmission_gets_the_same_bytes_and_is_not_asked_about_again() -> None:
    server = make()
    question = asked(server.receive(request(), UDP, 0.0))
    assert server.receive(request(), UDP, 0.05) == Outcome()
    (first,) = server.answered(question, CLEAN, 0.1)
    (again,) = server.receive(request(), UDP, 0.6).sends
    assert again == first
    assert server.counters()["invites"] == 1
    assert server.counters()["invites_repeated"] == 2


def test_an_ack_is_never_answered_and_ends_the_repeating() -> None:
    server = make()
    question = asked(server.receive(request(), UDP, 0.0))
    server.answered(question, CLEAN, 0.0)
    ack = request("ACK", cseq="314159 ACK")
    assert server.receive(ack, UDP, 0.1) == Outcome()
    assert server.advance(0.6) == []
    assert server.receive(request("ACK", via=f"{VIA_OF}9"), UDP, 0.1) == Outcome()
    counters = server.counters()
    assert (counters["acks"], counters["acks_unmatched"]) == (1, 1)


def test_a_call_without_magic_cookie_is_matched_as_rfc_2543_does() -> None:
    server = make()
    via = "SIP/2.0/UDP 192.0.2.9:5070;branch=1"
    server.answered(asked(server.receive(request(via=via), UDP, 0.0)), CLEAN, 0.0)
    assert len(server.receive(request(via=via), UDP, 0.1).sends) == 1
    asked(server.receive(request(via=via, call_id="another"), UDP, 0.1))
    server.receive(request("ACK", via=via, cseq="314159 ACK", to_tag="x"), UDP, 0.1)
    assert server.counters()["acks"] == 1


def test_the_same_branch_of_another_sender_is_another_call() -> None:
    server = make()
    asked(server.receive(request(), UDP, 0.0))
    other = request(via="SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bK776asdhds")
    asked(server.receive(other, Peer("192.0.2.10", 5070, "socket", reliable=False), 0.0))


def test_cancel_ends_an_open_call_with_487_and_the_verdict_comes_to_nothing() -> None:
    server = make()
    question = asked(server.receive(request(), UDP, 0.0))
    sends = server.receive(request("CANCEL", cseq="314159 CANCEL"), UDP, 0.1).sends
    ok, terminated = (Response.read(send.data) for send in sends)
    assert (ok.code, ok["CSeq"]) == (200, "314159 CANCEL")
    assert (terminated.code, terminated["CSeq"]) == (487, "314159 INVITE")
    assert ok["To"] == terminated["To"]
    assert list(server.answered(question, SPAM, 0.2)) == []
    assert server.counters()["answers_spam"] == 0


def test_a_late_cancel_changes_nothing_and_an_unknown_one_gets_481() -> None:
    server = make()
    server.answered(asked(server.receive(request(), UDP, 0.0)), CLEAN, 0.0)
    assert only(server.receive(request("CANCEL"), UDP, 0.1)).code == 200
    assert only(server.receive(request("CANCEL", via=f"{VIA_OF}7"), UDP, 0.1)).code == 481
    assert server.counters()["cancels_late"] == 2


def test_options_tells_what_is_served_also_at_the_last_hop() -> None:
    server = make()
    response = only(server.receive(request("OPTIONS", headers=("Max-Forwards: 0",)), UDP, 0.0))
    assert response.code == 200
    assert response["Allow"] == "INVITE, ACK, CANCEL, OPTIONS"
    assert response["Accept"] == "application/sdp"
    server.draining = True
    assert only(server.receive(request("OPTIONS"), UDP, 0.0)).code == 503


@pytest.mark.parametrize(
    ("data", "code", "header"),
    [
        (request("BYE", to_tag="x"), 405, ("Allow", "INVITE, ACK, CANCEL, OPTIONS")),
        (request("REGISTER"), 405, ("Allow", "INVITE, ACK, CANCEL, OPTIONS")),
        (request("NEWMETHOD"), 405, ("Allow", "INVITE, ACK, CANCEL, OPTIONS")),
        (request(headers=("Max-Forwards: 0",)), 483, None),
        (request(headers=("Max-Forwards: many",)), 400, None),
        (request(headers=("Max-Forwards: 256",)), 400, None),
        (request(headers=("Require: 100rel, foo", "Require: bar")), 420, ("Unsupported", "foo, bar")),
        (request(to_tag="known"), 481, None),
        (request(version="SIP/3.0"), 505, None),
        (request(uri="nobodyknows:x"), 416, None),
        (request(uri="sip:x@example.net?Subject=a"), 400, None),
        (request(without=("Call-ID",)), 400, None),
        (request(without=("From",)), 400, None),
        (request(without=("To",)), 400, None),
        (request(without=("CSeq",)), 400, None),
        (request(cseq="1 OPTIONS"), 400, None),
        (request(headers=("Content-Length: 10",)), 400, None),
        (request(headers=("Content-Length: -1",)), 400, None),
        (request(headers=("From: <sip:a@b>;tag=1", "f: <sip:c@d>;tag=2")), 400, None),
    ],
)
def test_what_cannot_be_served_is_refused_and_the_same_again(
    data: bytes, code: int, header: tuple[str, str] | None
) -> None:
    server = make()
    response = only(server.receive(data, UDP, 0.0))
    assert response.code == code
    if header is not None:
        assert response[header[0]] == header[1]
    assert only(server.receive(data, UDP, 1.0)) == response
    assert server.counters()["refused"] == 2
    assert server.counters()["invites"] == 0


@pytest.mark.parametrize(
    "data",
    [b"hello", b"\x80\x00rtp", request(without=("Via",)), request(via="nonsense"), b"SIP/2.0 200 OK\r\n\r\n"],
)
def test_what_cannot_be_answered_is_dropped_and_counted(data: bytes) -> None:
    server = make()
    assert server.receive(data, UDP, 0.0) == Outcome()
    counters = server.counters()
    assert counters["not_sip"] + counters["responses_ignored"] == 1


def test_options_that_ask_nothing_of_a_redirect_server_are_taken() -> None:
    asked(make().receive(request(headers=("Require: 100rel, Resource-Priority",)), UDP, 0.0))


def test_compact_folded_and_oddly_written_headers_are_read() -> None:
    data = (
        b"INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\r\n"
        b"TO :\r\n sip:vivekg@chair-dnrc.example.com ;   tag    = \r\n"
        b'f: "J Rosenberg \\\\\\"" <sip:jdrosen@example.com>\r\n  ;\r\n  tag = 98asjd8\r\n'
        b"MaX-fOrWaRdS: 0068\r\nCall-ID: wsinv.ndaksdj@192.0.2.1\r\ncseq: 0009\r\n  INVITE\r\n"
        b"Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw , SIP/2.0/TCP 1192.168.156.222\r\n"
        b"l: 0\r\n\r\n"
    )
    response = answered(make(), data, CLEAN)
    own = "SIP/2.0/UDP 192.0.2.2;branch=390skdjuw;received=192.0.2.9"
    assert response["Via"] == f"{own}, SIP/2.0/TCP 1192.168.156.222"
    assert response["From"].endswith("; tag = 98asjd8")
    assert response["CSeq"] == "0009 INVITE"


@pytest.mark.parametrize(
    ("via", "shown", "address"),
    [
        ("192.0.2.9:5070;branch=z9hG4bKa", "192.0.2.9:5070;branch=z9hG4bKa", ("192.0.2.9", 5070)),
        ("192.0.2.9;branch=z9hG4bKa", "192.0.2.9;branch=z9hG4bKa", ("192.0.2.9", 5060)),
        (
            "sbc.example.net:5070;branch=z9hG4bKa",
            "sbc.example.net:5070;branch=z9hG4bKa;received=192.0.2.9",
            ("192.0.2.9", 5070),
        ),
        (
            "10.0.0.1:5062;branch=z9hG4bKa;rport",
            "10.0.0.1:5062;branch=z9hG4bKa;received=192.0.2.9;rport=5070",
            ("192.0.2.9", 5070),
        ),
        (
            "10.0.0.1:5062;branch=z9hG4bKa;received=203.0.113.1",
            "10.0.0.1:5062;branch=z9hG4bKa;received=192.0.2.9",
            ("192.0.2.9", 5062),
        ),
        (
            "sbc.example.net:5062;maddr=192.0.2.77;branch=z9hG4bKa",
            "sbc.example.net:5062;maddr=192.0.2.77;branch=z9hG4bKa;received=192.0.2.9",
            ("192.0.2.77", 5062),
        ),
        (
            "sbc.example.net:5062;maddr=203.0.113.5;branch=z9hG4bKa",
            "sbc.example.net:5062;maddr=203.0.113.5;branch=z9hG4bKa;received=192.0.2.9",
            ("192.0.2.9", 5062),
        ),
    ],
)
def test_where_a_response_goes_over_udp(via: str, shown: str, address: tuple[str, int]) -> None:
    (send,) = make().receive(request("OPTIONS", via=f"SIP/2.0/UDP {via}"), UDP, 0.0).sends
    assert send.route.address == address
    assert Response.read(send.data)["Via"] == f"SIP/2.0/UDP {shown}"


def test_an_ipv6_peer() -> None:
    peer = Peer("2001:db8::9", 5071, "socket", reliable=False)
    data = request("OPTIONS", via="SIP/2.0/UDP [2001:DB8:0::9]:5070;branch=z9hG4bKa;rport")
    (send,) = make().receive(data, peer, 0.0).sends
    assert send.route.address == ("2001:db8::9", 5071)
    assert Response.read(send.data)["Via"].endswith(";received=2001:db8::9;rport=5071")


def test_over_tcp_the_response_goes_back_on_the_connection_and_a_ping_gets_a_pong() -> None:
    server = make()
    (send,) = server.receive(request("OPTIONS", via=VIA_OF), TCP, 0.0).sends
    assert send.route.channel == "connection"
    (pong,) = server.receive(b"\r\n\r\n", TCP, 0.0).sends
    assert pong.data == b"\r\n"
    assert server.receive(b"\r\n\r\n", UDP, 0.0) == Outcome()
    assert server.counters()["keep_alives"] == 2


def test_only_peers_may_ask() -> None:
    server = make()
    assert server.admits("192.0.2.200")
    assert server.admits("::ffff:192.0.2.200")
    assert server.admits("2001:db8::1")
    assert not server.admits("198.51.100.1")
    assert server.counters()["peers_refused"] == 1


def test_silence_is_no_answer_at_all_and_retransmissions_get_none_either() -> None:
    rows = {name: Row(404) for name in ("clean", "suspect", "spam")}
    server = make(ResponseMap({**rows, "drop": Row(silence=True)}, contact="{request_uri}"))
    question = asked(server.receive(request(), UDP, 0.0))
    assert list(server.answered(question, Answer(ActionKind.DROP), 0.1)) == []
    assert server.receive(request(), UDP, 0.5) == Outcome()
    assert server.advance(31.0) == []
    assert server.counters()["answers_silent"] == 1


def test_a_call_that_there_is_no_room_for_is_let_through() -> None:
    server = make(max_transactions=1)
    asked(server.receive(request(), UDP, 0.0))
    response = only(server.receive(request(via=f"{VIA_OF}1"), UDP, 0.0))
    assert response.code == 404
    assert server.counters()["transactions_refused"] == 1


def test_a_100_has_no_tag_and_the_timestamp() -> None:
    server = make()
    server.receive(request(headers=("Timestamp: 54.1",)), UDP, 0.0)
    (send,) = server.advance(0.2)
    trying = Response.read(send.data)
    assert trying.code == 100
    assert "tag" not in trying["To"]
    assert trying["Timestamp"] == "54.1"


def test_the_source_of_the_call_is_what_the_sbc_tells() -> None:
    server = make(source_header="X-Source-IP")
    told = server.receive(request(headers=("X-Source-IP: [2001:db8::7]",)), UDP, 0.0)
    assert asked(told).source_ip == "2001:db8::7"
    wrong = server.receive(request(via=f"{VIA_OF}1", headers=("X-Source-IP: sbc",)), UDP, 0.0)
    assert asked(wrong).source_ip is None


def test_tags_of_different_calls_differ_and_those_of_another_server_cannot_be_foretold() -> None:
    server = make()
    tags = {
        only(server.receive(request("OPTIONS", via=f"{VIA_OF}{number}"), UDP, 0.0))["To"]
        for number in range(50)
    }
    assert len(tags) == 50


#: Every header that a response of this server may have.
HEADERS = {
    "Via",
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "Server",
    "Content-Length",
    "Contact",
    "Timestamp",
    "Reason",
}
HEADERS |= {"Allow", "Accept", "Accept-Encoding", "Accept-Language", "Supported", "Unsupported"}


@settings(deadline=None)
@given(
    st.sampled_from(["INVITE", "OPTIONS", "CANCEL", "ACK", "BYE"]),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 30), st.binary(max_size=30)), max_size=4),
)
def test_whatever_is_in_a_request_a_response_is_well_formed_and_has_no_other_headers(
    method: str, changes: list[tuple[int, int, bytes]]
) -> None:
    rows = {"clean": Row(302, contact="sip:{user}@x;was={host}{port}"), "suspect": Row(404), "spam": Row(0)}
    server = make(ResponseMap(rows, contact="{request_uri}"))
    data = request(method, headers=("Require: foo", "Timestamp: 1", "Record-Route: <sip:p;lr>"))
    for at, length, new in changes:
        data = data[:at] + new + data[at + length :]
    outcome = server.receive(data, UDP, 0.0)
    sends = [*outcome.sends, *server.advance(0.2)]
    if outcome.question is not None:
        sends += server.answered(outcome.question, CLEAN, 0.3)
    for send in sends:
        if send.data != b"\r\n":
            assert {name for name, _ in Response.read(send.data).headers} <= HEADERS
