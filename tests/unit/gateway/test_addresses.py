"""Where others reach the gateway: the public URL, and the addresses that the machine has now."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from darvaz.gateway import addresses, sign_in_hint
from darvaz.gateway.addresses import PublicUrl, is_public_url, network_address, url_of
from darvaz.gateway.setting_sources import load_settings
from darvaz.gateway.settings import SettingsError
from darvaz.gateway.sign_in_hint import address_of, note_address
from darvaz.gateway.storage.database import open_database


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_database(tmp_path)) as connection:
        yield connection


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ("", "", "")),
        ("https://Boards.example.org", ("https://boards.example.org", "boards.example.org", "")),
        ("http://home.lan:8080/a/Darvaz/", ("http://home.lan:8080", "home.lan:8080", "/a/Darvaz")),
        ("https://[2001:db8::7]:8443/", ("https://[2001:db8::7]:8443", "[2001:db8::7]:8443", "")),
    ],
)
def test_a_public_url_has_an_origin_a_host_and_a_path(text: str, parts: tuple[str, str, str]) -> None:
    assert not text or is_public_url(text)
    assert tuple(PublicUrl.parse(text)) == parts


@pytest.mark.parametrize(
    "text",
    [
        "boards.example.org",
        "ftp://boards.example.org",
        "https://user@boards.example.org",
        "https://boards.example.org?x=1",
        "https://boards.example.org/#top",
        "https://boards.example.org//evil.example",
        "https://boards.example.org/a/../b",
        "https://one.example,https://two.example",
        "https://",
    ],
)
def test_another_text_is_not_a_public_url(text: str) -> None:
    with pytest.raises(SettingsError, match="is not an address such as https://boards"):
        load_settings({"public_url": text}, {})


def test_an_empty_public_url_is_none() -> None:
    assert load_settings({"public_url": " "}, {}).settings.public == PublicUrl()


def test_the_address_is_that_of_the_network_now(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = iter([None, "192.168.50.7", "192.168.50.23"])
    monkeypatch.setattr(sign_in_hint, "network_address", lambda host: next(networks))
    note_address(connection, "0.0.0.0", 4100, "")

    found = [address_of(connection) for _ in range(3)]

    assert found == ["http://127.0.0.1:4100", "http://192.168.50.7:4100", "http://192.168.50.23:4100"]


@pytest.mark.parametrize(
    ("host", "public_url", "address"),
    [
        ("127.0.0.1", "", "http://127.0.0.1:4100"),
        ("fd00::2", "", "http://[fd00::2]:4100"),
        ("0.0.0.0", "https://home.example/darvaz", "https://home.example/darvaz"),
    ],
)
def test_an_address_that_was_chosen_stays(
    connection: sqlite3.Connection, host: str, public_url: str, address: str
) -> None:
    note_address(connection, host, 4100, public_url)

    assert address_of(connection) == address


def test_a_gateway_that_never_started_has_no_address(connection: sqlite3.Connection) -> None:
    assert address_of(connection) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_gateway_of_this_machine_only_has_no_address_for_others(host: str) -> None:
    assert network_address(host) is None


def test_a_gateway_of_one_address_has_that() -> None:
    assert network_address("192.0.2.7") == "192.0.2.7"


def test_an_address_of_ipv6_has_brackets() -> None:
    assert url_of("::1", 3000) == "http://[::1]:3000"


def test_without_a_route_the_interfaces_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_routed", lambda is_ipv4_only: iter(()))
    monkeypatch.setattr(addresses, "_of_interfaces", lambda: iter(["192.168.50.7"]))

    assert network_address("0.0.0.0") == "192.168.50.7"


def test_addresses_of_interfaces_are_not_loopback() -> None:
    assert not any(address.startswith("127.") for address in addresses._of_interfaces())
