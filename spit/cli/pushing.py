"""The receivers of the verdict feed as the configuration names them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from spit.cli.observers import open_verdicts
from spit.config import Config, read_token
from spit.enforce.block_list import BlockListFile
from spit.enforce.kamailio import KamailioTable
from spit.enforce.mirror import Mirror, Target
from spit.enforce.receiver import Receiver
from spit.enforce.redis_keys import RedisKeys
from spit.enforce.webhook import Webhook
from spit.engine.engine import Engine
from spit.engine.observers import Observers
from spit.engine.pushing import ListedEntry, VerdictPush
from spit.errors import ConfigError, MissingExtraError
from spit.lists import ListEntry, ListKind
from spit.records import Mode

_MIN_SECRET = 16
#: Grey callers are refused once and may call back, which a list cannot tell; decoys are callees.
_PUBLISHED = frozenset({ListKind.ALLOW, ListKind.BLOCK, ListKind.DNO})


def open_push(config: Config, observers: Observers, engine: Engine, now_us: Callable[[], int]) -> VerdictPush:
    """The receivers of ``observers.verdicts``, not started. Raises ConfigError, MissingExtraError."""
    changes = observers.verdicts or open_verdicts(config)
    receivers: list[tuple[str, Receiver]] = []

    def mirror(kind: str, target: Target, *, ttl_s: int, max_queue: int) -> None:
        one = Mirror(
            target,
            standing=changes.feed.standing,
            now_us=now_us,
            enforces=lambda: engine.policy.mode is Mode.ENFORCE,
            ttl_s=ttl_s,
            max_queue=max_queue,
        )
        receivers.append((kind, one))

    secret = _webhook_secret(config)
    for url in config.webhooks.urls:
        webhook = Webhook(
            url, secret, max_queue=config.webhooks.max_queue, timeout_s=config.webhooks.timeout_s
        )
        receivers.append(("webhook", webhook))
    lists = _redis(config, now_us)
    if lists is not None:
        mirror("redis", lists, ttl_s=config.redis.ttl_s, max_queue=config.redis.max_queue)
    for url in config.kamailio.url:
        table = KamailioTable(url, config.kamailio.table, timeout_s=config.kamailio.timeout_s)
        mirror("kamailio", table, ttl_s=config.kamailio.ttl_s, max_queue=config.kamailio.max_queue)
    path = config.blocklist_file.path
    return VerdictPush(
        changes,
        engine,
        now_us=now_us,
        receivers=receivers,
        lists=lists,
        file=BlockListFile(Path(path)) if path else None,
        file_interval_s=config.blocklist_file.interval_s,
    )


def listed_for_all(entries: Iterable[ListEntry]) -> Iterator[ListedEntry]:
    """Those that say the same of a caller for every tenant and callee, as they are published."""
    for entry in entries:
        if not entry.tenant and not entry.callee and entry.kind in _PUBLISHED:
            expires_us = entry.expires_at_us
            yield entry.kind.value, entry.pattern, None if expires_us is None else expires_us / 1e6


def _webhook_secret(config: Config) -> bytes:
    if not config.webhooks.urls:
        return b""
    if not config.webhooks.secret_file:
        raise ConfigError(
            "webhooks.secret_file: expected a file with the secret that signs what webhooks.urls get, "
            "found nothing"
        )
    secret = read_token(config.webhooks.secret_file)
    if len(secret) < _MIN_SECRET:
        raise ConfigError(
            f"{config.webhooks.secret_file}: expected a secret of at least {_MIN_SECRET} characters, "
            f"found {len(secret)}"
        )
    return secret.encode()


def _redis(config: Config, now_us: Callable[[], int]) -> RedisKeys | None:
    settings = config.redis
    if settings.url and settings.url_file:
        raise ConfigError("redis.url_file: expected nothing, because redis.url is set, found both")
    if not settings.url and not settings.url_file:
        return None
    url = settings.url or read_token(settings.url_file)
    try:
        return RedisKeys(url, prefix=settings.prefix, timeout_s=settings.timeout_s, now_us=now_us)
    except ImportError as error:
        raise MissingExtraError("serve", "redis", error.name or "redis") from None
    except ValueError:  # its words may hold the URL, and that its password
        place = settings.url_file or "redis.url"
        raise ConfigError(
            f"{place}: expected a URL such as redis://:PASSWORD@127.0.0.1:6379/0, found something else"
        ) from None
