"""The checks of settings: a bad value is a sentence, from wherever it comes."""

from __future__ import annotations

import pytest

from darvaz.gateway.setting_sources import load_settings
from darvaz.gateway.settings import Settings, SettingsError, describe, hints
from darvaz.protocol.codec import MessageCodec


def test_the_defaults_are_the_numbers_of_the_schema() -> None:
    numbers = MessageCodec().numbers
    defaults = Settings()

    for name in ("heartbeat_s", "idle_timeout_s", "auth_deadline_s"):
        assert getattr(defaults, name) == numbers[name]


def test_every_setting_has_a_description() -> None:
    for name, hint in hints().items():
        assert describe(hint).endswith("."), name


@pytest.mark.parametrize("word", ["true", "1", "yes", "ON"])
def test_truth_values_have_several_words(word: str) -> None:
    assert load_settings({"localhost_without_token": word}, {}).settings.localhost_without_token is True


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("port", "65536", "--port=65536: expected a whole number from 0 up to 65535"),
        ("heartbeat_s", "0", "--heartbeat-s=0: expected a number above 0 up to 86400"),
        ("links_max", "0", "--links-max=0: expected a whole number from 1 up to 1000000"),
        ("log_level", "loud", "--log-level=loud: expected one of debug, info, warning, error"),
    ],
)
def test_the_error_of_an_invalid_value_names_it_and_what_is_expected(name: str, value: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({name: value}, {})

    assert str(refused.value) == sentence


def test_the_error_of_an_invalid_variable_names_the_variable() -> None:
    with pytest.raises(SettingsError, match="DARVAZ_PORT=many"):
        load_settings({}, {"DARVAZ_PORT": "many"})


def test_a_list_is_split_at_commas() -> None:
    settings = load_settings({"allowed_hosts": "a.example, b.example ,"}, {}).settings

    assert settings.listed("allowed_hosts") == ("a.example", "b.example")


@pytest.mark.parametrize(
    ("name", "value", "part", "right"),
    [
        ("trusted_proxies", "*", "*", "an IP address or a network"),
        ("trusted_proxies", "127.0.0.1, proxy.example", "proxy.example", "an IP address or a network"),
        ("trusted_proxies", "192.168.1.7/24", "192.168.1.7/24", "an IP address or a network"),
        ("allowed_origins", "boards.example.org", "boards.example.org", "an origin such as https://"),
        ("allowed_origins", "*", "*", "an origin such as https://"),
        ("allowed_hosts", "https://boards.example.org", "https://boards.example.org", "without scheme"),
    ],
)
def test_a_part_of_a_list_that_would_match_nothing_or_everything_is_refused(
    name: str, value: str, part: str, right: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({name: value}, {})

    assert f"={value}: {part!r} is not a" in str(refused.value)
    assert right in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trusted_proxies", "127.0.0.1, ::1, 10.0.0.0/8"),
        ("allowed_origins", "https://boards.example.org, http://192.168.1.5:8080/"),
        ("allowed_hosts", "boards.example.org, boards.example.org:8443"),
        ("allowed_hosts", ""),
    ],
)
def test_a_valid_list_is_accepted(name: str, value: str) -> None:
    assert getattr(load_settings({name: value}, {}).settings, name) == value
