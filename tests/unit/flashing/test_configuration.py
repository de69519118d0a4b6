"""config.json as editors leave it, and the keys of a Wi-Fi."""

from __future__ import annotations

import json

import pytest

from darvaz.boards.flashing.configuration import (
    WifiNetwork,
    check_network,
    dump_config,
    is_clean,
    parse_config,
    setup_key,
)
from firmware.lib.darvaz.setup import network_key

CONFIG = {"device": "café", "networks": [{"ssid": "Zuhause"}]}
TEXT = json.dumps(CONFIG, ensure_ascii=False, indent=1)


@pytest.mark.parametrize(
    ("encoding", "is_good"),
    [("utf-8", True), ("utf-8-sig", False), ("utf-16", False), ("utf-16-le", False), ("utf-16-be", False)],
)
def test_settings_are_read_as_an_editor_wrote_them_and_written_clean(encoding: str, is_good: bool) -> None:
    data = TEXT.replace("\n", "\r\n").encode(encoding)

    assert parse_config(data) == CONFIG
    assert is_clean(data) is is_good
    assert is_clean(dump_config(CONFIG)) and parse_config(dump_config(CONFIG)) == CONFIG


@pytest.mark.parametrize("data", [b"", b"[]", TEXT.encode("latin-1"), b"// mine\n{}", b"\xff\xfe{"])
def test_what_is_not_settings_is_nothing(data: bytes) -> None:
    assert parse_config(data) is None


@pytest.mark.parametrize(
    ("password", "is_good"),
    [("0123456789abcdefABCDEF0123456789" * 2, True), ("g" * 64, False), ("x" * 63, True), ("a" * 65, False)],
)
def test_a_key_of_64_digits_is_taken_in_place_of_a_password(password: str, is_good: bool) -> None:
    assert (check_network(WifiNetwork("Home", password)) is None) is is_good


@pytest.mark.parametrize("token", ["dvz_abc_" + "s" * 43, "dvz_abc_with_more_parts", "", "short"])
def test_key_of_the_setup_network_is_that_of_the_board(token: str) -> None:
    assert setup_key(token) == network_key(token)
