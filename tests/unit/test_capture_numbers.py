"""Numbers of a region become E.164 in the Rust core as phonenumbers would make them."""

from __future__ import annotations

import re
from pathlib import Path

import phonenumbers
import pytest
from phonenumbers import PhoneMetadata, PhoneNumberFormat, PhoneNumberType

from spit._core import canonical_identity
from spit.capture.numbers import MAX_PREFIXES, region_rules, with_region
from spit.cli.settings import capture_settings
from spit.config import Config, IdentityConfig
from spit.errors import ConfigError

REGIONS = ["DE", "GB", "US", "FR", "IT", "RU", "AU", "BR", "IN", "JP"]

#: National spellings that are not completed as phonenumbers does it, and why.
KNOWN_EXCEPTIONS = {
    "011 15-2345-6789": "AR: the 15 of mobile numbers stands in their middle and becomes a 9 at their front",
    "8 0152 45-09-11": "BY: the prefix is 8, and an area code may be written with a 0 of its own",
    "8 029 491-19-11": "BY: the same",
}

#: Shorter ones are extensions and service codes far more often than numbers without a country code.
MIN_NUMBER_DIGITS = 7


def settings_of(region: str) -> dict[str, object]:
    return with_region(Config(identity=IdentityConfig(default_region=region)), "test").core_settings()


def examples(region: str) -> list[phonenumbers.PhoneNumber]:
    kinds = (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE)
    found = [phonenumbers.example_number_for_type(region, kind) for kind in kinds]
    return [number for number in found if number is not None]


@pytest.mark.parametrize("region", REGIONS)
def test_fixed_and_mobile_numbers_in_every_spelling(region: str) -> None:
    settings = settings_of(region)
    metadata = PhoneMetadata.metadata_for_region(region)
    assert metadata is not None
    numbers = examples(region)
    assert len(numbers) == 2
    for number in numbers:
        e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
        significant = phonenumbers.national_significant_number(number)
        spellings = [
            f"sip:{e164}@h",
            f"tel:{phonenumbers.format_number(number, PhoneNumberFormat.RFC3966).removeprefix('tel:')}",
            national,
            f"sip:{significant}@h",
            f"sip:{re.sub('[^0-9]', '', national)}@h;user=phone",
            f"sip:{metadata.national_prefix or ''}{significant}@h",
        ]
        spellings += [
            f"sip:{prefix}{e164[1:]}@h"
            for prefix in settings["international_prefixes"]  # type: ignore[attr-defined]
        ]
        for spelling in spellings:
            assert canonical_identity(spelling, settings) == e164, spelling


def test_national_spellings_of_every_region() -> None:
    exceptions = set()
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        settings = settings_of(region)
        for number in examples(region):
            e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
            national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
            if len(re.sub("[^0-9]", "", national)) < MIN_NUMBER_DIGITS:
                assert canonical_identity(national, settings) == re.sub("[^0-9]", "", national)
            elif canonical_identity(national, settings) != e164:
                exceptions.add(national)
    assert exceptions == set(KNOWN_EXCEPTIONS)


@pytest.mark.parametrize("region", ["US", "FR", "RU"])
def test_a_country_code_without_plus_is_known_where_lengths_tell(region: str) -> None:
    for number in examples(region):
        e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        assert canonical_identity(f"sip:{e164[1:]}@h", settings_of(region)) == e164


def test_every_region_has_rules_that_phonenumbers_confirms() -> None:
    assert len(phonenumbers.SUPPORTED_REGIONS) > 200
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        rules = region_rules(region)
        assert rules is not None
        assert 1 <= len(rules.international_prefixes) <= MAX_PREFIXES, region
        metadata = PhoneMetadata.metadata_for_region(region)
        assert metadata is not None
        pattern = re.compile(str(metadata.international_prefix))
        assert all(pattern.fullmatch(prefix) for prefix in rules.international_prefixes), region
        assert rules.country_code == str(phonenumbers.country_code_for_region(region))
        assert rules.national_lengths


@pytest.mark.parametrize(
    ("region", "prefixes"),
    [("DE", ["00"]), ("US", ["011"]), ("JP", ["010"]), ("RU", ["810"]), ("HK", ["00", "001", "0030"])],
)
def test_international_prefixes_are_spelled_out(region: str, prefixes: list[str]) -> None:
    rules = region_rules(region)
    assert rules is not None
    assert set(prefixes) <= set(rules.international_prefixes)
    assert ("0011" in rules.international_prefixes) == (region == "AU")


def test_keys_that_are_set_go_before_the_region() -> None:
    identity = IdentityConfig(
        default_region="US", international_prefixes=("00",), national_prefix="9", national_lengths=(7,)
    )
    settings = with_region(Config(identity=identity), "test").core_settings()
    assert settings["country_code"] == "1"
    assert (settings["international_prefixes"], settings["national_prefix"]) == (["00"], "9")
    assert settings["national_lengths"] == [7]
    other_country = IdentityConfig(default_region="US", country_code="49")
    settings = with_region(Config(identity=other_country), "test").core_settings()
    assert (settings["country_code"], settings["national_prefix"]) == ("49", "")
    assert settings["national_lengths"] == []


def test_the_configuration_file_names_the_region(tmp_path: Path) -> None:
    path = tmp_path / "spit.toml"
    path.write_text('[identity]\ndefault_region = "DE"\n')
    assert canonical_identity("sip:030123456@h", capture_settings(str(path))) == "+4930123456"
    path.write_text('[identity]\ndefault_region = "ZZ"\n')
    with pytest.raises(ConfigError, match=r'spit\.toml: identity\.default_region: expected .*found "ZZ"'):
        capture_settings(str(path))


def test_a_region_whose_rules_are_not_filled_in_is_no_silent_default() -> None:
    with pytest.raises(ConfigError, match=r"identity\.default_region: expected its rules"):
        Config(identity=IdentityConfig(default_region="DE")).core_settings()


def test_short_numbers_stay_what_they_are() -> None:
    assert canonical_identity("tel:4930", settings_of("DE")) == "4930"
    assert canonical_identity("sip:110@h;user=phone", settings_of("DE")) == "110"
