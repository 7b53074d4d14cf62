"""``spit serve`` keeps strangers out, and keeps serving when files that it reads again are damaged."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_live_reader import FakeLiveReader
from running_command import Heard, fake_capture, run_command, wait_until

from spit.cli import main
from spit.service.keyring import hash_key

QUESTION = "/v1/score?caller=%2B12025550199&callee=%2B4930123456"
MODEL = Path(__file__).parents[2] / "models" / "baseline" / "5"


@pytest.fixture(autouse=True)
def fake_core(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with fake_capture(monkeypatch):
        yield


@pytest.fixture
def heard(capsys: pytest.CaptureFixture[str]) -> Heard:
    return Heard(capsys)


def port_of(heard: Heard) -> int:
    wait_until(lambda: "startup complete" in heard.text())
    found = re.search(r"Listening on http://127\.0\.0\.1:(\d+)", heard.text())
    assert found is not None
    return int(found[1])


def ask(port: int, path: str, key: str = "") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"X-API-Key": key} if key else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def write_keys(path: Path, *names: str) -> None:
    rows = [{"name": name, "scopes": ["admin"], "hash": hash_key(f"key-{name}")} for name in names]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_sighup_reads_keys_again_and_keeps_them_when_they_are_damaged(tmp_path: Path, heard: Heard) -> None:
    keys, config = tmp_path / "keys", tmp_path / "spit.toml"
    write_keys(keys, "first")
    config.write_text(f'[service]\nport = 0\nkeys_file = "{keys}"\n')

    def meanwhile(_reader: FakeLiveReader) -> None:
        port = port_of(heard)

        def statuses() -> list[int]:
            return [ask(port, QUESTION, key)[0] for key in ("", "key-first", "key-second")]

        assert statuses() == [401, 200, 401]
        write_keys(keys, "second")
        os.kill(os.getpid(), signal.SIGHUP)
        wait_until(lambda: "configuration read again" in heard.text())
        assert statuses() == [401, 401, 200]
        keys.write_text('{"name": "key-second"')
        os.kill(os.getpid(), signal.SIGHUP)
        wait_until(lambda: "configuration kept as it was" in heard.text())
        assert statuses() == [401, 401, 200]
        assert ask(port, "/healthz")[0] == 200

    assert run_command("serve", "--interface", "e", "--config", str(config), meanwhile=meanwhile) == 0
    assert "key-second" not in heard.text()


def test_a_model_that_is_damaged_while_it_serves_harms_nobody(tmp_path: Path, heard: Heard) -> None:
    model, config = tmp_path / "model", tmp_path / "spit.toml"
    shutil.copytree(MODEL, model)
    config.write_text(f'[service]\nport = 0\nscore_budget_ms = 60000\n[model]\npath = "{model}"\n')

    def meanwhile(_reader: FakeLiveReader) -> None:
        port = port_of(heard)
        for file in model.iterdir():
            file.write_bytes(b"\x00damaged")
        config.write_text(
            f'[service]\nport = 0\nscore_budget_ms = 60000\n[model]\npath = "{model}"\n[policy]\nttl_s = 7\n'
        )
        os.kill(os.getpid(), signal.SIGHUP)
        wait_until(lambda: "configuration read again; changed: policy.ttl_s" in heard.text())
        status, text = ask(port, QUESTION)
        assert (status, json.loads(text)["ttl_s"], json.loads(text)["degraded"]) == (200, 7, False)

    flags = ["serve", "--interface", "e", "--config", str(config)]
    assert run_command(*flags, meanwhile=meanwhile) == 0
    # The restart says what is wrong instead of serving without a model.
    assert main(flags) == 1
    (line,) = [line for line in heard.text().splitlines() if line.startswith("spit: ")]
    assert str(model) in line
    assert "Traceback" not in heard.text()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('host = "0.0.0.0"', "service.host: expected a loopback address"),
        ('host = "0.0.0.0"\nallow_public = true', "service.keys_file: expected a file of API keys"),
        ('keys_file = "/nowhere/keys"', "/nowhere/keys: the keys cannot be read: No such file"),
        (
            'tls_certificate = "/nowhere/c.pem"\ntls_key = "/nowhere/k.pem"',
            "cannot use /nowhere/c.pem: No such",
        ),
        ('tls_key = "/nowhere/k.pem"', "service.tls_key: expected service.tls_certificate with it"),
    ],
)
def test_what_would_let_anybody_in_is_one_line_at_the_start(
    settings: str, words: str, tmp_path: Path, heard: Heard
) -> None:
    config = tmp_path / "spit.toml"
    config.write_text(f"[service]\nport = 0\n{settings}\n")
    assert main(["serve", "--config", str(config)]) == 1
    lines = heard.text().splitlines()
    assert len([line for line in lines if line.startswith("spit: ")]) == 1
    assert words in lines[-1]


def test_log_lines_as_json(tmp_path: Path, heard: Heard) -> None:
    config = tmp_path / "spit.toml"
    config.write_text('[service]\nport = 0\nlog_format = "json"\n')

    def meanwhile(_reader: FakeLiveReader) -> None:
        port = port_of(heard)
        assert ask(port, "/v1/callers/x")[0] == 404
        wait_until(lambda: "/v1/callers/{id}" in heard.text())

    assert run_command("serve", "--interface", "e", "--config", str(config), meanwhile=meanwhile) == 0
    lines = [json.loads(line) for line in heard.text().splitlines()]
    (access,) = [line for line in lines if line["logger"] == "spit.access"]
    assert (access["route"], access["status"]) == ("/v1/callers/{id}", 404)
    assert re.fullmatch("[0-9a-f]{16}", access["request_id"])
