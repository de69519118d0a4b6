"""How the doctor parses addresses and tokens, and shows foreign text."""

from __future__ import annotations

import pytest

from darvaz.doctor import TargetError, parse_target
from darvaz.doctor.finding import quoted
from darvaz.doctor.token_steps import SourcedToken, find_mistake

SECRET = "dvz_0123456789_aVerySecretSecret"


@pytest.mark.parametrize(
    ("text", "ws_url"),
    [
        ("192.168.1.10:3000", "ws://192.168.1.10:3000/ws/pico"),
        ("192.168.1.10", "ws://192.168.1.10:3000/ws/pico"),
        ("http://gate.local:8080", "ws://gate.local:8080/ws/pico"),
        ("http://gate.local:8080/", "ws://gate.local:8080/ws/pico"),
        ("ws://10.0.0.1:3000/ws/pico", "ws://10.0.0.1:3000/ws/pico"),
        ("ws://10.0.0.1:3000/ws/esp32cam", "ws://10.0.0.1:3000/ws/esp32cam"),
        ("https://example.org", "wss://example.org:443/ws/pico"),
        ("wss://example.org:8443/ws/pico", "wss://example.org:8443/ws/pico"),
        ("[::1]:3000", "ws://[::1]:3000/ws/pico"),
        ("https://example.org/darvaz/", "wss://example.org:443/darvaz/ws/pico"),
        ("ws://10.0.0.1/a/b/ws/esp32cam", "ws://10.0.0.1:3000/a/b/ws/esp32cam"),
    ],
)
def test_address_in_any_usual_form_is_understood(text: str, ws_url: str) -> None:
    assert parse_target(text).ws_url == ws_url


@pytest.mark.parametrize(
    "text",
    [
        "", "ftp://host:21", "host:port", "host:0", "host:99999", "ws://", "two words:3000", "[::1:3000",
        "ws://host:3000/ws/toaster", "ws://host:3000/ws/pico?token=x", "ws://user:pass@host:3000", "h" * 600,
        "http://a..b:3000/\x00",
    ],
)  # fmt: skip
def test_text_that_is_not_the_address_of_a_gateway_is_refused(text: str) -> None:
    with pytest.raises(TargetError):
        parse_target(text)


def test_a_path_of_a_proxy_is_before_all_paths_of_the_gateway() -> None:
    assert parse_target("https://example.org/darvaz/ws/pico").http_url == "https://example.org:443/darvaz"


def test_kind_wins_over_the_path() -> None:
    assert parse_target("ws://host:3000/ws/pico", "esp32cam").path == "/ws/esp32cam"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_loopback_is_recognised(host: str) -> None:
    assert parse_target(f"{host}:3000").is_loopback


def test_good_token_has_no_mistake() -> None:
    assert find_mistake(SECRET) is None


def test_secret_of_a_token_is_never_shown() -> None:
    token = SourcedToken(SECRET, "the prompt", True)

    assert "aVerySecretSecret" not in repr(token) + token.name


def test_foreign_text_is_shortened_and_loses_control_characters() -> None:
    assert quoted("a\x1b[2J\nb\u202ec") == "a [2J b c"
    assert len(quoted("x" * 1000)) == 161
