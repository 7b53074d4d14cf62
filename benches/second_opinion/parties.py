"""Parties: a number, how it presents itself when it calls, and how it behaves when it is called."""

from __future__ import annotations

from dataclasses import dataclass, field

from .draws import Draws
from .trunks import Trunk

_FIRST_NAMES = (
    "Anna", "Ben", "Carla", "David", "Elif", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Karin", "Luca",
    "Marie", "Nils", "Olga", "Paul", "Rosa", "Sven", "Tara", "Uwe", "Vera", "Willem", "Yara", "Zoe",
)  # fmt: skip
_LAST_NAMES = (
    "Albers", "Brandt", "Cohen", "Dietz", "Ekman", "Farkas", "Gomez", "Hahn", "Ivanov", "Jansen", "Keller",
    "Lindt", "Meyer", "Novak", "Ott", "Petit", "Quist", "Rossi", "Smit", "Toth", "Urban", "Vogel", "Weber",
    "Yilmaz",
)  # fmt: skip
_COMPANIES = [
    f"{first} {second}"
    for first in ("Nord", "Alpha", "City", "Rhein", "Delta", "Blue", "Care", "Sun", "Metro", "Prime")
    for second in ("Service", "GmbH", "Logistik", "Office", "Group", "Direkt", "Praxis", "Zentrale", "Info")
]
_USER_AGENTS = (
    "FRITZ!OS 7.57", "Asterisk PBX 18.20.2", "snomD785/10.1.159", "Yealink SIP-T46U 108.86.0.90",
    "Cisco-SIPGateway/IOS-16.12.7", "Grandstream GXP2170 1.0.11.64", "FreeSWITCH-mod_sofia/1.10.11",
    "Linphone/5.2.4 (belle-sip/5.3)", "3CX PhoneSystem 20.0", "Speedport Smart 4", "Zoiper v2.10",
    "OpenScape Voice V10", "Mitel-5000", "Gigaset N510 IP PRO", "Asterisk PBX 20.5.0", "PolyEdge-E350",
)  # fmt: skip
#: Shape of the beta distribution of how readily a person answers an unknown number.
_ANSWERS_UNKNOWN = {"elderly": (3.2, 4.2), "teenager": (1.5, 5), "small_business": (6, 2)}


@dataclass(slots=True, eq=False)
class Party:
    """A number with its presentation, and how it behaves when called.

    ``kind``: what it is called in the labels. ``line``: what answers: ``person``, ``ivr`` (also a desk that
    always has someone), ``gate``, ``fax``, ``probe``, or ``none`` where nothing does.
    ``peer``, ``media``: numbers that choose the host and media address at its trunk; ``codec``: its codecs.
    ``attestation``: a place from 0 to 1 within the shares of its trunk's levels.
    ``answers_unknown``, ``answers_known``: probability of answering; ``voicemail_after_s``: 0 without one.
    ``capacity``: calls at a time; ``known``: numbers that it recognises; ``busy_until_s``: a heap of the ends
    of its calls.
    """

    number: str
    kind: str
    trunks: list[Trunk]
    user_agent: str
    peer: int
    media: int
    display_name: str
    anonymous: bool
    codec: int
    attestation: float
    line: str = "none"
    capacity: int = 1
    answers_unknown: float = 0.0
    answers_known: float = 0.0
    voicemail_after_s: float = 0.0
    known: set[str] = field(default_factory=set)
    busy_until_s: list[float] = field(default_factory=list)


def make_party(
    draws: Draws, number: str, kind: str, trunks: list[Trunk], line: str = "none", capacity: int = 1
) -> Party:
    """A party whose presentation is drawn the same way for everybody, so that it tells no label."""
    user_agent = draws.choice(_USER_AGENTS)
    peer, media = draws.getrandbits(16), draws.getrandbits(16)
    return Party(
        number=number,
        kind=kind,
        trunks=trunks,
        user_agent=user_agent,
        peer=peer,
        media=media,
        display_name=_display_name(draws, number),
        anonymous=draws.random() < 0.02,
        codec=draws.randint(0, 4),
        attestation=draws.random(),
        line=line,
        capacity=capacity,
    )


def _display_name(draws: Draws, number: str) -> str:
    chance = draws.random()
    if chance < 0.22:
        first = draws.choice(_FIRST_NAMES)
        return f"{first} {draws.choice(_LAST_NAMES)}"
    if chance < 0.36:
        return draws.choice(_COMPANIES)
    return number if chance < 0.46 else ""


def settle_person(draws: Draws, party: Party) -> None:
    """Draw how a person answers: willingness, voicemail, lines."""
    party.answers_unknown = draws.betavariate(*_ANSWERS_UNKNOWN.get(party.kind, (2.0, 4.6)))
    party.answers_known = draws.betavariate(8, 2.4)
    if draws.random() < 0.3:
        party.voicemail_after_s = draws.choice([15, 18, 20, 25, 25, 30]) + draws.random()
    if party.kind == "small_business":
        party.capacity = draws.randint(2, 4)
