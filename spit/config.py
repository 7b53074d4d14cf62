"""The configuration: one TOML file, environment over it, flags over both (docs/configuration.md).

Every command reads it: what only a file or a mistake needs is imported then.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from spit.errors import ConfigError

#: What a verdict may lead to; the same words as ``records.ActionKind`` (this leaf may not import it).
ACTIONS = ("allow", "tag", "throttle", "challenge", "divert", "reject", "drop")
REJECT_PROFILES = ("603+", "607", "608", "603")

#: The prefix of international numbers where nothing else is set (ITU-T E.164 recommends it).
INTERNATIONAL_PREFIX = "00"

#: Printable ASCII without what would end a quoted string, a URI or a header in a SIP answer.
_REDRESS = re.compile(r"(https?://|tel:\+?\d|mailto:[^@]+@)[!#-:=?-\[\]-~]+")
_ENDPOINT = r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+):[0-9]{1,5}"
_PATH = r"[^\x00]*"
_LISTED = re.compile(r"[^\s*]+\*?")
#: A URI that fits between angle brackets; a Contact's headers (?…) would reach the INVITE that follows.
_TARGET = r"(sips?:[A-Za-z0-9_.!~*'()&=+$;:@\[\]%/-]+|tel:\+?[0-9*#()A-Fa-f.-]+)?"
#: "Name: value" with {label}, {score} and {symbol} in the value.
_TAG_HEADER = re.compile(r"([A-Za-z0-9!%*_+`'~.-]+): *((?:[ -z|~]|\{(?:label|score|symbol)\})+)")
#: What a proxy needs to route the call or the callee needs to answer it: a tag must not double or forge it.
# fmt: off
_ROUTING_HEADERS = frozenset({
    "allow", "authorization", "c", "call-id", "contact", "content-encoding", "content-length",
    "content-type", "cseq", "diversion", "e", "f", "from", "history-info", "i", "identity", "k",
    "l", "m", "max-forwards", "o", "p-asserted-identity", "p-preferred-identity", "privacy",
    "proxy-authenticate", "proxy-authorization", "proxy-require", "record-route",
    "remote-party-id", "require", "resource-priority", "route", "supported", "t", "to", "v",
    "via", "www-authenticate", "y",
})
# fmt: on


@dataclass(frozen=True, slots=True)
class Setting:
    """How one key is read: ``read`` returns the value in its final type or raises ValueError.

    ``hide``: a secret's value as messages and ``spit config show`` may tell it; None: it is no secret.
    """

    read: Callable[[object], object]
    expected: str
    hide: Callable[[object], str] | None = None


def _setting(
    default: object,
    read: Callable[[object], object],
    expected: str,
    hide: Callable[[object], str] | None = None,
) -> Any:
    # Not in repr: a configuration that is logged must not tell its secrets.
    return field(default=default, repr=hide is None, metadata={"setting": Setting(read, expected, hide)})


def _hidden(value: object) -> str:
    return "***" if value else ""


def _hidden_password(value: object) -> str:
    """A URL without its password, whatever is wrong with the rest of it."""
    text = re.sub(r"(://[^:/?#]*):.*@", r"\1:***@", str(value))
    return re.sub(r"(password=)[^&]*", r"\1***", text, flags=re.IGNORECASE)


def _integer(default: int, low: int, high: int) -> Any:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError
        return value

    return _setting(default, read, f"an integer from {low} to {high}")


def _optional_number(low: float, high: float) -> Any:
    """None where it is "" or not given."""

    def read(value: object) -> float | None:
        if value is None or value == "":
            return None
        return _read_number(value, low, high)

    return _setting(None, read, f'a number from {low:g} to {high:g}, or ""')


def _read_number(value: object, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError
    if not math.isfinite(value) or not low <= value <= high:
        raise ValueError
    return float(value)


def _number(default: float, low: float, high: float, unit: str = "") -> Any:
    def read(value: object) -> float:
        return _read_number(value, low, high)

    return _setting(default, read, f"a number{unit} from {low:g} to {high:g}")


def _boolean(default: bool) -> Any:
    def read(value: object) -> bool:
        if not isinstance(value, bool):
            raise ValueError
        return value

    return _setting(default, read, "true or false")


def _text(default: str, pattern: str, expected: str, hide: Callable[[object], str] | None = None) -> Any:
    def read(value: object) -> str:
        if not isinstance(value, str) or re.fullmatch(pattern, value) is None:
            raise ValueError
        return value

    return _setting(default, read, expected, hide)


def _choice(default: str, choices: tuple[str, ...]) -> Any:
    def read(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError
        return value

    return _setting(default, read, "one of " + ", ".join(f'"{choice}"' for choice in choices))


def _texts(default: tuple[str, ...], read_one: Callable[[str], str], expected: str) -> Any:
    def read(value: object) -> tuple[str, ...]:
        if isinstance(value, str) or not isinstance(value, list | tuple):
            raise ValueError
        if not all(isinstance(one, str) for one in value):
            raise ValueError
        return tuple(read_one(one) for one in value)

    return _setting(default, read, expected)


def _read_network(text: str) -> str:
    import ipaddress

    return str(ipaddress.ip_network(text))  # strict: host bits set mean a typing mistake


def _read_listed(text: str) -> str:
    if _LISTED.fullmatch(text) is None:
        raise ValueError
    return text


def _read_decoy(text: str) -> str:
    if re.fullmatch(r"[^\s*]+", text) is None:
        raise ValueError
    return text.lower()


def _read_consent(text: str) -> str:
    caller, _, callee = text.partition(">")
    return f"{_read_listed(caller)}>{_read_listed(callee)}"


def _read_short_number(text: str) -> str:
    if re.fullmatch(r"\+?[0-9]{2,15}", text) is None:
        raise ValueError
    return text


def _read_interface(text: str) -> str:
    if re.fullmatch(r"[!-.0-~]{1,15}", text) is None:  # IFNAMSIZ of Linux is 16 with the ending zero
        raise ValueError
    return text


def _read_endpoint(text: str) -> str:
    if re.fullmatch(_ENDPOINT, text) is None or int(text.rpartition(":")[2]) > 65_535:
        raise ValueError
    return text


def _read_hep(text: str) -> str:
    _read_endpoint(re.sub("^(udp|tcp):", "", text))
    return text


def _read_optional_endpoint(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    # Without a host it is the loopback address: counters are nobody else's business.
    return _read_endpoint(f"127.0.0.1{value}" if value.startswith(":") else value) if value else value


def _read_url(text: str) -> str:
    from urllib.parse import urlsplit

    address = urlsplit(text)  # ValueError where brackets or port are wrong
    sound = address.scheme in ("http", "https") and address.hostname and address.port != 0
    if not sound or re.fullmatch(r"[!-~]+", text) is None or address.query or address.fragment:
        raise ValueError
    if address.username is not None:  # it would end up in log lines; the token has a file
        raise ValueError
    return text.rstrip("/")


def _read_optional_url(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    return _read_url(value) if value else value


def _read_urls(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (_read_url(value),) if value else ()
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise ValueError
    return tuple(_read_url(one) for one in value)


def _read_redis(value: object) -> str:
    from urllib.parse import urlsplit

    if not isinstance(value, str) or (value and re.fullmatch(r"[!-~]+", value) is None):
        raise ValueError
    if not value:
        return value
    address = urlsplit(value)
    named = address.path if address.scheme == "unix" else address.hostname
    if address.scheme not in ("redis", "rediss", "unix") or not named or address.fragment:
        raise ValueError
    if address.password is not None or "password" in address.query:  # it has a file
        raise ValueError
    return value


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


def _read_tag_header(text: str) -> str:
    found = _TAG_HEADER.fullmatch(text)
    if found is None or found[1].lower() in _ROUTING_HEADERS:
        raise ValueError
    return text


def _read_redress(value: object) -> str:
    if not isinstance(value, str) or (value and _REDRESS.fullmatch(value) is None):
        raise ValueError
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingConfig:
    """[tracking]: bounds and timeouts of the Rust call tracker. SIP is recognised by content, not by port."""

    max_calls: int = _integer(1_000_000, 1, 2**31 - 1)
    idle_limit_s: int = _integer(14_400, 1, 31 * 86_400)
    transaction_timeout_s: int = _integer(32, 1, 3_600)
    ring_timeout_s: int = _integer(185, 1, 86_400)
    leg_join_window_s: float = _number(2.0, 0, 60, " of seconds")
    max_tcp_streams: int = _integer(100_000, 1, 2**31 - 1)
    max_tcp_bytes: int = _integer(64 * 2**20, 65_536, 2**40)
    max_fragments_bytes: int = _integer(64 * 2**20, 65_536, 2**40)
    duplicate_window_us: int = _integer(5_000, 0, 250_000)
    hep_auth_key: str = _text(
        "", r"[!-~]{0,128}", 'up to 128 printable characters without spaces, or ""', _hidden
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityConfig:
    """[identity]: whose P-Asserted-Identity is believed, and how national numbers become E.164.

    What ``default_region`` means is filled in by ``spit.capture.numbers``.
    """

    trusted_peers: tuple[str, ...] = _texts(
        (), _read_network, 'a list of networks such as "192.0.2.0/24" (no host bits set)'
    )
    default_region: str = _text("", r"([A-Z]{2})?", 'a region of two letters such as "DE", or ""')
    country_code: str = _text(
        "", r"([1-9][0-9]{0,2})?", 'a country code of 1 to 3 digits such as "49", or ""'
    )
    national_prefix: str = _text("", r"[0-9]{0,4}", 'up to 4 digits such as "0", or ""')
    national_lengths: tuple[int, ...] = _setting(
        (), _read_lengths, "a list of numbers of digits from 1 to 20 such as [9, 10]"
    )
    international_prefixes: tuple[str, ...] = _texts(
        (), _read_prefix, 'a list of prefixes of 1 to 10 digits such as ["00"]'
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyConfig:
    """[policy]: the only place that holds thresholds, lists, exemptions and the SIP answer."""

    mode: str = _choice("monitor", ("monitor", "enforce"))
    enforce_share: float = _number(1.0, 0, 1)
    max_wrong_blocks_per_10000: float = _number(5.0, 0.01, 10_000)
    suspect_threshold: float = _number(0.5, 0, 1)
    spam_threshold: float | None = _optional_number(0, 1)  # None: from max_wrong_blocks_per_10000
    suspect_action: str = _choice("tag", ACTIONS)
    spam_action: str = _choice("reject", ACTIONS)
    reject_profile: str = _choice("603+", REJECT_PROFILES)
    jurisdiction: str = _choice("", ("", "us"))
    redress: str = _setting(
        "",
        _read_redress,
        'a URL, tel or mailto contact such as "https://example.net/blocked", or ""',
    )
    divert_to: str = _text("", _TARGET, 'a SIP or tel URI such as "sip:voicemail@example.net", or ""')
    challenge_to: str = _text("", _TARGET, 'a SIP or tel URI such as "sip:captcha@example.net", or ""')
    tag_headers: tuple[str, ...] = _texts(
        ("X-Spam-Label: {label}", "X-Spam-Score: {score}", "X-Spam-Reason: {symbol}"),
        _read_tag_header,
        'a list of headers such as "X-Spam-Score: {score}" ({label}, {score} and {symbol} are known; '
        "headers that route or identify the call are not taken)",
    )
    ttl_s: int = _integer(300, 0, 86_400)
    emergency_numbers: tuple[str, ...] = _texts(
        ("000", "110", "111", "112", "118", "119", "911", "999"),
        _read_short_number,
        "a list of numbers of 2 to 15 digits",
    )
    allow: tuple[str, ...] = _texts(
        (), _read_listed, 'a list of identities ("+12025550100") or prefixes ("+1202555*")'
    )
    block: tuple[str, ...] = _texts(
        (), _read_listed, 'a list of identities ("+12025550100") or prefixes ("+1202555*")'
    )
    consent: tuple[str, ...] = _texts(
        (),
        _read_consent,
        'a list of pairs "caller>callee", each an identity or a prefix ("+1202555*>+12025550100")',
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """[model]: which bundle scores (empty: the one that is shipped), and which only looks on."""

    path: str = _text("", _PATH, 'the folder of a model bundle, or ""')
    challenger: str = _text("", _PATH, 'the folder of a model bundle, or ""')


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackConfig:
    """[feedback]: where reports about calls are kept, and how much one reporter may say."""

    store: str = _text("", _PATH, 'a file for reports, or ""')
    decoys: tuple[str, ...] = _texts(
        (),
        _read_decoy,
        'a list of canonical identities such as "+12025550100" that nobody has a reason to call',
    )
    reports_per_day: int = _integer(10, 1, 10_000)
    last_call_s: int = _integer(3_600, 1, 7 * 86_400)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConfig:
    """[service]: where the HTTP service listens and how much it reads."""

    host: str = _text("127.0.0.1", r"[0-9A-Za-z.:_-]+", "an address or a host name")
    port: int = _integer(8060, 0, 65_535)
    allow_public: bool = _boolean(False)
    max_score_bytes: int = _integer(2**20, 1_024, 2**30)
    max_events_bytes: int = _integer(64 * 2**20, 1_024, 2**30)
    agent_token_file: str = _text("", _PATH, 'a file that holds the token of agents, or ""')
    keys_file: str = _text("", _PATH, 'a file that lists API keys, or ""')
    tls_certificate: str = _text("", _PATH, 'a file with a certificate and its chain (PEM), or ""')
    tls_key: str = _text("", _PATH, 'a file with the private key of the certificate (PEM), or ""')
    tls_client_ca: str = _text("", _PATH, 'a file with the authorities of client certificates (PEM), or ""')
    score_budget_ms: int = _integer(50, 1, 60_000)
    score_threads: int = _integer(4, 1, 64)
    score_rate: int = _integer(0, 0, 1_000_000)
    request_rate: int = _integer(2_000, 0, 1_000_000)
    max_connections: int = _integer(2_000, 1, 1_000_000)
    max_header_bytes: int = _integer(16_384, 1_024, 65_536)
    header_timeout_s: float = _number(10.0, 0.05, 3_600, " of seconds")
    body_timeout_s: float = _number(30.0, 0.05, 3_600, " of seconds")
    log_format: str = _choice("text", ("text", "json"))
    access_log: str = _choice("others", ("none", "others", "all"))
    state: str = _text("", _PATH, 'the folder of the saved state, or ""')
    checkpoint_s: int = _integer(30, 1, 86_400)
    journal_sync: str = _choice("always", ("always", "interval"))
    drain_s: int = _integer(10, 1, 600)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsConfig:
    """[records]: finished calls with their verdicts, as Parquet by hour."""

    directory: str = _text("", _PATH, 'the folder of call records, or ""')
    flush_s: int = _integer(60, 1, 86_400)
    flush_rows: int = _integer(50_000, 1, 10_000_000)
    retention_days: int = _integer(30, 0, 36_500)
    max_mib: int = _integer(10_240, 0, 2**30)
    pseudonymise: bool = _boolean(False)
    pseudonym_key_file: str = _text("", _PATH, 'a file that holds the key of pseudonyms, or ""')


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """[agent]: what is captured, where its events go, and where they wait while nobody takes them."""

    interface: tuple[str, ...] = _texts((), _read_interface, 'a list of interfaces such as "eth1"')
    hep: tuple[str, ...] = _texts(
        (), _read_hep, 'a list of addresses such as "0.0.0.0:9060" or "udp:0.0.0.0:9060"'
    )
    workers: int = _integer(2, 1, 64)
    ring_mib: int = _integer(32, 1, 4_096)
    queue_messages: int = _integer(100_000, 1_024, 2**31 - 1)
    filter: str = _choice("sip", ("sip", "all"))
    decoder: str = _choice("native", ("native", "scapy"))
    user: str = _text("", r"([A-Za-z_][A-Za-z0-9_.-]*\$?)?", 'the name of a user, or ""')
    scorer: tuple[str, ...] = _texts(
        (), _read_url, 'a list of URLs such as "https://scorer.example.net:8060" (no user, query or fragment)'
    )
    token_file: str = _text("", _PATH, 'a file that holds the token for the scorers, or ""')
    agent_id: str = _text("", r"[!-~]{0,128}", 'up to 128 printable ASCII characters without blanks, or ""')
    spool: str = _text("", _PATH, 'the folder of the spool, or ""')
    spool_max_mib: int = _integer(1_024, 1, 2**20)
    output: str = _text("", _PATH, 'a file, "-" for standard output, or ""')
    metrics: str = _setting(
        "", _read_optional_endpoint, 'an address such as "127.0.0.1:9188" or ":9188", or ""'
    )
    checkpoint: str = _text("", _PATH, 'the folder of the saved state, or ""')
    checkpoint_s: int = _integer(30, 1, 86_400)
    drain_s: int = _integer(10, 1, 600)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageConfig:
    """[storage]: the control database, which holds lists, API keys and the audit log."""

    url: str = _text(
        "",
        r"((sqlite|postgres(ql)?)://[^\x00-\x20]+|(?!.*://)[^\x00]*)",
        'a path, "sqlite:///PATH", "postgresql://USER@HOST/DATABASE", or ""',
        _hidden_password,
    )
    poll_s: float = _number(1.0, 0.05, 3_600, " of seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectConfig:
    """[redirect]: where the SIP redirect server listens, what it tells SBCs, and whom it asks.

    What ``profile`` and the templates of URIs may be is checked by ``spit.enforce.redirect.profile``.
    """

    listen: tuple[str, ...] = _texts(
        (), _read_hep, 'a list of addresses such as "127.0.0.1:5080" or "udp:127.0.0.1:5080"'
    )
    profile: str = _text("", _PATH, 'the name of a profile, a file NAME.toml, or ""')
    peers: tuple[str, ...] = _texts(
        ("127.0.0.0/8", "::1/128"),
        _read_network,
        'a list of networks such as "192.0.2.0/24" (no host bits set)',
    )
    scorer: str = _setting("", _read_optional_url, 'a URL such as "http://127.0.0.1:8060", or ""')
    token_file: str = _text("", _PATH, 'a file that holds the token for the scorer, or ""')
    observe: bool = _boolean(False)
    budget_ms: int = _integer(400, 10, 10_000)
    circuit_failures: int = _integer(5, 1, 1_000_000)
    circuit_bypass_s: int = _integer(15, 1, 3_600)
    contact: str = _text("{request_uri}", r"[!-~]+", "a template of a URI")
    source_header: str = _text("", r"[A-Za-z0-9-]*", 'the name of a header such as "X-Source-IP", or ""')
    max_transactions: int = _integer(50_000, 100, 2**31 - 1)
    max_connections: int = _integer(256, 1, 65_535)
    idle_s: int = _integer(600, 1, 86_400)
    metrics: str = _setting(
        "", _read_optional_endpoint, 'an address such as "127.0.0.1:9189" or ":9189", or ""'
    )
    drain_s: int = _integer(10, 1, 600)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictsConfig:
    """[verdicts]: how many changes of verdict are kept, and who may listen."""

    history: int = _integer(10_000, 100, 1_000_000)
    max_callers: int = _integer(100_000, 1_000, 10_000_000)
    max_streams: int = _integer(20, 0, 1_000)
    heartbeat_s: float = _number(15.0, 0.1, 3_600, " of seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhooksConfig:
    """[webhooks]: URLs that changes of verdict are posted to, signed."""

    urls: tuple[str, ...] = _texts(
        (), _read_url, 'a list of URLs such as "https://noc.example.net/spit" (no user, query or fragment)'
    )
    secret_file: str = _text("", _PATH, 'a file that holds the secret of the signatures, or ""')
    max_queue: int = _integer(10_000, 1, 1_000_000)
    timeout_s: float = _number(5.0, 0.1, 60, " of seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisConfig:
    """[redis]: where verdicts and lists are published as keys with an expiry."""

    url: str = _setting(
        "",
        _read_redis,
        'a URL such as "redis://127.0.0.1:6379/0" without a password (url_file takes one), or ""',
    )
    url_file: str = _text("", _PATH, 'a file that holds the URL, with its password, or ""')
    prefix: str = _text("spit", r"[0-9A-Za-z_.:-]{1,64}", "1 to 64 letters, digits and _ . : -")
    ttl_s: int = _integer(0, 0, 7 * 86_400)
    max_queue: int = _integer(10_000, 1, 1_000_000)
    timeout_s: float = _number(2.0, 0.1, 60, " of seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class KamailioConfig:
    """[kamailio]: the htables that verdicts are written to by JSON-RPC."""

    url: tuple[str, ...] = _setting(
        (),
        _read_urls,
        'a URL such as "http://127.0.0.1:8090/RPC" (no user, query or fragment), or a list of them',
    )
    table: str = _text("spit", r"[0-9A-Za-z_]{1,64}", "1 to 64 letters, digits and _")
    ttl_s: int = _integer(0, 0, 7 * 86_400)
    max_queue: int = _integer(10_000, 1, 1_000_000)
    timeout_s: float = _number(2.0, 0.1, 60, " of seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockListFileConfig:
    """[blocklist_file]: a file with the callers to block now."""

    path: str = _text("", _PATH, 'a file, or ""')
    interval_s: int = _integer(60, 1, 86_400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration, one attribute per TOML table."""

    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    identity: IdentityConfig = field(default_factory=IdentityConfig)
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    service: ServiceConfig = field(default_factory=ServiceConfig)
    agent: AgentConfig = field(default_factory=AgentConfig)
    feedback: FeedbackConfig = field(default_factory=FeedbackConfig)
    storage: StorageConfig = field(default_factory=StorageConfig)
    redirect: RedirectConfig = field(default_factory=RedirectConfig)
    records: RecordsConfig = field(default_factory=RecordsConfig)
    verdicts: VerdictsConfig = field(default_factory=VerdictsConfig)
    webhooks: WebhooksConfig = field(default_factory=WebhooksConfig)
    redis: RedisConfig = field(default_factory=RedisConfig)
    kamailio: KamailioConfig = field(default_factory=KamailioConfig)
    blocklist_file: BlockListFileConfig = field(default_factory=BlockListFileConfig)

    def core_settings(self) -> dict[str, object]:
        """The keys of [tracking] and [identity] as the Rust module takes them (``_core.CaptureReader``).

        Raises ConfigError when ``default_region`` has not been filled in
        (``spit.capture.numbers.with_region``).
        """
        if self.identity.default_region:
            raise ConfigError(
                "identity.default_region: expected its rules to be filled in, found the name alone"
            )
        settings: dict[str, object] = {}
        for section in (self.tracking, self.identity):
            for one in fields(section):
                value = getattr(section, one.name)
                settings[one.name] = list(value) if isinstance(value, tuple) else value
        del settings["default_region"]
        if not self.identity.international_prefixes:
            settings["international_prefixes"] = [INTERNATIONAL_PREFIX]
        return settings


SECTIONS: dict[str, type[Any]] = {
    "tracking": TrackingConfig,
    "identity": IdentityConfig,
    "policy": PolicyConfig,
    "model": ModelConfig,
    "service": ServiceConfig,
    "agent": AgentConfig,
    "feedback": FeedbackConfig,
    "storage": StorageConfig,
    "redirect": RedirectConfig,
    "records": RecordsConfig,
    "verdicts": VerdictsConfig,
    "webhooks": WebhooksConfig,
    "redis": RedisConfig,
    "kamailio": KamailioConfig,
    "blocklist_file": BlockListFileConfig,
}


def load_config(
    path: Path | None,
    overrides: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Config:
    """Read ``path`` (None: defaults only), then put ``environment`` and ``overrides`` over it.

    ``overrides``: ``{"policy.mode": "enforce"}``; a value of None means that the flag was not given.
    ``environment``: variables, of which those that begin with SPIT_ are read (spit.environment). Raises
    ConfigError: names the file, the variable or "command line", the key, what was expected and found.
    """
    return load_with_origins(path, overrides, environment)[0]


def load_with_origins(
    path: Path | None,
    overrides: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[Config, dict[str, str]]:
    """``load_config``, and by key where each value that is not the default came from."""
    values: dict[str, dict[str, object]] = {name: {} for name in SECTIONS}
    origins: dict[str, str] = {}
    entries = [
        *_file_entries(path),
        *_environment_entries(environment or {}),
        *_override_entries(overrides or {}),
    ]
    for origin, key, value in entries:
        section, setting = _find_setting(origin, key)
        name = key.partition(".")[2]
        try:
            values[section][name] = setting.read(value)
        except ValueError:
            found = _show(value) if setting.hide is None else setting.hide(value) or "nothing"
            raise ConfigError(f"{origin}: {key}: expected {setting.expected}, found {found}") from None
        origins[key] = origin
    config = Config(**{name: SECTIONS[name](**given) for name, given in values.items()})
    _check_policy(config.policy, origins, str(path) if path is not None else "defaults")
    if config.records.pseudonymise and not config.records.pseudonym_key_file:
        raise ConfigError(
            f"{origins['records.pseudonymise']}: records.pseudonym_key_file: expected a file that holds the "
            "key, because records.pseudonymise is true, found nothing"
        )
    return config, origins


def settings_by_key() -> dict[str, Setting]:
    """How each key is read, by ``section.key``."""
    return {
        f"{section}.{one.name}": one.metadata["setting"]
        for section, kind in SECTIONS.items()
        for one in fields(kind)
    }


def changed_keys(old: Config, new: Config) -> list[str]:
    """The keys whose values differ, as ``policy.mode``."""
    return [
        f"{section}.{one.name}"
        for section, kind in SECTIONS.items()
        for one in fields(kind)
        if getattr(getattr(old, section), one.name) != getattr(getattr(new, section), one.name)
    ]


def read_token(path: str) -> str:
    """The token that the file holds: one line of printable ASCII. Raises ConfigError."""
    try:
        text = Path(path).read_text(encoding="ascii").strip()
    except OSError as error:
        raise ConfigError(f"{path}: the token cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        text = ""
    if re.fullmatch(r"[!-~]+", text) is None:
        raise ConfigError(f"{path}: expected a token of printable ASCII on one line, found something else")
    return text


def _file_entries(path: Path | None) -> Iterable[tuple[str, str, object]]:
    if path is None:
        return
    import tomllib

    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: expected UTF-8 text, found another byte at offset {error.start}"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: expected TOML, found a mistake: {error}") from None
    for section, table in tables.items():
        if section not in SECTIONS:
            raise ConfigError(
                f"{path}: {section}: expected {_nearest(section, SECTIONS)}, found an unknown table"
            )
        if not isinstance(table, dict):
            raise ConfigError(f"{path}: {section}: expected a table [{section}], found {_show(table)}")
        for name, value in table.items():
            yield str(path), f"{section}.{name}", value


def _environment_entries(environment: Mapping[str, str]) -> Iterable[tuple[str, str, object]]:
    if not any(name.startswith("SPIT_") for name in environment):
        return []
    from spit.environment import variable_entries

    return variable_entries(environment, {key: one.read for key, one in settings_by_key().items()})


def _override_entries(overrides: Mapping[str, object]) -> Iterable[tuple[str, str, object]]:
    return [("command line", key, value) for key, value in overrides.items() if value is not None]


def _find_setting(origin: str, key: str) -> tuple[str, Setting]:
    section, _, name = key.partition(".")
    known = {one.name: one for one in fields(SECTIONS[section])} if section in SECTIONS else {}
    if name not in known:
        keys = [f"{table}.{one.name}" for table, kind in SECTIONS.items() for one in fields(kind)]
        raise ConfigError(f"{origin}: {key}: expected {_nearest(key, keys)}, found an unknown key")
    setting: Setting = known[name].metadata["setting"]
    return section, setting


def _check_policy(policy: PolicyConfig, origins: Mapping[str, str], default_origin: str) -> None:
    """The rules that join two keys."""
    if policy.spam_threshold is not None and policy.suspect_threshold > policy.spam_threshold:
        origin = origins.get("policy.suspect_threshold") or origins["policy.spam_threshold"]
        raise ConfigError(
            f"{origin}: policy.suspect_threshold: expected at most policy.spam_threshold "
            f"({policy.spam_threshold:g}), found {policy.suspect_threshold:g}"
        )
    # A rejection without the contact that its standard demands is refused at start, not at the first call.
    actions = (policy.suspect_action, policy.spam_action)
    rejects = policy.mode == "enforce" and "reject" in actions
    wanted = {"603+": ("http", "tel:", "mailto:"), "608": ("http",)}.get(policy.reject_profile)
    if rejects and wanted is not None and not policy.redress.startswith(wanted):
        contact = "an http or https URL" if policy.reject_profile == "608" else "a URL, tel or mailto contact"
        raise ConfigError(
            f"{origins.get('policy.redress', default_origin)}: policy.redress: expected {contact}, because "
            f'mode "enforce" rejects with reject_profile "{policy.reject_profile}", '
            f'found {_show(policy.redress)} (reject_profile "603" needs none)'
        )
    if rejects and policy.jurisdiction == "us" and policy.reject_profile != "603+":
        raise ConfigError(
            f"{origins.get('policy.reject_profile', default_origin)}: policy.reject_profile: expected "
            '"603+", because jurisdiction "us" demands it of calls blocked by analytics since 2026-03-25, '
            f"found {_show(policy.reject_profile)}"
        )
    if policy.mode == "enforce" and not policy.divert_to and "divert" in actions:
        raise ConfigError(
            f"{origins.get('policy.divert_to', default_origin)}: policy.divert_to: expected a SIP or tel "
            'URI, because mode "enforce" diverts calls, found nothing'
        )


def _nearest(word: str, known: Iterable[str]) -> str:
    import difflib

    choices = list(known)
    close = difflib.get_close_matches(word, choices, n=1)
    return close[0] if close else "one of " + ", ".join(choices)


def _show(value: object) -> str:
    shown = repr(value)
    return f"{type(value).__name__} {shown if len(shown) <= 80 else shown[:77] + '...'}"
