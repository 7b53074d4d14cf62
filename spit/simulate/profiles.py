"""Header profiles: how the INVITE of each make of equipment looks.

Legitimate and spam callers draw from this one pool. What a fingerprint sees of a profile is the User-Agent,
the order of headers and the shape of the SDP; a release of the same software differs in the User-Agent alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Codec:
    """One RTP payload type of the offer."""

    payload_type: int
    rtpmap: str


PCMU = Codec(0, "PCMU/8000")
PCMA = Codec(8, "PCMA/8000")
G729 = Codec(18, "G729/8000")
G722 = Codec(9, "G722/8000")
OPUS = Codec(111, "opus/48000/2")
DTMF = Codec(101, "telephone-event/8000")


@dataclass(frozen=True, slots=True)
class HeaderProfile:
    """The fixed part of an INVITE: ``order`` lists its headers, ``extra`` the values that never change."""

    user_agent: str | None
    order: tuple[str, ...]
    codecs: tuple[Codec, ...]
    call_id_style: str  # uuid, hex or bare
    extra: tuple[tuple[str, str], ...] = ()
    ptime_ms: int | None = 20
    session_name: str = "-"

    @property
    def asserts_identity(self) -> bool:
        """Whether the equipment sends P-Asserted-Identity (RFC 3325)."""
        return "P-Asserted-Identity" in self.order


@dataclass(frozen=True, slots=True)
class _Make:
    """A make of equipment and the releases in use."""

    user_agents: tuple[str | None, ...]
    order: str  # header names, separated by spaces
    codecs: tuple[Codec, ...]
    call_id_style: str
    extra: tuple[tuple[str, str], ...] = ()
    ptime_ms: int | None = 20
    session_name: str = "-"


_SUPPORTED = ("Supported", "timer, replaces")
_ALLOW = ("Allow", "INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, INFO")

_MAKES = (
    _Make(
        ("Asterisk PBX 18.20.2", "Asterisk PBX 20.9.1", "Asterisk PBX 16.30.1"),
        "Via From To Contact Call-ID CSeq Allow Supported Max-Forwards User-Agent "
        "Content-Type Content-Length",
        (PCMU, PCMA, DTMF),
        "uuid",
        (_ALLOW, _SUPPORTED),
        20,
        "Asterisk",
    ),
    _Make(
        ("FPBX-16.0.40(18.20.0)", "FPBX-15.0.37(16.30.0)"),
        "Via Max-Forwards From To Call-ID CSeq Contact User-Agent Allow Supported "
        "P-Asserted-Identity Content-Type Content-Length",
        (PCMU, PCMA, G722, DTMF),
        "hex",
        (_ALLOW, _SUPPORTED),
        20,
        "Asterisk",
    ),
    _Make(
        ("FreeSWITCH-mod_sofia/1.10.11", "FreeSWITCH-mod_sofia/1.10.7", "FreeSWITCH-mod_sofia/1.8.7"),
        "Via Max-Forwards From To Call-ID CSeq Contact User-Agent Allow Supported "
        "Allow-Events Content-Type Content-Length X-FS-Support",
        (PCMU, PCMA, OPUS, DTMF),
        "uuid",
        (_ALLOW, _SUPPORTED, ("Allow-Events", "talk, hold, refer"), ("X-FS-Support", "update_display")),
        20,
        "FreeSWITCH",
    ),
    _Make(
        ("Cisco-SIPGateway/IOS-15.6.3.M", "Cisco-SIPGateway/IOS-16.12.4", "Cisco-CUCM12.5"),
        "Via From To Date Call-ID Supported User-Agent Allow CSeq Contact Max-Forwards "
        "P-Asserted-Identity Content-Type Content-Length",
        (G729, PCMU, DTMF),
        "hex",
        (_ALLOW, ("Supported", "timer, resource-priority, replaces")),
        20,
        "SIP Call",
    ),
    _Make(
        ("Yealink SIP-T46S 66.86.0.15", "Yealink SIP-T21P_E2 52.84.0.125"),
        "Via From To Call-ID CSeq Contact Content-Type Allow Max-Forwards User-Agent "
        "Supported Content-Length",
        (PCMU, PCMA, G722, G729, DTMF),
        "bare",
        (_ALLOW, ("Supported", "replaces")),
        20,
    ),
    _Make(
        ("3CXPhoneSystem 18.0.9.20", "3CXPhoneSystem 20.0.4.814"),
        "Via Max-Forwards From To Call-ID CSeq Contact Allow Content-Type Supported "
        "User-Agent Content-Length",
        (PCMA, PCMU, G729, DTMF),
        "bare",
        (_ALLOW, _SUPPORTED),
        None,
        "3cxPS Audio Call",
    ),
    _Make(
        ("Grandstream UCM6302 1.0.21.9", "Grandstream HT814 1.0.39.3"),
        "Via From To Contact Supported Call-ID CSeq Max-Forwards User-Agent Allow "
        "Content-Type Content-Length",
        (PCMU, G729, DTMF),
        "hex",
        (_ALLOW, ("Supported", "replaces, path")),
        20,
    ),
    _Make(
        (None, "Mediant SW/v.7.40A.250", "Mediant 800B/v.7.20A.258"),
        "Via Max-Forwards From To Call-ID CSeq Contact Supported Allow User-Agent "
        "P-Asserted-Identity Content-Type Content-Length",
        (PCMU, PCMA, DTMF),
        "uuid",
        (_ALLOW, ("Supported", "em, 100rel, timer, replaces")),
        20,
        "Phone-Call",
    ),
    _Make(
        ("Sippy Softswitch v2022", "PortaSIP/MR105"),
        "Via Max-Forwards Contact To From Call-ID CSeq Allow User-Agent P-Asserted-Identity "
        "Content-Type Content-Length",
        (G729, PCMU, PCMA, DTMF),
        "hex",
        (_ALLOW,),
        None,
    ),
    _Make(
        ("Linphone/5.2.5 (belle-sip/5.3.83)", "Z 5.6.4 v2.10.20.4", "MicroSIP/3.21.3"),
        "Via From To CSeq Call-ID Max-Forwards Supported Allow Contact Content-Type "
        "Content-Length User-Agent",
        (OPUS, PCMU, PCMA, DTMF),
        "bare",
        (_ALLOW, ("Supported", "replaces, outbound, gruu")),
        None,
        "Talk",
    ),
)


def header_profiles() -> tuple[HeaderProfile, ...]:
    """Every profile in a fixed order; plans refer to them by index."""
    return tuple(
        HeaderProfile(
            user_agent,
            tuple(name for name in make.order.split() if name != "User-Agent" or user_agent is not None),
            make.codecs,
            make.call_id_style,
            make.extra,
            make.ptime_ms,
            make.session_name,
        )
        for make in _MAKES
        for user_agent in make.user_agents
    )


PROFILES = header_profiles()
