"""PASSporTs from Python: single headers, and the columns of an attempt."""

from __future__ import annotations

import base64
import json

from hypothesis import given
from hypothesis import strategies as st

from spit import _core

START_S = 1_700_000_000


def token(ppt: str, /, **claims: object) -> str:
    parts = ({"alg": "ES256", "ppt": ppt, "typ": "passport"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return f"{'.'.join(encoded)}.c2ln;info=<https://c.example/x.pem>;alg=ES256;ppt={ppt}"


def attempt(*identities: str, anomalies: bool = False) -> dict[str, object]:
    headers = "".join(f"Identity: {one}\r\n" for one in identities)
    invite = (
        "INVITE sip:+4989654321@h SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n"
        "From: <sip:+4930123456@h>;tag=a\r\nTo: <sip:+4989654321@h>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n"
        f"{headers}Content-Length: 0\r\n\r\n"
    ).encode()
    if anomalies:
        feed = _core.Feed(kind="messages")
        feed.message(0, "192.0.2.1:5060", "192.0.2.2:5060", "udp", invite)
        batch = feed.read_messages()
    else:
        batch = _core.parse_attempt(invite, time_us=START_S * 1_000_000 + 500_000)
    assert batch is not None
    row: dict[str, object] = batch.to_pylist()[0]
    return row


def test_every_claim_has_a_name() -> None:
    claims = {"attest": "A", "dest": {"tn": ["4989654321"]}, "iat": 1, "orig": {"uri": "sip:a@b"}}
    claims["origid"] = "o"
    more = {"div": {"tn": "4989000"}, "rcd": {"nam": "Q Branch", "apn": "4930999"}}
    header = ",".join([token("shaken", **claims, **more), "..c2ln;ppt=div", "broken"])
    full, compact, unreadable = _core.parse_identity(header)
    assert full == {
        "form": "full",
        "ppt": "shaken",
        "alg": "ES256",
        "info": "https://c.example/x.pem",
        "attest": "A",
        "origid": "o",
        "orig": "sip:a@b",
        "dest": ["4989654321"],
        "iat": 1,
        "div": "4989000",
        "nam": "Q Branch",
        "apn": True,
    }
    assert compact == {"form": "compact", "ppt": "div", "alg": None, "info": None}
    assert unreadable["form"] == "unreadable"


def test_an_attempt_tells_what_detection_would_use() -> None:
    claims = {"attest": "B", "iat": START_S - 90, "origid": "o", "dest": {"tn": ["4989654321"]}}
    row = attempt("..c2ln;ppt=rcd", token("shaken", orig={"tn": "4930999999"}, **claims), token("div"))
    assert (row["attestation"], row["origid"]) == ("B", "o")
    assert row["passport_types"] == "rcd,shaken,div"
    assert (row["passport_orig"], row["passport_mismatch"]) == ("+4930999999", "orig")
    assert row["passport_iat_age_s"] == 90.5
    nothing = attempt()
    assert {nothing[name] for name in row if name.startswith("passport_")} == {None}


def test_an_unreadable_header_is_an_anomaly_and_hides_nothing() -> None:
    assert attempt("x.y.z", token("shaken"), anomalies=True)["anomalies"] == ["bad_identity"]
    assert attempt("..c2ln;ppt=shaken", token("shaken"), anomalies=True)["anomalies"] == []
    assert attempt("x.y.z", token("shaken", attest="A"))["attestation"] == "A"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["tn", "uri", "nam"]), inner),
    max_leaves=10,
)
CLAIMS = ["attest", "origid", "orig", "dest", "iat", "div", "rcd", "ppt"]


@given(st.dictionaries(st.sampled_from(CLAIMS), json_values), st.text(max_size=20))
def test_any_claims_and_any_text_are_read_without_harm(claims: dict[str, object], tail: str) -> None:
    good = token("shaken", origid="behind")
    line = f"{token('div', **claims)}{''.join(c for c in tail if c.isprintable() and c not in '<,')},{good}"
    assert _core.parse_identity(line)[-1]["origid"] == "behind"
