"""The SIP redirect server: [redirect]."""

from __future__ import annotations

from dataclasses import dataclass

from spit.config.addresses import read_hep, read_network, read_optional_endpoint, read_optional_url
from spit.config.fields import PATH, boolean_field, integer_field, setting_field, text_field, texts_field


@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectConfig:
    """[redirect]: where the SIP redirect server listens, what it tells SBCs, and whom it asks.

    What ``profile`` and the templates of URIs may be is checked by ``spit.enforce.redirect.profile``.
    """

    listen: tuple[str, ...] = texts_field(
        (), read_hep, 'a list of addresses such as "127.0.0.1:5080" or "udp:127.0.0.1:5080"'
    )
    profile: str = text_field("", PATH, 'the name of a profile, a file NAME.toml, or ""')
    peers: tuple[str, ...] = texts_field(
        ("127.0.0.0/8", "::1/128"),
        read_network,
        'a list of networks such as "192.0.2.0/24" (no host bits set)',
    )
    scorer: str = setting_field("", read_optional_url, 'a URL such as "http://127.0.0.1:8060", or ""')
    token_file: str = text_field("", PATH, 'a file that holds the token for the scorer, or ""')
    observe: bool = boolean_field(False)
    budget_ms: int = integer_field(400, 10, 10_000)
    circuit_failures: int = integer_field(5, 1, 1_000_000)
    circuit_bypass_s: int = integer_field(15, 1, 3_600)
    contact: str = text_field("{request_uri}", r"[!-~]+", "a template of a URI")
    source_header: str = text_field("", r"[A-Za-z0-9-]*", 'the name of a header such as "X-Source-IP", or ""')
    max_transactions: int = integer_field(50_000, 100, 2**31 - 1)
    max_connections: int = integer_field(256, 1, 65_535)
    idle_s: int = integer_field(600, 1, 86_400)
    metrics: str = setting_field(
        "", read_optional_endpoint, 'an address such as "127.0.0.1:9189" or ":9189", or ""'
    )
    drain_s: int = integer_field(10, 1, 600)
