"""A plan as SIP messages: every message's time, addresses and bytes, in time order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from spit.simulate.columns import ATTESTATIONS, EXEMPTIONS
from spit.simulate.network import CALLEE_DOMAIN, CORE_IPS, CORE_IPS_V6, SBC_IPS, SBC_IPS_V6, TRUNKS
from spit.simulate.parties import DISPLAY_NAMES
from spit.simulate.plan import Plan, sightings
from spit.simulate.profiles import PROFILES
from spit.simulate.requests import Call, encode, host, request, sdp

_REASONS = {
    200: "OK",
    403: "Forbidden",
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


class Message(NamedTuple):
    """One SIP message on the wire; both ports are 5060. ``vlan``: 802.1Q tag or None."""

    time_us: int
    source: str
    destination: str
    payload: bytes
    transport: str = "udp"
    vlan: int | None = None


def messages(plan: Plan) -> Iterator[Message]:
    """Every message that the capture holds, in time order."""
    times, hops = sightings(plan.calls)
    steps = list(times)
    width = len(steps)
    # A step of the second hop is numbered behind all of the first.
    table = np.stack([*times.values(), *hops.values()], axis=1)
    row, step = np.nonzero(table <= plan.end_us)
    at = table[row, step]
    order = np.lexsort((step, row, at))
    for r, s, t in zip(row[order].tolist(), step[order].tolist(), at[order].tolist(), strict=True):
        call = _call(plan, r)
        retried = bool(times["invite_retry"][r] <= plan.end_us)
        from_caller, payload = render(call, steps[s % width], t, retried=retried)
        core = (CORE_IPS_V6 if call.trunk.is_ipv6 else CORE_IPS)[int(plan.calls.sbc[r])]
        is_inner = s >= width
        # The proxy's Via is on top where a message is beyond it, seen from who began the transaction.
        begun_by_callee = steps[s % width] in ("bye", "bye_ok") and call.callee_hangs_up
        if call.proxied and is_inner != begun_by_callee:
            payload = _with_proxy(payload, call)
        caller_side, callee_side = (call.sbc_ip, core) if is_inner else (call.trunk.ip, call.sbc_ip)
        ends = (caller_side, callee_side) if from_caller else (callee_side, caller_side)
        vlan = None if is_inner else call.trunk.vlan
        yield Message(t, *ends, payload, "udp" if is_inner else call.trunk.transport, vlan)


def _with_proxy(payload: bytes, call: Call) -> bytes:
    """The message with the Via of the SBC, whose branch goes with that below it."""
    start, _, rest = payload.partition(b"\r\n")
    branch = rest[rest.index(b"branch=z9hG4bK") + 14 :][:12].decode()
    name = "v" if call.trunk.compact else "Via"
    via = f"{name}: SIP/2.0/UDP {host(call.sbc_ip)}:5060;branch=z9hG4bKp{branch}"
    return start + b"\r\n" + via.encode() + b"\r\n" + rest


def _call(plan: Plan, row: int) -> Call:
    calls, parties = plan.calls, plan.parties
    caller, diverter = int(calls.caller[row]), int(calls.diverter[row])
    trunk = plan.network.trunks[int(calls.trunk[row])]
    return Call(
        profile=PROFILES[int(calls.profile[row])],
        caller=int(parties.numbers[caller]),
        callee=int(parties.numbers[int(calls.callee[row])]),
        display=DISPLAY_NAMES[int(parties.display[caller])],
        trunk=trunk,
        sbc_ip=(SBC_IPS_V6 if trunk.is_ipv6 else SBC_IPS)[int(calls.sbc[row])],
        call_id=plan.call_ids[row],
        id_high=int(calls.id_high[row]),
        id_low=int(calls.id_low[row]),
        attestation=ATTESTATIONS[int(calls.attestation[row])],
        status=int(calls.status[row]),
        callee_hangs_up=bool(calls.callee_hangs_up[row]),
        early_media=bool(calls.early_media[row]),
        network=plan.network,
        media=int(calls.media[row]),
        is_message=bool(calls.is_message[row]),
        exemption=EXEMPTIONS[int(calls.exemption[row])],
        diverter=int(parties.numbers[diverter]) if diverter >= 0 else None,
        proxied=bool(calls.proxied[row]),
    )


def sample_invite(
    profile: int, *, compact: bool, media: int, is_message: bool, exemption: str | None
) -> bytes:
    """A request of this header profile, for what depends on these alone."""
    call = Call(
        profile=PROFILES[profile],
        caller=15552000001,
        callee=15552000002,
        display="",
        trunk=replace(TRUNKS[0], compact=compact),
        sbc_ip=SBC_IPS[0],
        call_id="sample",
        id_high=1,
        id_low=2,
        attestation=None,
        status=200,
        callee_hangs_up=False,
        early_media=False,
        media=media,
        is_message=is_message,
        exemption=exemption,
    )
    return request(call, 0, cseq=1)


def render(call: Call, step: str, time_us: int, *, retried: bool) -> tuple[bool, bytes]:
    """Whether the caller's side sends it, and the bytes of the message of this step (plan.message_times).

    ``retried``: the call's INVITE was challenged and sent again, so that the second one is answered.
    """
    # Via step 1 and CSeq 1: the first INVITE. 2: the one that answers a challenge. 3: ACK of a 2xx. 4: BYE.
    invite = 2 if retried else 1
    if step == "invite" or step.startswith("invite_again"):
        return True, request(call, time_us, cseq=1)
    if step == "invite_retry":
        return True, request(call, time_us, cseq=2)
    if call.is_message and step == "final":
        return False, _response(call, call.status, 1, "MESSAGE")
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
        return False, _response(call, 183, invite, "INVITE", reason="Session Progress", with_sdp=True)
    if step == "ring":
        return False, _response(call, 180, invite, "INVITE", reason="Ringing")
    if step == "fork":
        return False, _response(call, 180, invite, "INVITE", to=call.to_line(1), reason="Ringing")
    if step == "answer":
        return False, _response(call, 200, invite, "INVITE", with_sdp=True)
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


def _request(call: Call, method: str, via: str, cseq: int, *, to: str) -> bytes:
    """ACK and CANCEL of the caller."""
    return encode(
        call,
        [
            f"{method} {call.callee_uri} SIP/2.0",
            f"Via: {via}",
            "Max-Forwards: 69",
            f"From: {call.from_line}",
            f"To: {to}",
            f"Call-ID: {call.call_id}",
            f"CSeq: {cseq} {method}",
            "Content-Length: 0",
        ],
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
    with_sdp: bool = False,
) -> bytes:
    """A response of the callee's side to the INVITE or CANCEL."""
    body = sdp(call, call.sbc_ip, call.id_low) if with_sdp else ""
    lines = [
        f"SIP/2.0 {status} {reason or _REASONS[status]}",
        f"Via: {call.via(invite)}",
        f"From: {call.from_line}",
        f"To: {to or call.to_line()}",
        f"Call-ID: {call.call_id}",
        f"CSeq: {invite} {method}",
        *extra,
    ]
    if with_sdp:
        lines += [f"Contact: <{call.contact(call.callee, call.sbc_ip)}>", "Content-Type: application/sdp"]
    lines.append(f"Content-Length: {len(body)}")
    return encode(call, lines, body)


def _bye_lines(call: Call, invite: int) -> tuple[str, list[str]]:
    """Request-URI of the BYE, and the header lines that its response repeats."""
    if call.callee_hangs_up:
        target = call.contact(call.caller, call.trunk.ip)
        via, sender, receiver = call.via(4, call.sbc_ip), call.to_line(), call.from_line
    else:
        target = call.contact(call.callee, call.sbc_ip)
        via, sender, receiver = call.via(4), call.from_line, call.to_line()
    cseq = 1 if call.callee_hangs_up else invite + 1
    lines = [
        f"Via: {via}",
        f"From: {sender}",
        f"To: {receiver}",
        f"Call-ID: {call.call_id}",
        f"CSeq: {cseq} BYE",
    ]
    return target, lines


def _bye(call: Call, invite: int) -> bytes:
    target, lines = _bye_lines(call, invite)
    return encode(call, [f"BYE {target} SIP/2.0", *lines, "Max-Forwards: 69", "Content-Length: 0"])


def _bye_response(call: Call, invite: int) -> bytes:
    return encode(call, ["SIP/2.0 200 OK", *_bye_lines(call, invite)[1], "Content-Length: 0"])
