"""Where changes of verdict are pushed: [verdicts], [webhooks], [redis], [kamailio], [blocklist_file]."""

from __future__ import annotations

from dataclasses import dataclass

from spit.config.addresses import read_redis, read_url, read_urls
from spit.config.fields import PATH, integer_field, number_field, setting_field, text_field, texts_field


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictsConfig:
    """[verdicts]: how many changes of verdict are kept, and who may listen."""

    history: int = integer_field(10_000, 100, 1_000_000)
    max_callers: int = integer_field(100_000, 1_000, 10_000_000)
    max_streams: int = integer_field(20, 0, 1_000)
    heartbeat_s: float = number_field(15.0, 0.1, 3_600, " of seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhooksConfig:
    """[webhooks]: URLs that changes of verdict are posted to, signed."""

    urls: tuple[str, ...] = texts_field(
        (), read_url, 'a list of URLs such as "https://noc.example.net/spit" (no user, query or fragment)'
    )
    secret_file: str = text_field("", PATH, 'a file that holds the secret of the signatures, or ""')
    max_queue: int = integer_field(10_000, 1, 1_000_000)
    timeout_s: float = number_field(5.0, 0.1, 60, " of seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisConfig:
    """[redis]: where verdicts and lists are published as keys with an expiry."""

    url: str = setting_field(
        "",
        read_redis,
        'a URL such as "redis://127.0.0.1:6379/0" without a password (url_file takes one), or ""',
    )
    url_file: str = text_field("", PATH, 'a file that holds the URL, with its password, or ""')
    prefix: str = text_field("spit", r"[0-9A-Za-z_.:-]{1,64}", "1 to 64 letters, digits and _ . : -")
    ttl_s: int = integer_field(0, 0, 7 * 86_400)
    max_queue: int = integer_field(10_000, 1, 1_000_000)
    timeout_s: float = number_field(2.0, 0.1, 60, " of seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class KamailioConfig:
    """[kamailio]: the htables that verdicts are written to by JSON-RPC."""

    url: tuple[str, ...] = setting_field(
        (),
        read_urls,
        'a URL such as "http://127.0.0.1:8090/RPC" (no user, query or fragment), or a list of them',
    )
    table: str = text_field("spit", r"[0-9A-Za-z_]{1,64}", "1 to 64 letters, digits and _")
    ttl_s: int = integer_field(0, 0, 7 * 86_400)
    max_queue: int = integer_field(10_000, 1, 1_000_000)
    timeout_s: float = number_field(2.0, 0.1, 60, " of seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockListFileConfig:
    """[blocklist_file]: a file with the callers to block now."""

    path: str = text_field("", PATH, 'a file, or ""')
    interval_s: int = integer_field(60, 1, 86_400)
