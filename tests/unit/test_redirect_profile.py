"""Response maps: the shipped ones, files of one's own, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sip_requests import request

from spit.config import RedirectConfig
from spit.enforce.redirect.answer import FAIL_OPEN, Answer
from spit.enforce.redirect.profile import (
    Reply,
    ResponseMap,
    Row,
    build_contact,
    is_contact,
    load_profile,
    shipped_profiles,
)
from spit.enforce.redirect.request import Request
from spit.enforce.redirect.service import read_responses
from spit.errors import ConfigError
from spit.policy.answers import build_answer
from spit.records import ActionKind, SipAnswer

ASKED = Request.decode(request())


def codes(responses: ResponseMap, reject: str = "603+") -> dict[str, int]:
    assert ASKED is not None
    found = {}
    for action in ActionKind:
        sip = build_answer(reject, "https://example.net/b") if action is ActionKind.REJECT else None
        reply = responses.reply(Answer(action, sip=sip), ASKED)
        found[action.value] = 0 if reply is None else reply.code
    degraded = responses.reply(FAIL_OPEN, ASKED)
    assert degraded is not None
    return {**found, "degraded": degraded.code}


def words(*numbers: int) -> dict[str, int]:
    names = [*(action.value for action in ActionKind), "degraded"]
    return dict(zip(names, numbers, strict=True))


@pytest.mark.parametrize(
    ("name", "reject", "expected"),
    [
        # allow, tag, throttle, challenge, divert, reject, drop, degraded
        ("clearip", "603+", words(404, 404, 404, 404, 404, 603, 603, 404)),
        ("ribbon", "603+", words(503, 603, 603, 603, 603, 603, 603, 503)),
        ("prosbc", "608", words(404, 404, 404, 404, 404, 608, 603, 404)),
    ],
)
def test_the_shipped_profiles(name: str, reject: str, expected: dict[str, int]) -> None:
    assert codes(load_profile(name, contact="{request_uri}"), reject) == expected


def test_every_shipped_profile_is_tested() -> None:
    assert shipped_profiles() == ["clearip", "prosbc", "ribbon"]


TAGGED = Answer(
    ActionKind.TAG, add_headers={"X-Spam-Label": "suspect", "X-Spam-Score": "0.7 ?&%", "Via": "x"}
)


def reply(row: Row, answer: Answer = TAGGED) -> Reply | None:
    assert ASKED is not None
    rows = {"clean": Row(404), "suspect": row, "spam": Row(603)}
    return ResponseMap(rows, contact="sip:a@b.example").reply(answer, ASKED)


def test_the_headers_of_a_tag_stand_in_the_response() -> None:
    tags = (("X-Spam-Label", "suspect"), ("X-Spam-Score", "0.7 ?&%"))
    assert reply(Row(404)) == Reply(404, headers=tags)
    own = (("x-spam-score", "high"),)
    # What the profile itself says stands.
    assert reply(Row(404, headers=own)) == Reply(404, headers=(*own, tags[0]))
    assert reply(Row(302)) == Reply(302, headers=(("Contact", "<sip:a@b.example>"), *tags))
    assert reply(Row(404, tags="none")) == Reply(404)
    assert reply(Row(404), Answer(ActionKind.THROTTLE, add_headers=TAGGED.add_headers)) == Reply(404)


def test_the_headers_of_a_tag_go_into_the_contact_for_the_invite_that_follows() -> None:
    headers = "X-Spam-Label=suspect&X-Spam-Score=0.7%20?%26%25"
    for contact, answer, expected in (
        ("", TAGGED, f"<sip:a@b.example?{headers}>"),
        ("sips:{user}@c.example?X=1", TAGGED, f"<sips:+4930123456@c.example?X=1&{headers}>"),
        ("tel:+1202", TAGGED, "<tel:+1202>"),
        ("", Answer(ActionKind.THROTTLE), "<sip:a@b.example>"),
    ):
        row = Row(302, contact=contact, tags="contact")
        assert reply(row, answer) == Reply(302, headers=(("Contact", expected),))


def test_a_code_that_is_not_the_policys_takes_none_of_its_headers() -> None:
    assert ASKED is not None
    sip = build_answer("608", "https://example.net/card")
    reply = load_profile("clearip", contact="{request_uri}").reply(Answer(ActionKind.REJECT, sip=sip), ASKED)
    assert reply == Reply(603)


def test_diverted_calls_go_where_the_row_says() -> None:
    assert ASKED is not None
    rows = {name: Row(404) for name in ("clean", "suspect", "spam")}
    row = Row(302, contact="sip:{user}@captcha.example.net;was={host}{port}")
    responses = ResponseMap({**rows, "divert": row}, contact="{request_uri}")
    contact = "<sip:+4930123456@captcha.example.net;was=127.0.0.1:5080>"
    assert responses.reply(Answer(ActionKind.DIVERT), ASKED) == Reply(302, headers=(("Contact", contact),))


@pytest.mark.parametrize("action", [ActionKind.DIVERT, ActionKind.CHALLENGE])
def test_without_a_row_the_policys_own_redirect_is_sent(action: ActionKind) -> None:
    assert ASKED is not None
    sip = SipAnswer(302, "Moved Temporarily", {"Contact": "<sip:captcha@example.net>"})
    reply = load_profile("clearip", contact="{request_uri}").reply(Answer(action, sip), ASKED)
    assert reply == Reply(302, "Moved Temporarily", (("Contact", "<sip:captcha@example.net>"),))


def test_a_throttle_that_the_policy_refuses_is_refused() -> None:
    assert ASKED is not None
    answer = Answer(ActionKind.THROTTLE, SipAnswer(480, "Temporarily Unavailable", {"Retry-After": "60"}))
    prosbc, clearip = (load_profile(name, contact="{request_uri}") for name in ("prosbc", "clearip"))
    assert prosbc.reply(answer, ASKED) == Reply(480, "Temporarily Unavailable", (("Retry-After", "60"),))
    assert clearip.reply(answer, ASKED) == Reply(603)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(
        '[clean]\ncode = 302\ncontact = "sip:{user}@carrier.example.net;spit={standing}"\n'
        '[suspect]\ncode = 300\nheaders = { X-Spit = "suspect" }\n'
        '[spam]\ncode = 486\nreason = "Busy"\n[drop]\nsilence = true\n'
    )
    assert ASKED is not None
    responses = read_responses(RedirectConfig(profile=str(file)))
    clean = responses.reply(Answer(ActionKind.ALLOW), ASKED)
    assert clean == Reply(302, headers=(("Contact", "<sip:+4930123456@carrier.example.net;spit=clean>"),))
    suspect = responses.reply(Answer(ActionKind.TAG), ASKED)
    assert suspect == Reply(
        300, headers=(("Contact", "<sip:+4930123456@127.0.0.1:5080>"), ("X-Spit", "suspect"))
    )
    assert responses.reply(Answer(ActionKind.REJECT), ASKED) == Reply(486, "Busy")
    assert responses.reply(Answer(ActionKind.DROP), ASKED) is None


ROWS = "[clean]\ncode = 404\n[suspect]\ncode = 404\n[spam]\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[clean]\ncode = 404\n", "suspect: expected a table"),
        (ROWS + "code = 200\n", "spam.code: expected a status code from 300"),
        (ROWS + "code = 407\n", "spam.code"),
        (ROWS + "code = true\n", "spam.code"),
        (ROWS, "spam.code"),
        (ROWS + "cod = 603\n", "spam.cod: expected one of code"),
        (ROWS + 'code = 603\nreason = "a\\nb"\n', "spam.reason: expected printable ASCII"),
        (ROWS + 'code = 603\nheaders = { Via = "x" }\n', "spam.headers"),
        (ROWS + 'code = 603\nheaders = { X = "a\\r\\nEvil: b" }\n', "spam.headers"),
        (ROWS + 'code = 302\ncontact = "sip:{nobody}@x"\n', "spam.contact: expected a template"),
        (ROWS + 'code = 302\ncontact = "sip:{user.__class__}@x"\n', "spam.contact"),
        (ROWS + 'code = 302\ncontact = "sip:{user:>9}@x"\n', "spam.contact"),
        (ROWS + 'code = 302\ncontact = "sip:{user@x"\n', "spam.contact"),
        (ROWS + 'code = 603\ntags = "both"\n', "spam.tags: expected one of response, contact, none"),
        (ROWS + 'code = 603\ntags = "contact"\n', "spam.tags: expected contact with a code from 300"),
        (ROWS + "silence = 1\n", "spam.silence: expected true or false"),
        (ROWS + "silence = true\ncode = 603\n", "spam.silence: expected it alone"),
        ("clean = 404\n[suspect]\ncode = 404\n[spam]\ncode = 603\n", "clean: expected a table"),
        ("[clean]\nsilence = true\n[suspect]\ncode = 404\n[spam]\ncode = 603\n", "clean.silence"),
        ('[clean]\ncode = "policy"\n[suspect]\ncode = 404\n[spam]\ncode = 603\n', "clean.code"),
        (ROWS + "code = 603\n[unknown]\ncode = 1\n", "unknown: expected one of clean"),
        ("[clean\n", "expected TOML"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_profile(str(file), contact="{request_uri}")
    assert str(file) in str(raised.value)
    assert expected in str(raised.value)


def test_an_unknown_profile_and_a_file_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match=r"expected one of clearip, prosbc, ribbon or a file NAME\.toml"):
        load_profile("acme", contact="{request_uri}")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_profile("/nonexistent/own.toml", contact="{request_uri}")


def test_a_wrong_template_in_the_settings_is_named() -> None:
    with pytest.raises(ConfigError, match=r"redirect\.contact: expected a template"):
        read_responses(RedirectConfig(profile="clearip", contact="sip:{nobody}@x"))


@pytest.mark.parametrize(
    ("uri", "template", "contact"),
    [
        (
            "sip:+1555;npdi@h.example:5061;user=phone",
            "sip:{user}@{host}{port}",
            "sip:+1555;npdi@h.example:5061",
        ),
        ("sip:[2001:db8::1]:5060", "{request_uri}", "sip:[2001:db8::1]:5060"),
        ("sip:a@[2001:db8::1]", "sip:{user}@x{port}", "sip:a@x"),
        ("urn:service:sos.fire", "sip:{user}@gw", "urn:service:sos.fire"),
        ("sip:h.example", "sip:{user}@gw{port}", "sip:gw"),
        ("tel:+4930123456;phone-context=x", "sip:{user}@gw", "sip:+4930123456;phone-context=x@gw"),
        ('sip:"<a>\xe9"@h', "{request_uri}", "sip:%22%3Ca%3E%E9%22@h"),
    ],
)
def test_contacts(uri: str, template: str, contact: str) -> None:
    assert is_contact(template)
    assert build_contact(template, uri, "clean") == contact
