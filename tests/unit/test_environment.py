"""Environment variables over the file, under the flags."""

from __future__ import annotations

from pathlib import Path

import pytest

from spit.config import load_config, load_with_origins, settings_by_key
from spit.environment import variable_of
from spit.errors import ConfigError


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("SPIT_SERVICE_PORT", "8061", 8061),
        ("SPIT_SERVICE_HOST", "::1", "::1"),
        ("SPIT_SERVICE_ALLOW_PUBLIC", "true", True),
        ("SPIT_TRACKING_LEG_JOIN_WINDOW_S", "3", 3.0),
        ("SPIT_POLICY_SPAM_THRESHOLD", "", None),
        ("SPIT_POLICY_SPAM_THRESHOLD", "0.8", 0.8),
        ("SPIT_POLICY_ALLOW", "+1202*, bob@example.org", ("+1202*", "bob@example.org")),
        ("SPIT_POLICY_ALLOW", '["+1202*"]', ("+1202*",)),
        ("SPIT_POLICY_ALLOW", "", ()),
        ("SPIT_IDENTITY_NATIONAL_LENGTHS", "9,10", (9, 10)),
        ("SPIT_IDENTITY_INTERNATIONAL_PREFIXES", "00,011", ("00", "011")),
        ("SPIT_IDENTITY_COUNTRY_CODE", "49", "49"),
    ],
)
def test_a_variable_is_read_as_its_setting_wants_it(variable: str, text: str, value: object) -> None:
    config, origins = load_with_origins(None, None, {variable: text, "HOME": "/", "SPIT_MODEL": "m"})
    (key,) = origins
    section, _, name = key.partition(".")
    assert getattr(getattr(config, section), name) == value
    assert origins == {key: f"environment variable {variable}"}


def test_flags_go_over_variables_and_these_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "spit.toml"
    path.write_text("[service]\nport = 1\nhost = '::1'\ndrain_s = 3\n")
    environment = {"SPIT_SERVICE_PORT": "2", "SPIT_SERVICE_DRAIN_S": "4"}
    config, origins = load_with_origins(path, {"service.port": 5}, environment)
    assert (config.service.port, config.service.drain_s, config.service.host) == (5, 4, "::1")
    assert origins == {
        "service.port": "command line",
        "service.drain_s": "environment variable SPIT_SERVICE_DRAIN_S",
        "service.host": str(path),
    }


def test_no_two_settings_have_the_same_variable() -> None:
    assert len({variable_of(key) for key in settings_by_key()}) == len(settings_by_key())


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("SPIT_SERVICE_PORT", "tcp://10.0.0.1:8060", "SPIT_SERVICE_PORT: service.port: expected an integer"),
        (
            "SPIT_SERVICE_PROT",
            "1",
            "SPIT_SERVICE_PROT: expected SPIT_SERVICE_PORT, found an unknown variable",
        ),
        ("SPIT_SERVICE_PORT", "1\nhost = 2", "service.port: expected an integer"),
        ("SPIT_TRACKING_HEP_AUTH_KEY", "a s3cret", "expected up to 128 printable characters without spaces"),
        ("SPIT_STORAGE_URL", "mysql://u:s3cret@h/d", "storage.url: expected a path"),
        ("SPIT_STORAGE_URL", "postgresql://u:s3cr@et:x@h/d b", "storage.url: expected a path"),
    ],
)
def test_a_mistake_names_the_variable_and_hides_secrets(variable: str, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(None, None, {variable: text})
    assert message in str(caught.value)
    assert "s3cr" not in str(caught.value)


def test_a_configuration_that_is_logged_tells_no_secret() -> None:
    environment = {"SPIT_STORAGE_URL": "postgresql://u:s3cret@h/d", "SPIT_TRACKING_HEP_AUTH_KEY": "s3cret"}
    assert "s3cret" not in repr(load_config(None, None, environment))
