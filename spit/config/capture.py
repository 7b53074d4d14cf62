"""What is captured and how calls are tracked: [tracking], [identity] and [agent]."""

from __future__ import annotations

import re
from dataclasses import dataclass

from spit.config.addresses import read_hep, read_interface, read_network, read_optional_endpoint, read_url
from spit.config.fields import (
    PATH,
    choice_field,
    hidden,
    integer_field,
    number_field,
    setting_field,
    text_field,
    texts_field,
)

#: The prefix of international numbers where nothing else is set (ITU-T E.164 recommends it).
INTERNATIONAL_PREFIX = "00"


def _read_prefix(text: str) -> str:
    if re.fullmatch(r"[0-9]{1,10}", text) is None:
        raise ValueError
    return text


def _read_lengths(value: object) -> tuple[int, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError
    if not all(isinstance(one, int) and not isinstance(one, bool) and 1 <= one <= 20 for one in value):
        raise ValueError
    return tuple(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingConfig:
    """[tracking]: bounds and timeouts of the Rust call tracker. SIP is recognised by content, not by port."""

    max_calls: int = integer_field(1_000_000, 1, 2**31 - 1)
    idle_limit_s: int = integer_field(14_400, 1, 31 * 86_400)
    transaction_timeout_s: int = integer_field(32, 1, 3_600)
    ring_timeout_s: int = integer_field(185, 1, 86_400)
    leg_join_window_s: float = number_field(2.0, 0, 60, " of seconds")
    max_tcp_streams: int = integer_field(100_000, 1, 2**31 - 1)
    max_tcp_bytes: int = integer_field(64 * 2**20, 65_536, 2**40)
    max_fragments_bytes: int = integer_field(64 * 2**20, 65_536, 2**40)
    duplicate_window_us: int = integer_field(5_000, 0, 250_000)
    hep_auth_key: str = text_field(
        "", r"[!-~]{0,128}", 'up to 128 printable characters without spaces, or ""', hidden
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityConfig:
    """[identity]: whose P-Asserted-Identity is believed, and how national numbers become E.164.

    What ``default_region`` means is filled in by ``spit.capture.numbers``.
    """

    trusted_peers: tuple[str, ...] = texts_field(
        (), read_network, 'a list of networks such as "192.0.2.0/24" (no host bits set)'
    )
    default_region: str = text_field("", r"([A-Z]{2})?", 'a region of two letters such as "DE", or ""')
    country_code: str = text_field(
        "", r"([1-9][0-9]{0,2})?", 'a country code of 1 to 3 digits such as "49", or ""'
    )
    national_prefix: str = text_field("", r"[0-9]{0,4}", 'up to 4 digits such as "0", or ""')
    national_lengths: tuple[int, ...] = setting_field(
        (), _read_lengths, "a list of numbers of digits from 1 to 20 such as [9, 10]"
    )
    international_prefixes: tuple[str, ...] = texts_field(
        (), _read_prefix, 'a list of prefixes of 1 to 10 digits such as ["00"]'
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """[agent]: what is captured, where its events go, and where they wait while nobody takes them."""

    interface: tuple[str, ...] = texts_field((), read_interface, 'a list of interfaces such as "eth1"')
    hep: tuple[str, ...] = texts_field(
        (), read_hep, 'a list of addresses such as "0.0.0.0:9060" or "udp:0.0.0.0:9060"'
    )
    workers: int = integer_field(2, 1, 64)
    ring_mib: int = integer_field(32, 1, 4_096)
    queue_messages: int = integer_field(100_000, 1_024, 2**31 - 1)
    filter: str = choice_field("sip", ("sip", "all"))
    decoder: str = choice_field("native", ("native", "scapy"))
    user: str = text_field("", r"([A-Za-z_][A-Za-z0-9_.-]*\$?)?", 'the name of a user, or ""')
    scorer: tuple[str, ...] = texts_field(
        (), read_url, 'a list of URLs such as "https://scorer.example.net:8060" (no user, query or fragment)'
    )
    token_file: str = text_field("", PATH, 'a file that holds the token for the scorers, or ""')
    agent_id: str = text_field(
        "", r"[!-~]{0,128}", 'up to 128 printable ASCII characters without blanks, or ""'
    )
    spool: str = text_field("", PATH, 'the folder of the spool, or ""')
    spool_max_mib: int = integer_field(1_024, 1, 2**20)
    output: str = text_field("", PATH, 'a file, "-" for standard output, or ""')
    metrics: str = setting_field(
        "", read_optional_endpoint, 'an address such as "127.0.0.1:9188" or ":9188", or ""'
    )
    checkpoint: str = text_field("", PATH, 'the folder of the saved state, or ""')
    checkpoint_s: int = integer_field(30, 1, 86_400)
    drain_s: int = integer_field(10, 1, 600)
