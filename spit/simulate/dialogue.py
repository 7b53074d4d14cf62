"""A plan as SIP messages: every message's time, addresses and bytes, in time order."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from spit.simulate.network import CALLEE_DOMAIN, DISPLAY_NAMES, SBC_IPS, TRUNKS, Trunk
from spit.simulate.plan import Plan, message_times
from spit.simulate.profiles import PROFILES, HeaderProfile

#: (time in epoch µs, source IP, destination IP, SIP bytes); both ports are 5060.
Message = tuple[int, str, str, bytes]

CERTIFICATE_URL = "https://cert.example/sp.pem"
_REASONS = {
    200: "OK",
    404: "Not Found",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    480: "Temporarily Unavailable",
    484: "Address Incomplete",
    486: "Busy Here",
    487: "Request Terminated",
    500: "Server Internal Error",
    503: "Service Unavailable",
    600: "Busy Everywhere",
    603: "Decline",
    607: "Unwanted",
}


@dataclass(frozen=True, slots=True)
class Call:
    """What the messages of one call have in common. ``attestation``: A, B, C or None when unsigned."""

    profile: HeaderProfile
    caller: str  # +E.164
    callee: str
    display: str
    trunk: Trunk
    sbc_ip: str
    call_id: str
    id_high: int
    id_low: int
    attestation: str | None
    status: int
    callee_hangs_up: bool
    early_media: bool

    @property
    def caller_uri(self) -> str:
        """URI of From."""
        return f"sip:{self.caller}@{self.trunk.domain};user=phone"

    @property
    def callee_uri(self) -> str:
        """URI of To and of the request."""
        return f"sip:{self.callee}@{CALLEE_DOMAIN};user=phone"

    @property
    def from_line(self) -> str:
        """Value of the caller's From."""
        display = f'"{self.display}" ' if self.display else ""
        return f"{display}<{self.caller_uri}>;tag={self.id_low >> 32:08x}"

    def to_line(self, branch: int = 0) -> str:
        """Value of To with the tag of the callee's ``branch``; a fork has branch 1."""
        tag = (self.id_high >> 20) + branch & 0xFFFFFFFF
        return f"<{self.callee_uri}>;tag={tag:08x}"

    def via(self, step: int, address: str | None = None) -> str:
        """Value of Via: one branch per transaction, numbered by ``step``."""
        branch = (self.id_low * 31 + step) & 0xFFFFFFFFFFFF
        return f"SIP/2.0/UDP {address or self.trunk.ip}:5060;branch=z9hG4bK{branch:012x}"


def messages(plan: Plan) -> Iterator[Message]:
    """Every message that the capture holds, in time order."""
    times = message_times(plan.calls)
    steps = list(times)
    table = np.stack(list(times.values()), axis=1)
    row, step = np.nonzero(table <= plan.end_us)
    at = table[row, step]
    order = np.lexsort((step, row, at))
    planned = list(_calls(plan))
    for r, s, t in zip(row[order].tolist(), step[order].tolist(), at[order].tolist(), strict=True):
        call = planned[r]
        from_caller, payload = render(call, steps[s], t, retried=times["invite_retry"][r] <= plan.end_us)
        if from_caller:
            yield t, call.trunk.ip, call.sbc_ip, payload
        else:
            yield t, call.sbc_ip, call.trunk.ip, payload


def _calls(plan: Plan) -> Iterator[Call]:
    calls, parties = plan.calls, plan.parties
    numbers = parties.numbers.tolist()
    for i, call_id in enumerate(plan.call_ids):
        caller = int(calls.caller[i])
        yield Call(
            profile=PROFILES[int(parties.profile[caller])],
            caller=f"+{numbers[caller]}",
            callee=f"+{numbers[int(calls.callee[i])]}",
            display=DISPLAY_NAMES[int(parties.display[caller])],
            trunk=TRUNKS[int(calls.trunk[i])],
            sbc_ip=SBC_IPS[int(calls.sbc[i])],
            call_id=call_id,
            id_high=int(calls.id_high[i]),
            id_low=int(calls.id_low[i]),
            attestation=(None, "A", "B", "C")[int(parties.attestation[caller])],
            status=int(calls.status[i]),
            callee_hangs_up=bool(calls.callee_hangs_up[i]),
            early_media=bool(calls.early_media[i]),
        )


def sample_invite(profile: int) -> bytes:
    """An INVITE of this header profile, for what depends on the profile alone."""
    call = Call(
        profile=PROFILES[profile],
        caller="+15552000001",
        callee="+15552000002",
        display="",
        trunk=TRUNKS[0],
        sbc_ip=SBC_IPS[0],
        call_id="sample",
        id_high=1,
        id_low=2,
        attestation=None,
        status=200,
        callee_hangs_up=False,
        early_media=False,
    )
    return _invite(call, 0, cseq=1)


def render(call: Call, step: str, time_us: int, *, retried: bool) -> tuple[bool, bytes]:
    """Whether the caller's side sends it, and the bytes of the message of this step (plan.message_times).

    ``retried``: the call's INVITE was challenged and sent again, so that the second one is answered.
    """
    # Via step 1 and CSeq 1: the first INVITE. 2: the one that answers a challenge. 3: ACK of a 2xx. 4: BYE.
    invite = 2 if retried else 1
    if step == "invite" or step.startswith("invite_again"):
        return True, _invite(call, time_us, cseq=1)
    if step == "invite_retry":
        return True, _invite(call, time_us, cseq=2)
    if step == "challenge":
        extra = (
            f'Proxy-Authenticate: Digest realm="{CALLEE_DOMAIN}", nonce="{call.id_high:016x}", algorithm=MD5'
        )
        return False, _response(call, 407, 1, "INVITE", extra=(extra,))
    if step == "challenge_ack":
        return True, _request(call, "ACK", call.via(1), 1, to=call.to_line())
    if step == "trying":
        return False, _response(call, 100, invite, "INVITE", to=f"<{call.callee_uri}>", reason="Trying")
    if step == "ring" and call.early_media:
        return False, _response(call, 183, invite, "INVITE", reason="Session Progress", sdp=True)
    if step == "ring":
        return False, _response(call, 180, invite, "INVITE", reason="Ringing")
    if step == "fork":
        return False, _response(call, 180, invite, "INVITE", to=call.to_line(1), reason="Ringing")
    if step == "answer":
        return False, _response(call, 200, invite, "INVITE", sdp=True)
    if step == "answer_ack":
        return True, _request(call, "ACK", call.via(3), invite, to=call.to_line())
    if step == "cancel":
        return True, _request(call, "CANCEL", call.via(invite), invite, to=f"<{call.callee_uri}>")
    if step == "cancel_ok":
        return False, _response(call, 200, invite, "CANCEL")
    if step == "final":
        return False, _response(call, call.status, invite, "INVITE")
    if step == "final_ack":
        return True, _request(call, "ACK", call.via(invite), invite, to=call.to_line())
    if step == "bye":
        return not call.callee_hangs_up, _bye(call, invite)
    if step == "bye_ok":
        return call.callee_hangs_up, _bye_response(call, invite)
    raise ValueError(f"step: expected one of plan.message_times, found {step!r}")


def _encode(lines: list[str], body: str = "") -> bytes:
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def _invite(call: Call, time_us: int, *, cseq: int) -> bytes:
    profile = call.profile
    body = _sdp(profile, call.trunk.ip, call.id_high)
    values = {
        "Via": call.via(cseq),
        "Max-Forwards": "69",
        "From": call.from_line,
        "To": f"<{call.callee_uri}>",
        "Call-ID": call.call_id,
        "CSeq": f"{cseq} INVITE",
        "Contact": f"<sip:{call.caller}@{call.trunk.ip}:5060>",
        "P-Asserted-Identity": f"<{call.caller_uri}>",
        "Content-Type": "application/sdp",
        "Content-Length": str(len(body)),
        **dict(profile.extra),
    }
    if profile.user_agent is not None:
        values["User-Agent"] = profile.user_agent
    if "Date" in profile.order:
        values["Date"] = datetime.fromtimestamp(time_us // 1_000_000, UTC).strftime(
            "%a, %d %b %Y %H:%M:%S GMT"
        )
    lines = [f"INVITE {call.callee_uri} SIP/2.0"]
    for name in profile.order:
        if name == "Content-Type":
            # Network elements add what they add before the body's headers.
            if cseq > 1:
                lines.append(f"Proxy-Authorization: {_digest(call)}")
            if call.attestation is not None:
                lines.append(f"Identity: {_identity(call, time_us)}")
        lines.append(f"{name}: {values[name]}")
    return _encode(lines, body)


def _digest(call: Call) -> str:
    return (
        f'Digest username="{call.trunk.domain}", realm="{CALLEE_DOMAIN}", nonce="{call.id_high:016x}", '
        f'uri="{call.callee_uri}", response="{call.id_high:016x}{call.id_low:016x}", algorithm=MD5'
    )


def _identity(call: Call, time_us: int) -> str:
    """A shaken PASSporT (RFC 8588) whose signature is not one: nobody here holds a certificate."""
    header = {"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": CERTIFICATE_URL}
    payload = {
        "attest": call.attestation,
        "dest": {"tn": [call.callee[1:]]},
        "iat": time_us // 1_000_000,
        "orig": {"tn": call.caller[1:]},
        "origid": call.trunk.origid,
    }
    signature = (call.id_low.to_bytes(8, "big") + call.id_high.to_bytes(8, "big")) * 4
    parts = [
        base64.urlsafe_b64encode(part).rstrip(b"=").decode()
        for part in (_compact_json(header), _compact_json(payload), signature)
    ]
    return f"{'.'.join(parts)};info=<{CERTIFICATE_URL}>;alg=ES256;ppt=shaken"


def _compact_json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _sdp(profile: HeaderProfile, address: str, seed: int) -> str:
    payloads = " ".join(str(codec.payload_type) for codec in profile.codecs)
    lines = [
        "v=0",
        f"o=- {seed % 10**9} 1 IN IP4 {address}",
        f"s={profile.session_name}",
        f"c=IN IP4 {address}",
        "t=0 0",
        f"m=audio {10_000 + seed % 20_000 * 2} RTP/AVP {payloads}",
        *(f"a=rtpmap:{codec.payload_type} {codec.rtpmap}" for codec in profile.codecs),
    ]
    if profile.ptime_ms is not None:
        lines.append(f"a=ptime:{profile.ptime_ms}")
    lines.append("a=sendrecv")
    return "\r\n".join(lines) + "\r\n"


def _request(call: Call, method: str, via: str, cseq: int, *, to: str) -> bytes:
    """ACK and CANCEL of the caller."""
    return _encode(
        [
            f"{method} {call.callee_uri} SIP/2.0",
            f"Via: {via}",
            "Max-Forwards: 69",
            f"From: {call.from_line}",
            f"To: {to}",
            f"Call-ID: {call.call_id}",
            f"CSeq: {cseq} {method}",
            "Content-Length: 0",
        ]
    )


def _response(
    call: Call,
    status: int,
    invite: int,
    method: str,
    *,
    to: str | None = None,
    reason: str | None = None,
    extra: tuple[str, ...] = (),
    sdp: bool = False,
) -> bytes:
    """A response of the callee's side to the INVITE or CANCEL."""
    body = _sdp(call.profile, call.sbc_ip, call.id_low) if sdp else ""
    lines = [
        f"SIP/2.0 {status} {reason or _REASONS[status]}",
        f"Via: {call.via(invite)}",
        f"From: {call.from_line}",
        f"To: {to or call.to_line()}",
        f"Call-ID: {call.call_id}",
        f"CSeq: {invite} {method}",
        *extra,
    ]
    if sdp:
        lines += [f"Contact: <sip:{call.callee}@{call.sbc_ip}:5060>", "Content-Type: application/sdp"]
    lines.append(f"Content-Length: {len(body)}")
    return _encode(lines, body)


def _bye_lines(call: Call, invite: int) -> tuple[str, list[str]]:
    """Request-URI of the BYE, and the header lines that its response repeats."""
    if call.callee_hangs_up:
        uri = f"sip:{call.caller}@{call.trunk.ip}:5060"
        via, sender, receiver = call.via(4, call.sbc_ip), call.to_line(), call.from_line
    else:
        uri = f"sip:{call.callee}@{call.sbc_ip}:5060"
        via, sender, receiver = call.via(4), call.from_line, call.to_line()
    cseq = 1 if call.callee_hangs_up else invite + 1
    lines = [
        f"Via: {via}",
        f"From: {sender}",
        f"To: {receiver}",
        f"Call-ID: {call.call_id}",
        f"CSeq: {cseq} BYE",
    ]
    return uri, lines


def _bye(call: Call, invite: int) -> bytes:
    uri, lines = _bye_lines(call, invite)
    return _encode([f"BYE {uri} SIP/2.0", *lines, "Max-Forwards: 69", "Content-Length: 0"])


def _bye_response(call: Call, invite: int) -> bytes:
    return _encode(["SIP/2.0 200 OK", *_bye_lines(call, invite)[1], "Content-Length: 0"])
