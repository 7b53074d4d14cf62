"""The one or two legs of a call as the capture sees them: what stays the same in all messages of a leg."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .formats import REASONS, call_id, passport, session_description, uri, written_number
from .parties import Party
from .trunks import FULL, Connection, HeaderNames, Trunk
from .world import World

_ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'


@dataclass(slots=True)
class Leg:
    """One leg. Header fields are kept as they are written, with their names and line ends.

    ``via``, ``callee_via``: Via up to the branch, of requests of either side; ``outer_via``: the Via of the
    hop before, where a proxy is between. ``delay_s``: how much later than on the first leg requests of the
    caller pass.
    ``record_route``: in the INVITE; ``recorded``: in its responses; ``route``: in later requests.
    """

    headers: HeaderNames
    connection: Connection
    udp: bool
    call_id: str
    request_uri: str
    delay_s: float
    via: str
    callee_via: str
    from_: str
    to: str
    to_tag: str
    contact: str
    callee_contact: str
    extra: str
    body: str
    callee_body: str
    user_agent: str
    max_forwards: int
    max_forwards_first: bool
    challenge: int
    first: bool = True
    outer_via: str = ""
    received: str = ""
    record_route: str = ""
    recorded: str = ""
    route: str = ""

    @property
    def contact_uri(self) -> str:
        return _within_brackets(self.contact)

    @property
    def callee_contact_uri(self) -> str:
        return _within_brackets(self.callee_contact)

    def request(
        self,
        method: str,
        cseq: int,
        branch: str,
        request_uri: str,
        *,
        to_tag: str = "",
        body: str = "",
        extra: str = "",
        by_callee: bool = False,
    ) -> bytes:
        """A request of the caller or, within the dialog, ``by_callee``. ``branch``: the end of its branch."""
        via = self._via(branch, by_callee, outer=True)
        hops = f"Max-Forwards: {self.max_forwards}\r\n"
        ids = self._ids(method, cseq, to_tag, by_callee)
        text = f"{method} {request_uri} SIP/2.0\r\n{via}"
        text += hops + ids if self.max_forwards_first else ids + hops
        if to_tag and not by_callee and branch not in ("a", "b"):
            text += self.route
        return self._with_body(text + extra, body)

    def response(
        self,
        code: int,
        method: str,
        cseq: int,
        branch: str,
        to_tag: str,
        *,
        body: str = "",
        extra: str = "",
        by_callee: bool = False,
    ) -> bytes:
        """A response; ``by_callee``: to a request of the callee."""
        via = self._via(branch, by_callee, outer=code != 100)
        ids = self._ids(method, cseq, to_tag, by_callee)
        return self._with_body(f"SIP/2.0 {code} {REASONS[code]}\r\n{via}{ids}{extra}", body)

    def _via(self, branch: str, by_callee: bool, *, outer: bool) -> str:
        if by_callee:
            return f"{self.callee_via}{branch}\r\n"
        via = f"{self.via}{branch}\r\n"
        if self.outer_via and outer:
            via += f"{self.outer_via}{branch};received={self.received}\r\n"
        return via

    def _ids(self, method: str, cseq: int, to_tag: str, by_callee: bool) -> str:
        tagged = f"{self.to};tag={to_tag}" if to_tag else self.to
        from_, to = (tagged, self.from_) if by_callee else (self.from_, tagged)
        names = self.headers
        return (
            f"{names.from_}: {from_}\r\n{names.to}: {to}\r\n{names.call_id}: {self.call_id}\r\n"
            f"CSeq: {cseq} {method}\r\n"
        )

    def _with_body(self, text: str, body: str) -> bytes:
        if body:
            text += f"{self.headers.content_type}: application/sdp\r\n"
        return f"{text}{self.headers.content_length}: {len(body)}\r\n\r\n{body}".encode()


def _within_brackets(contact: str) -> str:
    return contact[contact.index("<") + 1 : contact.index(">")]


def make_legs(
    world: World, trunk: Trunk, caller: Party, callee: str, time_s: float, diverted_from: list[Party]
) -> list[Leg]:
    """The legs of a call: the carrier's and, where the own SBC is seen too, the one to the core.

    ``diverted_from``: people one of whom now and then has diverted the call.
    """
    draws, home = world.draws, world.plan.home
    peer = trunk.peers[caller.peer % len(trunk.peers)]
    names = trunk.headers
    from_tag, to_tag = draws.hex_digits(draws.choice((8, 10))), draws.hex_digits(8)
    first_call_id = call_id(draws, trunk.call_id_style, peer.address)
    media_port, session = 2 * draws.randint(8000, 30000), draws.getrandbits(30)
    codec = caller.codec if trunk.user_agent is None else trunk.codec
    anonymous = caller.anonymous and trunk.asserts_identity
    branch = draws.hex_digits(10)
    sent_by = f"{names.via}: SIP/2.0/{'TCP' if trunk.tcp else 'UDP'}"
    transport_parameter = ";transport=tcp" if trunk.tcp else ""
    callee_uri = uri(callee, trunk.callee_format, trunk.domain or trunk.host, home)
    shown = f"gw{caller.peer % 9}"
    if not anonymous and not trunk.user_agent:
        shown = written_number(caller.number, trunk.number_format, home)
    called = written_number(callee, trunk.callee_format, home) if draws.random() < 0.8 else "in"
    caller_host = trunk.domain or peer.host
    named_uri = f"{_display(caller)}<{uri(caller.number, trunk.number_format, caller_host, home)}>"
    extra = _carrier_fields(world, trunk, caller, callee, time_s, named_uri, anonymous)
    extra += _diversion(world, trunk, caller_host, diverted_from)
    if trunk.session_timer:
        extra += "Session-Expires: 1800;refresher=uac\r\nMin-SE: 90\r\n"
    session_id = ""
    if trunk.legs == "b2b-sid":
        session_id = f"Session-ID: {draws.hex_digits(32)};remote={'0' * 32}\r\n"
    inside_address = f"192.0.2.{200 + trunk.index}"
    answer_port = 2 * draws.randint(8000, 30000)
    via_parameters = "rport;" if trunk.via_rport else ""
    leg = Leg(
        headers=names,
        connection=peer.connection,
        udp=not trunk.tcp,
        call_id=first_call_id,
        request_uri=callee_uri,
        delay_s=0.0,
        via=f"{sent_by} {peer.host}:{peer.port};{via_parameters}branch=z9hG4bK{branch}",
        callee_via=f"{sent_by} {trunk.host}:{trunk.port};branch=z9hG4bKr{branch}",
        from_=f"{_ANONYMOUS if anonymous else named_uri};tag={from_tag}",
        to=f"<{callee_uri}>",
        to_tag=to_tag,
        contact=f"{names.contact}: <sip:{shown}@{peer.host}:{peer.port}{transport_parameter}>\r\n",
        callee_contact=f"{names.contact}: <sip:{called}@{trunk.host}:{trunk.port}{transport_parameter}>\r\n",
        extra=extra + session_id,
        body=session_description(trunk.media[caller.media % 4], media_port, codec, session),
        callee_body=session_description(inside_address, answer_port, trunk.codec, draws.getrandbits(29)),
        user_agent=trunk.user_agent or caller.user_agent,
        max_forwards=70,
        max_forwards_first=trunk.max_forwards_first,
        challenge=trunk.challenge,
    )
    if trunk.legs == "none":
        return [leg]
    inside = _inside_leg(world, trunk, leg, branch)
    if trunk.legs == "proxy":
        _through_proxy(trunk, leg, inside, callee, peer.address, home)
    else:
        _through_b2bua(world, trunk, inside, caller, callee, anonymous, session_id)
        inside.body = session_description(inside_address, 2 * draws.randint(8000, 30000), codec, session)
    return [leg, inside]


def _display(caller: Party) -> str:
    return f'"{caller.display_name}" ' if caller.display_name else ""


def _carrier_fields(
    world: World, trunk: Trunk, caller: Party, callee: str, time_s: float, named_uri: str, anonymous: bool
) -> str:
    """What the carrier says about the caller: asserted identity, privacy, passport."""
    fields = ""
    if trunk.asserts_identity:
        fields += f"P-Asserted-Identity: {named_uri}\r\n"
    if anonymous:
        fields += "Privacy: id\r\n"
    if trunk.signs_identity:
        issued_s = int(world.timing.start_s + time_s)
        signed = passport(world.draws, trunk, caller, callee, issued_s)
        fields += f"{trunk.headers.identity}: {signed}\r\n"
    return fields


def _diversion(world: World, trunk: Trunk, host: str, diverted_from: list[Party]) -> str:
    """Now and then the call was diverted to the callee (RFC 5806)."""
    draws = world.draws
    if not trunk.diverts or draws.random() >= 0.02:
        return ""
    forwarder = uri(draws.choice(diverted_from).number, trunk.callee_format, host, world.plan.home)
    reason = draws.choice(["unconditional", "no-answer", "user-busy"])
    return f"Diversion: <{forwarder}>;reason={reason}\r\n"


def _inside_leg(world: World, trunk: Trunk, leg: Leg, branch: str) -> Leg:
    """The leg from the own SBC to the core, as far as all SBCs agree. ``branch``: the first leg's."""
    delay_s = 0.0015 + 0.004 * world.draws.random()
    sent_by = f"Via: SIP/2.0/{'TCP' if trunk.inside.tcp else 'UDP'}"
    return replace(
        leg,
        headers=FULL,
        connection=trunk.inside,
        udp=not trunk.inside.tcp,
        delay_s=delay_s,
        via=f"{sent_by} {trunk.sbc_inside}:5060;branch=z9hG4bK{world.draws.hex_digits(12)}",
        callee_via=f"{sent_by} {trunk.core};branch=z9hG4bKr{branch}",
        max_forwards=69,
        challenge=0,
        first=False,
    )


def _through_b2bua(
    world: World, trunk: Trunk, inside: Leg, caller: Party, callee: str, anonymous: bool, session_id: str
) -> None:
    """A dialog of its own, tied to the first by Session-ID (RFC 7989), X-Orig-Call-ID or nothing."""
    draws, home = world.draws, world.plan.home
    first_call_id = inside.call_id
    inside.call_id = call_id(draws, "hexhost", trunk.sbc_inside)
    inside.to_tag = draws.hex_digits(9)
    named_uri = f"{_display(caller)}<{uri(caller.number, 'plus', trunk.sbc_inside, home)}>"
    inside.from_ = f"{_ANONYMOUS if anonymous else named_uri};tag={draws.hex_digits(9)}"
    inside.request_uri = uri(callee, "plus", trunk.core, home)
    inside.to = f"<{inside.request_uri}>"
    inside.contact = f"Contact: <sip:{trunk.sbc_inside}:5060>\r\n"
    inside.callee_contact = f"Contact: <sip:{trunk.core}:5060>\r\n"
    inside.user_agent = f"B2BUA/3.{trunk.index % 3}"
    inside.extra = f"P-Asserted-Identity: <sip:+{caller.number}@{trunk.sbc_inside}>\r\n{session_id}"
    if trunk.legs == "b2b-xcid":
        inside.extra += f"X-Orig-Call-ID: {first_call_id}\r\n"


def _through_proxy(trunk: Trunk, leg: Leg, inside: Leg, callee: str, peer_address: str, home: str) -> None:
    """The same dialog on both legs; the proxy stays in the path (Record-Route, RFC 3261 section 16.6)."""
    names = trunk.headers
    inside.outer_via, inside.received = leg.via.replace(f"{names.via}:", "Via:", 1), peer_address
    inside.record_route = inside.recorded = f"Record-Route: <sip:{trunk.sbc_inside}:5060;lr>\r\n"
    inside.request_uri = uri(callee, trunk.callee_format, trunk.core, home)
    inside.contact = leg.contact.replace(f"{names.contact}:", "Contact:", 1)
    called = written_number(callee, "plus", home)
    inside.callee_contact = f"Contact: <sip:{called}@{trunk.core}:5060>\r\n"
    if names.identity == "y":
        inside.extra = inside.extra.replace("\r\ny: ", "\r\nIdentity: ")
    leg.callee_contact = inside.callee_contact.replace("Contact:", f"{names.contact}:", 1)
    leg.recorded = f"Record-Route: <sip:{trunk.host}:{trunk.port};lr>\r\n"
    leg.route = leg.recorded.replace("Record-Route", "Route")
