"""Verdicts and list entries as Redis keys with an expiry, and changes on a channel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from spit.enforce.mirror import Entry, TargetError
from spit.enforce.verdicts import CallerVerdict

#: Keys looked at or removed at once.
_SCANNED = 1_000
#: List entries live for so long without this process, and are written again after a quarter of it.
LISTS_TTL_S = 86_400


class RedisKeys:
    """The keys below ``prefix`` of the Redis at ``url``.

    ``PREFIX:verdict:CALLER`` holds the action as one word, ``PREFIX:detail:CALLER`` the verdict as JSON, both
    until they expire; ``PREFIX:list:KIND:PATTERN`` the kind of a list entry. Changes go to the channel
    ``PREFIX:verdicts``. ``now_us``: by the clock of the entries' expiry. Raises ImportError where the package
    redis is missing, ValueError for a bad URL.
    """

    def __init__(self, url: str, *, prefix: str, timeout_s: float, now_us: Callable[[], int]) -> None:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self._redis: Any = Redis.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),  # the mirror tries again, and knows when everything must be written
            decode_responses=True,
            protocol=2,
        )
        place = self._redis.connection_pool.connection_kwargs
        self.name = f"redis {place.get('path') or '{}:{}'.format(place.get('host'), place.get('port'))}"
        self.has_listeners = True
        self._prefix = prefix
        self._now_us = now_us
        self._run_id: object = None
        self._lock = threading.Lock()
        self._lists: dict[str, tuple[str, int | None]] = {}
        #: Keys of list entries that were written: their expiry, and when they were.
        self._published: dict[str, tuple[int | None, int]] = {}

    def publish_lists(self, entries: Iterable[tuple[str, str, float | None]]) -> None:
        """From now on these entries (kind, pattern, expiry in epoch seconds) are there, and no others."""
        wanted = {
            self._key("list", f"{kind}:{pattern}"): (kind, None if at_s is None else int(at_s * 1_000_000))
            for kind, pattern, at_s in entries
        }
        with self._lock:
            self._lists = wanted

    def connect(self) -> None:
        """Raises TargetError."""
        self._run_id = self._ask_run_id()
        # Redis may have lost them: they are written again, or removed where they are not wanted any more.
        self._published = {key: (expires_us, 0) for key, (expires_us, _) in self._published.items()}

    def clear(self) -> None:
        """Remove verdicts and lists, also those of an earlier run. Raises TargetError."""
        for part in ("verdict", "detail", "list"):
            pattern = f"{self._prefix}:{part}:*"
            found = self._ask(lambda pattern=pattern: list(self._redis.scan_iter(pattern, _SCANNED)))
            self._unlink(found)
        self._published.clear()

    def refresh(self, *, enforces: bool) -> None:
        """Bring the list entries up to date: none while nothing is enforced. Raises TargetError."""
        now_us = self._now_us()
        with self._lock:
            lists = self._lists if enforces else {}
        wanted = {key: one for key, one in lists.items() if one[1] is None or one[1] > now_us}
        self._unlink([key for key in self._published if key not in wanted])
        self._published = {key: said for key, said in self._published.items() if key in wanted}
        due = [
            key
            for key, (_, expires_us) in wanted.items()
            if (said := self._published.get(key)) is None
            or said[0] != expires_us
            or now_us - said[1] > LISTS_TTL_S * 1_000_000 // 4
        ]
        for start in range(0, len(due), _SCANNED):
            pipeline = self._redis.pipeline(transaction=False)
            for key in due[start : start + _SCANNED]:
                kind, expires_us = wanted[key]
                left_ms = LISTS_TTL_S * 1_000
                if expires_us is not None:
                    left_ms = min(left_ms, max((expires_us - now_us) // 1_000, 1))
                pipeline.set(key, kind, px=left_ms)
            self._ask(pipeline.execute)
            self._published.update((key, (wanted[key][1], now_us)) for key in due[start : start + _SCANNED])

    def write(self, entries: Sequence[Entry], gone: Sequence[str]) -> None:
        """One round trip for all. Raises TargetError."""
        pipeline = self._redis.pipeline(transaction=False)
        for entry in entries:
            verdict = entry.verdict
            pipeline.set(self._key("verdict", verdict.caller), verdict.standing.action.value, ex=entry.ttl_s)
            pipeline.set(self._key("detail", verdict.caller), verdict.to_json(), ex=entry.ttl_s)
        for caller in gone:
            pipeline.unlink(self._key("verdict", caller), self._key("detail", caller))
        self._ask(pipeline.execute)

    def tell(self, changes: Sequence[CallerVerdict]) -> None:
        """Publish them. Raises TargetError."""
        pipeline = self._redis.pipeline(transaction=False)
        for change in changes:
            pipeline.publish(f"{self._prefix}:verdicts", change.to_json())
        self._ask(pipeline.execute)

    def is_intact(self) -> bool:
        """False when Redis has started again. Raises TargetError."""
        return self._ask_run_id() == self._run_id

    def close(self) -> None:
        """The next command connects again."""
        self._redis.close()

    def _key(self, part: str, name: str) -> str:
        return f"{self._prefix}:{part}:{name}"

    def _unlink(self, keys: list[str]) -> None:
        for start in range(0, len(keys), _SCANNED):
            some = keys[start : start + _SCANNED]
            self._ask(lambda some=some: self._redis.unlink(*some))

    def _ask_run_id(self) -> object:
        return self._ask(lambda: self._redis.info("server")).get("run_id")

    def _ask(self, command: Any) -> Any:
        from redis.exceptions import RedisError

        try:
            return command()
        except (RedisError, OSError) as error:
            raise TargetError(str(error) or type(error).__name__) from None
