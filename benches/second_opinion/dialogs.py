"""A call as SIP messages (RFC 3261) with the moments at which the capture sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .behaviour import CALLER, NOBODY
from .callees import ANSWERED, CANCELLED, REJECTED, Outcome
from .draws import Draws
from .legs import Leg
from .trunks import Connection, Trunk

#: Takes a message: time in s, connection, direction (0: the caller's), bytes.
Send = Callable[[float, Connection, int, bytes], None]

_ALLOW = "Allow: INVITE,ACK,CANCEL,BYE,OPTIONS,UPDATE,PRACK\r\n"
_REFRESH_S = 900  # half of the session interval (RFC 4028)


@dataclass(slots=True)
class Plan:
    """When a call's main messages pass and what happens on the way; the same for all of its legs.

    ``invite_s``: the INVITE that is not challenged; ``rings_s``: the first provisional response but 100,
    None without; ``final_s``: the final response or CANCEL. ``early``: 183 before 180. ``cseq``: the first
    INVITE's.
    """

    begin_s: float
    challenge_s: float
    invite_s: float
    rings_s: float | None
    final_s: float
    resent_request: bool
    resent_response: bool
    early: bool
    held: bool
    forked: bool
    cseq: int
    nonce: str


def make_plan(draws: Draws, trunk: Trunk, begin_s: float, outcome: Outcome) -> Plan:
    challenge_s = 0.03 + 0.05 * draws.random() if trunk.challenge else 0.0
    invite_s = begin_s + challenge_s
    final_s = max(begin_s + outcome.after_s, invite_s + 0.12)
    post_dial_delay_s = min(draws.lognormvariate(0.1, 0.55), 6.0)
    rings_s = invite_s + post_dial_delay_s if outcome.rings else None
    if rings_s and rings_s > final_s - 0.05:
        rings_s = invite_s + 0.05 + (final_s - invite_s - 0.05) * 0.3
    udp = not trunk.tcp
    return Plan(
        begin_s=begin_s,
        challenge_s=challenge_s,
        invite_s=invite_s,
        rings_s=rings_s,
        final_s=final_s,
        resent_request=udp and draws.random() < 0.012,
        resent_response=udp and draws.random() < 0.01,
        early=draws.random() < trunk.early_media,
        held=outcome.ended == ANSWERED and outcome.talk_s > 60 and draws.random() < 0.03,
        forked=trunk.forks and draws.random() < 0.15,
        cseq=draws.choice((1, 1, 101, draws.randint(1, 30000))),
        nonce=draws.hex_digits(16),
    )


class LegMessages:
    """Writes the messages of one leg, in the order in which chance is drawn for them."""

    def __init__(self, draws: Draws, trunk: Trunk, leg: Leg, plan: Plan, send: Send) -> None:
        self._draws, self._trunk, self._leg, self._plan, self._send = draws, trunk, leg, plan, send
        #: The CSeq number of the INVITE that is not challenged.
        self._cseq = plan.cseq + (1 if trunk.challenge else 0)
        self._in_response = leg.recorded + leg.callee_contact

    def write(self, outcome: Outcome) -> None:
        """All messages of the leg."""
        self._invite(self._challenge())
        if outcome.ended == CANCELLED:
            self._cancelled()
        elif outcome.ended == REJECTED:
            self._rejected(outcome.code)
        else:
            self._answered(outcome)

    def _forward(self, time_s: float, message: bytes) -> bytes:
        """To the callee: later on the second leg."""
        self._send(time_s + self._leg.delay_s, self._leg.connection, 0, message)
        return message

    def _back(self, time_s: float, message: bytes) -> bytes:
        """To the caller: earlier on the second leg."""
        self._send(time_s - self._leg.delay_s, self._leg.connection, 1, message)
        return message

    def _ack_refused(self, time_s: float, branch: str, to_tag: str, cseq: int) -> None:
        """ACK of a final response other than 2xx: of the INVITE's own transaction."""
        self._forward(time_s, self._leg.request("ACK", cseq, branch, self._leg.request_uri, to_tag=to_tag))

    def _challenge(self) -> str:
        """INVITE without credentials, refused, where the trunk asks for them. Returns the INVITE's fields."""
        leg, draws, plan = self._leg, self._draws, self._plan
        supported = "timer,100rel" if self._trunk.reliable_provisional else "timer"
        fields = (
            f"{leg.contact}User-Agent: {leg.user_agent}\r\n{_ALLOW}{leg.headers.supported}: {supported}\r\n"
        )
        fields += leg.extra
        if not leg.challenge:
            return fields
        # The only leg with a challenge is the first: no delay.
        begin_s, branch = plan.begin_s, "a"
        invite = leg.request("INVITE", plan.cseq, branch, leg.request_uri, body=leg.body, extra=fields)
        self._send(begin_s, leg.connection, 0, invite)
        asked, given = ("Proxy-Authenticate", "Proxy-Authorization")
        if leg.challenge == 401:
            asked, given = "WWW-Authenticate", "Authorization"
        realm = f'realm="sbc.example.net", nonce="{plan.nonce}"'
        to_tag = draws.hex_digits(6)
        refused = leg.response(
            leg.challenge, "INVITE", plan.cseq, branch, to_tag,
            extra=f'{asked}: Digest {realm}, algorithm=MD5, qop="auth"\r\n',
        )  # fmt: skip
        self._send(begin_s + plan.challenge_s * 0.45, leg.connection, 1, refused)
        self._ack_refused(begin_s + plan.challenge_s * 0.6, branch, to_tag, plan.cseq)
        response, client_nonce = draws.hex_digits(32), draws.hex_digits(8)
        return (
            f'{fields}{given}: Digest username="trunk{self._trunk.index:02d}", {realm}, '
            f'uri="{leg.request_uri}", response="{response}", algorithm=MD5, '
            f'cnonce="{client_nonce}", qop=auth, nc=00000001\r\n'
        )

    def _invite(self, fields: str) -> None:
        """INVITE, perhaps sent again, and the provisional responses."""
        leg, draws, plan = self._leg, self._draws, self._plan
        invite = leg.request(
            "INVITE", self._cseq, "b", leg.request_uri, body=leg.body, extra=leg.record_route + fields
        )
        self._forward(plan.invite_s, invite)
        trying_s = plan.invite_s + leg.delay_s + 0.002 + 0.02 * draws.random()
        if plan.resent_request and not leg.delay_s and plan.final_s > plan.invite_s + 0.7:
            self._send(plan.invite_s + 0.5, leg.connection, 0, invite)
            trying_s = plan.invite_s + 0.5 + 0.01 + 0.01 * draws.random()
        if not plan.resent_request:
            trying_s = min(trying_s, plan.invite_s + 0.1)
        trying = leg.response(100, "INVITE", self._cseq, "b", "")
        if plan.rings_s is not None and self._trunk.tcp and leg.first and draws.random() < 0.12:
            self._back(plan.rings_s, trying + self._provisional(180))  # two messages in one segment
            return
        self._send(trying_s, leg.connection, 1, trying)
        if plan.rings_s is None:
            return
        if plan.early:
            self._back(plan.rings_s, self._provisional(183, body=leg.callee_body))
            if plan.final_s - plan.rings_s > 2:
                self._back(plan.rings_s + 0.6, self._provisional(180))
        else:
            self._ringing(plan.rings_s)
        if plan.forked and plan.final_s - plan.rings_s > 1:
            self._back(plan.rings_s + 0.35, self._provisional(180, to_tag=leg.to_tag[:-2] + "zz"))

    def _provisional(self, code: int, *, body: str = "", more: str = "", to_tag: str = "") -> bytes:
        return self._leg.response(
            code,
            "INVITE",
            self._cseq,
            "b",
            to_tag or self._leg.to_tag,
            body=body,
            extra=self._in_response + more,
        )

    def _ringing(self, rings_s: float) -> None:
        """180, with PRACK where it is reliable (RFC 3262)."""
        leg, cseq = self._leg, self._cseq
        reliable = self._trunk.reliable_provisional and self._plan.final_s - rings_s > 1.0
        self._back(rings_s, self._provisional(180, more="Require: 100rel\r\nRSeq: 1\r\n" if reliable else ""))
        if reliable:
            acknowledged = f"RAck: 1 {cseq} INVITE\r\n"
            prack = leg.request(
                "PRACK", cseq + 1, "p", leg.callee_contact_uri, to_tag=leg.to_tag, extra=acknowledged
            )
            self._forward(rings_s + 0.03, prack)
            self._back(rings_s + 0.06, leg.response(200, "PRACK", cseq + 1, "p", leg.to_tag))

    def _cancelled(self) -> None:
        leg, cseq, final_s = self._leg, self._cseq, self._plan.final_s
        reason = 'Reason: SIP;cause=487;text="ORIGINATOR_CANCEL"\r\n' if self._trunk.gives_reason else ""
        self._forward(final_s, leg.request("CANCEL", cseq, "b", leg.request_uri, extra=reason))
        confirmed_s = final_s + 0.012 + 0.004 * self._draws.random()
        self._back(confirmed_s, leg.response(200, "CANCEL", cseq, "b", leg.to_tag))
        self._back(final_s + 0.03, leg.response(487, "INVITE", cseq, "b", leg.to_tag))
        self._ack_refused(final_s + 0.045, "b", leg.to_tag, cseq)

    def _rejected(self, code: int) -> None:
        leg, cseq, final_s = self._leg, self._cseq, self._plan.final_s
        later = "Retry-After: 5\r\n" if code == 503 else ""
        refused = self._back(final_s, leg.response(code, "INVITE", cseq, "b", leg.to_tag, extra=later))
        if self._plan.resent_response and leg.udp:
            self._send(final_s - leg.delay_s + 0.5, leg.connection, 1, refused)
            self._ack_refused(final_s + 0.52, "b", leg.to_tag, cseq)
        else:
            self._ack_refused(final_s + 0.015, "b", leg.to_tag, cseq)

    def _answered(self, outcome: Outcome) -> None:
        leg, plan, final_s = self._leg, self._plan, self._plan.final_s
        timer = (
            "Session-Expires: 1800;refresher=uac\r\nRequire: timer\r\n" if self._trunk.session_timer else ""
        )
        accepted = self._back(
            final_s,
            leg.response(
                200, "INVITE", self._cseq, "b", leg.to_tag,
                body=leg.callee_body, extra=f"{self._in_response}{timer}Server: core/2.1\r\n",
            ),
        )  # fmt: skip
        ack_s = final_s + 0.02
        if plan.resent_response and leg.udp:
            self._send(final_s - leg.delay_s + 0.5, leg.connection, 1, accepted)
            ack_s = final_s + 0.53
        self._forward(ack_s, self._within("ACK", self._cseq, "c"))
        end_s = max(final_s + outcome.talk_s, ack_s + 0.05)
        cseq = self._cseq + 2
        if plan.held:
            self._hold(final_s + outcome.talk_s * 0.4, cseq)
            cseq += 1
        if self._trunk.session_timer:
            after_s = _REFRESH_S
            while after_s < outcome.talk_s:
                self._refresh(final_s, after_s, cseq)
                cseq += 1
                after_s += _REFRESH_S
        if outcome.hung_up_by == NOBODY:
            return
        if outcome.hung_up_by == CALLER:
            self._caller_hangs_up(end_s, cseq)
        else:
            cseq = 1 + (cseq & 3)
            bye = leg.request("BYE", cseq, "e", leg.contact_uri, to_tag=leg.to_tag, by_callee=True)
            self._back(end_s, bye)
            self._forward(end_s + 0.02, leg.response(200, "BYE", cseq, "e", leg.to_tag, by_callee=True))

    def _within(self, method: str, cseq: int, branch: str, *, body: str = "", extra: str = "") -> bytes:
        """A request of the caller within the dialog."""
        leg = self._leg
        return leg.request(
            method, cseq, branch, leg.callee_contact_uri, to_tag=leg.to_tag, body=body, extra=extra
        )

    def _hold(self, time_s: float, cseq: int) -> None:
        """The caller puts the call on hold with a re-INVITE, and leaves it so."""
        leg = self._leg
        offer = leg.body.replace("sendrecv", "sendonly")
        answer = leg.callee_body.replace("sendrecv", "recvonly")
        self._forward(time_s, self._within("INVITE", cseq, "h", body=offer, extra=leg.contact))
        accepted = leg.response(200, "INVITE", cseq, "h", leg.to_tag, body=answer, extra=leg.callee_contact)
        self._back(time_s + 0.04, accepted)
        self._forward(time_s + 0.06, self._within("ACK", cseq, "i"))

    def _refresh(self, final_s: float, after_s: int, cseq: int) -> None:
        """UPDATE of the session timer (RFC 4028)."""
        leg, branch = self._leg, f"u{after_s}"
        extra = leg.contact + "Session-Expires: 1800;refresher=uac\r\n"
        self._forward(final_s + after_s, self._within("UPDATE", cseq, branch, extra=extra))
        self._back(final_s + after_s + 0.03, leg.response(200, "UPDATE", cseq, branch, leg.to_tag))

    def _caller_hangs_up(self, end_s: float, cseq: int) -> None:
        leg = self._leg
        cause = "Reason: Q.850;cause=16\r\n" if self._trunk.gives_reason else ""
        bye = self._forward(end_s, self._within("BYE", cseq, "d", extra=cause))
        if self._plan.resent_response and leg.udp:
            self._send(end_s + leg.delay_s + 0.5, leg.connection, 0, bye)
            end_s += 0.5
        self._back(end_s + 0.02, leg.response(200, "BYE", cseq, "d", leg.to_tag))


def options_ping(draws: Draws, trunk: Trunk, number: int, time_s: float, send: Send) -> None:
    """An OPTIONS request of one of the trunk's peers and its answer; over TCP a keep-alive 20 s later."""
    peer, names = trunk.peers[number % len(trunk.peers)], trunk.headers
    transport = "TCP" if trunk.tcp else "UDP"
    via = f"{names.via}: SIP/2.0/{transport} {peer.host}:{peer.port};branch=z9hG4bK{draws.hex_digits(12)}\r\n"
    from_ = f"{names.from_}: <sip:ping@{peer.host}>;tag={draws.hex_digits(6)}\r\n"
    to = f"{names.to}: <sip:{trunk.host}>"
    ids = f"{names.call_id}: {draws.hex_digits(14)}@{peer.address}\r\nCSeq: {10 + number} OPTIONS\r\n"
    end = f"{names.content_length}: 0\r\n\r\n"
    request = (
        f"OPTIONS sip:{trunk.host}:{trunk.port} SIP/2.0\r\n{via}{from_}{to}\r\n{ids}Max-Forwards: 70\r\n{end}"
    )
    send(time_s, peer.connection, 0, request.encode())
    response = f"SIP/2.0 200 OK\r\n{via}{from_}{to};tag={draws.hex_digits(6)}\r\n{ids}{end}"
    send(time_s + 0.004, peer.connection, 1, response.encode())
    if trunk.tcp:
        send(time_s + 20, peer.connection, 0, b"\r\n\r\n")
