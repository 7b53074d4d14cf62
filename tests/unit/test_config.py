"""The configuration names every mistake, and its documentation names every key."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from spit.config import ACTIONS, SECTIONS, Config, load_config
from spit.errors import ConfigError
from spit.records import ActionKind

DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"


def write(folder: Path, text: str) -> Path:
    path = folder / "spit.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_the_defaults_hold() -> None:
    assert load_config(None) == Config()
    assert Config().policy.mode == "monitor"
    assert Config().service.host == "127.0.0.1"


def test_every_default_satisfies_its_own_rule() -> None:
    for section, kind in SECTIONS.items():
        for one in fields(kind):
            value = one.metadata["setting"].read(one.default)
            assert value == one.default, f"{section}.{one.name}"
            assert type(value) is type(one.default)


def test_the_file_is_read(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        [tracking]
        max_calls = 10
        leg_join_window_s = 1
        [identity]
        trusted_peers = ["192.0.2.0/24", "2001:db8::/32"]
        [policy]
        allow = ["+4930*", "alice@example.org"]
        [service]
        port = 0
        """,
    )
    config = load_config(path)
    assert config.tracking.max_calls == 10
    assert config.tracking.leg_join_window_s == 1.0
    assert isinstance(config.tracking.leg_join_window_s, float)
    assert config.identity.trusted_peers == ("192.0.2.0/24", "2001:db8::/32")
    assert config.policy.allow == ("+4930*", "alice@example.org")
    assert config.service.port == 0
    assert config.model == Config().model


def test_flags_go_over_the_file_and_none_is_no_flag(tmp_path: Path) -> None:
    path = write(tmp_path, "[service]\nport = 1\nhost = '127.0.0.2'\n")
    config = load_config(path, {"service.port": 2, "service.host": None})
    assert (config.service.port, config.service.host) == (2, "127.0.0.2")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[policy]\nmood = 1", "policy.mood: expected policy.mode, found an unknown key"),
        ("[polices]\nmode = 'monitor'", "polices: expected policy, found an unknown table"),
        ("policy = 3", "policy: expected a table [policy], found int 3"),
        (
            "[policy]\nmode = 'block'",
            'policy.mode: expected one of "monitor", "enforce", found str \'block\'',
        ),
        ("[policy]\nmode = true", 'policy.mode: expected one of "monitor", "enforce", found bool True'),
        ("[service]\nport = 70000", "service.port: expected an integer from 0 to 65535, found int 70000"),
        ("[service]\nport = true", "service.port: expected an integer from 0 to 65535, found bool True"),
        ("[service]\nport = '80'", "service.port: expected an integer from 0 to 65535, found str '80'"),
        ("[service]\nallow_public = 1", "service.allow_public: expected true or false, found int 1"),
        ("[tracking]\nmax_calls = 0", "tracking.max_calls: expected an integer from 1"),
        ("[policy]\nspam_threshold = nan", "policy.spam_threshold: expected a number from 0 to 1, or"),
        ("[policy]\nspam_threshold = 1.5", "policy.spam_threshold: expected a number from 0 to 1, or"),
        ("[policy]\nblock = ['*']", "policy.block: expected a list of identities"),
        ("[policy]\nblock = ['+1*2']", "policy.block: expected a list of identities"),
        ("[policy]\nblock = '+1'", "policy.block: expected a list of identities"),
        ("[policy]\nallow = [1]", "policy.allow: expected a list of identities"),
        ("[policy]\nemergency_numbers = ['sos']", "policy.emergency_numbers: expected a list of numbers"),
        ("[policy]\nredress = 'https://a.example/\\r\\nX: y'", "policy.redress: expected a URL, tel"),
        ("[policy]\nredress = 'https://a.example/\";x=1'", "policy.redress: expected a URL, tel"),
        (
            "[identity]\ntrusted_peers = ['192.0.2.1/24']",
            "identity.trusted_peers: expected a list of networks",
        ),
        ("[identity]\ndefault_region = 'de'", "identity.default_region: expected a region of two letters"),
        ("[identity]\nnational_lengths = [0]", "identity.national_lengths: expected a list of numbers of"),
        ("[identity]\nnational_lengths = [true]", "identity.national_lengths: expected a list of numbers of"),
        ("[identity]\ninternational_prefixes = ['+']", "identity.international_prefixes: expected a list"),
        ("[identity]\ncountry_code = '+49'", "identity.country_code: expected a country code"),
        (
            "[policy]\nspam_threshold = 0.4",
            "policy.suspect_threshold: expected at most policy.spam_threshold",
        ),
        ("[policy]\nmode = 'enforce'", "policy.redress: expected a URL, tel or mailto contact, because"),
        ("[policy\n", "expected TOML, found a mistake"),
    ],
)
def test_a_mistake_names_file_key_expected_and_found(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        load_config(path)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


def test_a_wrong_flag_says_that_it_came_from_the_command_line() -> None:
    with pytest.raises(ConfigError, match=r"^command line: policy\.mode: expected one of"):
        load_config(None, {"policy.mode": "block"})
    with pytest.raises(ConfigError, match=r"^command line: mode: expected .*found an unknown key"):
        load_config(None, {"mode": "enforce"})


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_config(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"[policy]\n# \xe9\n")
    with pytest.raises(ConfigError, match="expected UTF-8 text, found another byte at offset 11"):
        load_config(tmp_path / "latin.toml")


@pytest.mark.parametrize(
    ("profile", "redress", "accepted"),
    [
        ("603+", "", False),
        ("603+", "https://example.net/blocked", True),
        ("603+", "tel:+12025550100", True),
        ("603+", "mailto:help@example.net", True),
        ("608", "tel:+12025550100", False),
        ("608", "https://example.net/card", True),
        ("607", "", True),
        ("603", "", True),
    ],
)
def test_enforcing_needs_the_contact_of_its_profile(profile: str, redress: str, accepted: bool) -> None:
    flags = {"policy.mode": "enforce", "policy.reject_profile": profile, "policy.redress": redress}
    if accepted:
        assert load_config(None, flags).policy.redress == redress
    else:
        with pytest.raises(ConfigError, match=r"policy\.redress: expected a"):
            load_config(None, flags)
    assert load_config(None, {**flags, "policy.mode": "monitor"}).policy.mode == "monitor"
    assert load_config(None, {**flags, "policy.spam_action": "drop"}).policy.spam_action == "drop"


def test_core_settings_hold_tracking_and_identity() -> None:
    settings = load_config(None, {"identity.trusted_peers": ["192.0.2.0/24"]}).core_settings()
    names = [one.name for section in ("tracking", "identity") for one in fields(SECTIONS[section])]
    names.remove("default_region")
    assert list(settings) == names
    assert settings["international_prefixes"] == ["00"]
    assert settings["trusted_peers"] == ["192.0.2.0/24"]
    assert settings["idle_limit_s"] == 14_400


def test_the_actions_are_those_of_the_records() -> None:
    assert tuple(kind.value for kind in ActionKind) == ACTIONS


def test_the_document_names_every_key_and_its_default() -> None:
    documented: dict[str, str] = {}
    section = ""
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"## `\[(\w+)\]`.*", line):
            section = heading.group(1)
        elif row := re.match(r"\| `(\w+)` \| `([^`]*)` \|", line):
            documented[f"{section}.{row.group(1)}"] = row.group(2)
    actual = {
        f"{section}.{one.name}": toml(one.default)
        for section, kind in SECTIONS.items()
        for one in fields(kind)
    }
    assert documented == actual


def toml(value: object) -> str:
    if value is None:
        return '""'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return "[" + ", ".join(toml(one) for one in value) + "]"
    return str(value)
