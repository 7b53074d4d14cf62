"""``spit lists``, ``spit keys`` and ``spit config``."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from spit.cli import main


class Spit:
    """Runs commands on one database."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.database = folder / "c.db"
        self._capsys = capsys

    def __call__(self, *argv: str, status: int = 0) -> str:
        storage = [] if argv[0] == "config" else ["--storage", str(self.database)]
        assert main([*argv, *storage]) == status
        said = self._capsys.readouterr()
        self.errors = said.err
        return said.out

    def rows(self, *argv: str) -> list[dict[str, object]]:
        return [json.loads(line) for line in self(*argv, "--format", "jsonl").splitlines()]


@pytest.fixture
def spit(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Spit:
    monkeypatch.setenv("LOGNAME", "anna")
    return Spit(tmp_path, capsys)


def test_entries_are_added_listed_and_removed(spit: Spit) -> None:
    assert (
        spit("lists", "add", "block", "sip:+12025550100@example.org", "--reason", "noise", "--expires", "30d")
        == "1\n"
    )
    assert spit("lists", "add", "grey", "+1303*", "--tenant", "a", "--callback-delay-s", "5") == "2\n"
    first, second = spit.rows("lists", "list")
    assert (first["pattern"], first["reason"], first["author"]) == ("+12025550100", "noise", "user anna")
    assert float(str(first["expires_at"])) - float(str(first["created_at"])) == pytest.approx(30 * 86_400)
    assert (second["callback_delay_s"], second["callback_window_s"]) == (5, 14_400)
    assert [row["id"] for row in spit.rows("lists", "list", "--tenant", "")] == [1]
    assert [row["id"] for row in spit.rows("lists", "list", "--kind", "grey")] == [2]
    assert "+12025550100" in spit("lists", "list", "--format", "table")
    spit("lists", "remove", "1", "7", status=1)
    assert spit.errors == "spit: there is no entry 7\n"
    assert [row["id"] for row in spit.rows("lists", "list")] == [2]
    audit = spit.rows("lists", "audit")
    assert [(row["actor"], row["action"], row["object_id"]) for row in audit] == [
        ("user anna", "remove", "1"),
        ("user anna", "create", "2"),
        ("user anna", "create", "1"),
    ]
    assert len(spit.rows("lists", "audit", "--limit", "1")) == 1


@pytest.mark.parametrize(
    ("argv", "status", "words"),
    [
        (("consent", "*"), 1, "callee: expected who consents to the calls, found nothing"),
        (("block", "+1", "--expires", "2020-01-01T00:00:00Z"), 2, "expected a time in the future"),
        (("block", "+1", "--expires", "soon"), 2, "expected 30d, 12h, 45m, epoch seconds"),
        (("grey", "+1", "--callback-delay-s", "0"), 1, "callback_delay_s: expected whole seconds from 1"),
    ],
)
def test_a_mistake_is_one_line(argv: tuple[str, ...], status: int, words: str, spit: Spit) -> None:
    assert spit("lists", "add", *argv, status=status) == ""
    assert words in spit.errors
    assert spit.errors.count("\n") == 1
    assert spit.rows("lists", "list") == []


def test_a_second_entry_is_refused(spit: Spit) -> None:
    spit("lists", "add", "block", "+12025550100")
    spit("lists", "add", "block", "+12025550100", status=1)
    assert spit.errors == "spit: entry 1 is of the same kind, tenant, pattern and callee\n"


@pytest.mark.parametrize("format_", ["csv", "json"])
def test_a_file_goes_out_and_in_again(format_: str, spit: Spit, tmp_path: Path) -> None:
    spit("lists", "add", "block", "+12025550100", "--reason", 'so, "quoted"')
    spit("lists", "add", "allow", "+1202*", "--callee", "+4930*")
    before = spit.rows("lists", "list")
    file = tmp_path / f"lists.{format_}"
    spit("lists", "export", "--format", format_, "--output", str(file))
    spit("lists", "import", str(file))
    assert spit.errors.endswith("0 added, 0 changed, 2 unchanged\n")
    spit("lists", "remove", "1", "2")
    spit("lists", "import", str(file))
    after = spit.rows("lists", "list")
    assert [{**row, "id": 0} for row in after] == [{**row, "id": 0} for row in before]


def test_a_file_with_mistakes_is_not_imported(spit: Spit, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("kind,pattern\nblock,+1\nblok,+2\nallow,\n")
    spit("lists", "import", str(file), status=1)
    assert spit.errors.splitlines() == [
        f"spit: {file}: line 3, kind: expected one of allow, consent, dno, block, grey, decoy, found blok",
        f"spit: {file}: line 4, pattern: expected a value, found nothing",
        f"spit: {file}: nothing was imported",
    ]
    assert spit.rows("lists", "list") == []
    spit("lists", "import", str(tmp_path / "none.csv"), status=1)
    assert "none.csv: No such file or directory" in spit.errors


def test_keys_are_told_once_and_can_be_revoked(spit: Spit) -> None:
    told = spit("keys", "create", "edge", "--scope", "score", "--scope", "events", "--expires", "90d").strip()
    assert "it is not shown again" in spit.errors
    (row,) = spit.rows("keys", "list")
    assert (row["name"], row["scopes"], row["state"], row["last4"]) == (
        "edge",
        "score,events",
        "good",
        told[-4:],
    )
    everything = json.dumps(row) + json.dumps(spit.rows("lists", "audit"))
    assert told[18:] not in everything
    assert told.encode()[18:] not in spit.database.read_bytes()
    spit("keys", "revoke", str(row["id"]))
    assert spit.rows("keys", "list")[0]["state"] == "revoked"
    spit("keys", "revoke", "nobody", status=1)
    assert spit.errors == "spit: there is no key nobody\n"


def test_without_a_database_it_says_where_to_name_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lists", "list"]) == 1
    assert "storage.url: expected a control database, found none" in capsys.readouterr().err


def test_the_database_can_stand_in_the_file_and_in_the_environment(
    spit: Spit, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spit("lists", "add", "block", "+1")
    file = tmp_path / "spit.toml"
    file.write_text(f"[storage]\nurl = '{spit.database}'\n")
    assert main(["lists", "export", "--config", str(file)]) == 0
    from_file = capsys.readouterr().out
    assert len(list(csv.DictReader(io.StringIO(from_file)))) == 1
    monkeypatch.setenv("SPIT_STORAGE_URL", f"sqlite:///{spit.database}")
    assert main(["lists", "export"]) == 0
    assert capsys.readouterr().out == from_file


def test_config_check(spit: Spit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "spit.toml"
    file.write_text("[service]\nport = 1\n")
    assert spit("config", "check", str(file)) == f"{file}: sound\n"
    file.write_text("[service]\nport = -1\n")
    spit("config", "check", str(file), status=1)
    assert spit.errors == f"spit: {file}: service.port: expected an integer from 0 to 65535, found int -1\n"
    monkeypatch.setenv("SPIT_POLICY_MODE", "block")
    spit("config", "check", status=1)
    assert 'environment variable SPIT_POLICY_MODE: policy.mode: expected one of "monitor"' in spit.errors


def test_config_show_says_where_each_value_came_from(
    spit: Spit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tomllib

    file = tmp_path / "spit.toml"
    file.write_text("[service]\nport = 1\n[tracking]\nhep_auth_key = 's3cret'\n")
    monkeypatch.setenv("SPIT_STORAGE_URL", "postgresql://u:s3cret@h/d")
    shown = spit("config", "show", "--config", str(file), "--set", "policy.allow=+1202*,bob@x")
    assert "s3cret" not in shown
    values = tomllib.loads(shown)
    assert values["tracking"]["hep_auth_key"] == "***"
    assert values["policy"]["allow"] == ["+1202*", "bob@x"]
    assert values["policy"]["spam_threshold"] == ""
    assert f"port = 1  # {file}\n" in shown
    assert 'url = "postgresql://u:***@h/d"  # environment variable SPIT_STORAGE_URL\n' in shown
    assert 'host = "127.0.0.1"  # default\n' in shown
    assert "# command line\n" in shown
    changed = spit("config", "show", "--config", str(file), "--changed", "--format", "json")
    assert {json.loads(line)["key"] for line in changed.splitlines()} == {
        "service.port",
        "tracking.hep_auth_key",
        "storage.url",
    }
    spit("config", "show", "--set", "service.prot=1", status=2)
    assert "expected KEY=VALUE with a key such as service.port, found service.prot=1" in spit.errors
