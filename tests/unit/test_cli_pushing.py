"""What the configuration names is opened, and a mistake in it is one clear line without secrets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from feature_events import ALICE, attempt, batch
from post_server import post_server
from rate_model import rate_model

from spit.cli.observers import open_verdicts
from spit.cli.pushing import open_push
from spit.config import Config, PolicyConfig, load_config
from spit.engine.engine import Engine
from spit.engine.observers import Observers
from spit.engine.pushing import VerdictPush
from spit.errors import ConfigError
from spit.export.prometheus import render
from spit.policy.policy import Policy

ENFORCE = PolicyConfig(mode="enforce", redress="tel:+1", suspect_threshold=0.0)


def opened(config: Config, policy: PolicyConfig = ENFORCE) -> tuple[VerdictPush, Engine]:
    observers = Observers(verdicts=open_verdicts(config))
    engine = Engine(rate_model("rate/1", 3.0), Policy(policy), observers=observers.all())
    return open_push(config, observers, engine, lambda: engine.now_us() or 0), engine


def written(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("redis.url", "http://127.0.0.1", "a URL such as"),
        ("redis.url", "redis://:word@127.0.0.1", "without a password"),
        ("redis.url", "unix://", "a URL such as"),
        ("redis.url", "redis://127.0.0.1?password=word", "without a password"),
        ("redis.prefix", "spit*", "letters, digits"),
        ("kamailio.url", "127.0.0.1:8090", "or a list of them"),
        ("kamailio.url", ["http://127.0.0.1:8090", 7], "or a list of them"),
        ("kamailio.table", "a=>b", "letters, digits"),
        ("webhooks.urls", ["https://user@example.net/"], "no user, query or fragment"),
        ("webhooks.urls", ["file:///etc/passwd"], "a list of URLs"),
    ],
)
def test_a_mistake_in_a_setting(key: str, value: object, expected: str) -> None:
    with pytest.raises(ConfigError, match=rf"^command line: {re.escape(key)}: expected .*{expected}"):
        load_config(None, {key: value})


def test_one_kamailio_or_several() -> None:
    one = load_config(None, {"kamailio.url": "http://127.0.0.1:8090/RPC"})
    several = load_config(None, {"kamailio.url": ["http://127.0.0.1:8090/RPC", "http://127.0.0.2:8090/RPC"]})
    assert one.kamailio.url == ("http://127.0.0.1:8090/RPC",)
    assert len(several.kamailio.url) == 2


def test_mistakes_that_the_start_finds(tmp_path: Path) -> None:
    hook: dict[str, object] = {"webhooks.urls": ["https://example.net/spit"]}
    short = written(tmp_path, "short", "secret\n")
    bad = written(tmp_path, "bad", "http://:word@127.0.0.1\n")
    cases: list[tuple[dict[str, object], str]] = [
        (hook, "webhooks.secret_file: expected a file with the secret"),
        (
            {**hook, "webhooks.secret_file": short},
            f"{short}: expected a secret of at least 16 characters, found 6",
        ),
        ({**hook, "webhooks.secret_file": str(tmp_path / "none")}, "the token cannot be read"),
        ({"redis.url": "redis://a", "redis.url_file": bad}, "redis.url_file: expected nothing"),
        (
            {"redis.url_file": bad},
            f"{bad}: expected a URL such as redis://:PASSWORD@127.0.0.1:6379/0, found so",
        ),
    ]
    for overrides, message in cases:
        with pytest.raises(ConfigError) as error:
            opened(load_config(None, overrides))
        assert message in str(error.value)
        assert "word@" not in str(error.value)


def test_what_engines_find_reaches_the_receivers_and_metrics(tmp_path: Path) -> None:
    secret = written(tmp_path, "secret", "0123456789abcdef\n")
    path = tmp_path / "block.csv"
    with post_server(lambda _: (200, b"", {})) as server:
        overrides: dict[str, object] = {
            "webhooks.urls": [server.url.rstrip("/")],
            "webhooks.secret_file": secret,
            "blocklist_file.path": str(path),
        }
        push, engine = opened(load_config(None, overrides))
        engine.observe(batch(*[attempt(at_s, ALICE, f"+4930{at_s:08}") for at_s in range(20)]))
        push.start()
        server.wait_for(1)
        assert push.stop(30)
    page = render(push.samples())
    assert b'"caller":"' + ALICE.encode() in server.requests[0][2]
    assert path.read_text().startswith("caller,action,expires\n")
    assert re.search(r"^spit_verdict_feed_changes_total [1-9]", page, re.MULTILINE)
    assert f'spit_push_up{{kind="webhook",target="{server.url.rstrip("/")}"}} 1' in page


def test_a_tick_brings_what_is_held_to_the_policy_and_the_time() -> None:
    config = Config()
    changes = open_verdicts(config)
    engine = Engine(rate_model("rate/1", 3.0), Policy(ENFORCE), observers=[changes])
    now_us = [0]
    push = open_push(config, Observers(verdicts=changes), engine, lambda: now_us[0])
    engine.observe(batch(*[attempt(at_s, ALICE, f"+4930{at_s:08}") for at_s in range(20)]))
    changes.drain()
    assert push.enforces()
    assert [one.standing.action.value for one in changes.feed.standing()] == ["reject"]
    engine.policy = Policy(PolicyConfig(suspect_threshold=0.0))
    push.tick()
    assert not push.enforces()
    assert [one.standing.action.value for one in changes.feed.standing()] == ["allow"]
    now_us[0] = (engine.now_us() or 0) + 301_000_000
    push.tick()
    assert changes.feed.standing() == []


def test_a_failing_tick_does_not_end_the_thread(caplog: pytest.LogCaptureFixture) -> None:
    config = Config()
    changes = open_verdicts(config)
    engine = Engine(rate_model("rate/1", 3.0), Policy(ENFORCE), observers=[changes])

    def now_us() -> int:
        raise RuntimeError("no time")

    push = open_push(config, Observers(verdicts=changes), engine, now_us)
    push.start()
    while not changes.feed.counters()["failures"]:
        changes.wake()
    engine.observe(batch(*[attempt(at_s, ALICE, f"+4930{at_s:08}") for at_s in range(20)]))
    while not changes.feed.standing():
        changes.wake()
    assert push.stop(30)
    assert "verdicts cannot be brought up to date" in [record.message for record in caplog.records]


def test_numbers_go_on_where_an_earlier_start_left_off() -> None:
    first, second = open_verdicts(Config()).feed.range()[0], open_verdicts(Config()).feed.range()[0]
    assert 1_700_000_000_000 < first <= second < 2**53


def test_lists_are_published_when_they_are_others(monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[list[object]] = []
    monkeypatch.setattr(VerdictPush, "publish_lists", lambda _, entries: published.append(list(entries)))
    push, _ = opened(Config())
    version = [1]
    entries: list[tuple[str, str, float | None]] = [("block", "+1", None)]
    push.follow_lists(lambda: version[0], lambda: iter(entries))
    push.tick()
    push.tick()
    entries.append(("allow", "+2", 1.0))
    version[0] = 2
    push.tick()
    assert published == [entries[:1], entries]


def test_without_redis_lists_go_nowhere() -> None:
    push, _ = opened(Config())
    push.publish_lists([("block", "+1", None)])
