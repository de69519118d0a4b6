"""Which gateway a program uses, and with which token; errors and events of the client."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from darvaz.client import config
from darvaz.client.config import DEFAULT_URL, GatewayConfig, find_gateway, recall, remember
from darvaz.client.errors import GatewayError, Unreachable, error_of
from darvaz.client.events import EVENT_CHARS_MAX, EventParser

HOME = GatewayConfig("http://home:3000", "dvz_home")


@pytest.fixture(autouse=True)
def login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "own" / "gateway.json"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(config, "login_path", lambda: path)
    return path


def test_the_default_is_this_machine() -> None:
    assert find_gateway(environment={}) == GatewayConfig(DEFAULT_URL, None)


def test_an_argument_wins_over_the_environment_and_that_over_the_login(login: Path) -> None:
    remember(login, HOME)
    environment = {"DARVAZ_GATEWAY": "http://lab:3000/", "DARVAZ_TOKEN": "dvz_lab"}

    assert find_gateway(environment={}) == HOME
    assert find_gateway(environment=environment) == GatewayConfig("http://lab:3000", "dvz_lab")
    assert find_gateway("http://yard:1", "dvz_yard", environment) == GatewayConfig("http://yard:1", "dvz_yard")


def test_a_remembered_token_goes_to_its_own_gateway_only(login: Path) -> None:
    remember(login, HOME)

    assert find_gateway("http://home:3000/", environment={}) == HOME
    assert find_gateway("http://elsewhere:3000", environment={}) == GatewayConfig("http://elsewhere:3000", None)


def test_a_token_is_not_shown() -> None:
    assert "dvz" not in repr(HOME)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_the_file_is_for_its_owner_alone_and_one_that_is_not_is_refused(login: Path) -> None:
    remember(login, HOME)
    assert stat.S_IMODE(login.stat().st_mode) == 0o600

    os.chmod(login, 0o640)

    with pytest.raises(GatewayError, match="chmod 600"):
        recall(login)


@pytest.mark.parametrize("text", ["", "[]", '{"gateway": "http://x"}', "\x00"])
def test_a_damaged_file_is_an_error(login: Path, text: str) -> None:
    remember(login, HOME)
    login.write_text(text)

    with pytest.raises(GatewayError, match="log in again"):
        recall(login)


def test_a_refusal_of_another_program_is_an_error_too() -> None:
    found = error_of(418, "<html>", "soon")

    assert (type(found), found.code, found.status, found.retry_after_s) == (GatewayError, "failed", 418, None)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_without_its_gateway_is_unreachable_not_a_failed_board(status: int) -> None:
    assert type(error_of(status, None)) is Unreachable
    assert type(error_of(status, {"code": "timed_out", "detail": "the board"})) is not Unreachable


def test_an_incomplete_event_is_not_returned() -> None:
    parser = EventParser()
    lines = ["id: 7", "event: log", 'data: {"device": "a"}', "", ": beat", "", "id: 8", 'data: {"device"']
    found = [event for line in lines for event in parser.receive_line(line)]
    parser.restart()

    assert [(event.type, event.device, event.id) for event in found] == [("log", "a", "7")]
    assert list(parser.receive_line("")) == []


def test_an_event_in_pieces_is_complete_at_the_end() -> None:
    parser = EventParser()
    pieces = ["id: 7\nevent: l", 'og\r\ndata: {"device": "a"', "}\n", "\nid: 8\n"]

    found = [event for piece in pieces for event in parser.receive(piece)]

    assert [(event.type, event.device, event.id) for event in found] == [("log", "a", "7")]


@pytest.mark.parametrize("line", ["data: " + "x" * EVENT_CHARS_MAX, "data: " + "x" * EVENT_CHARS_MAX + "\n"])
def test_an_event_above_the_limit_is_an_error(line: str) -> None:
    parser = EventParser()

    with pytest.raises(GatewayError, match="not a Darvaz gateway"):
        [*parser.receive(line), *parser.receive("data: x\n")]


@pytest.mark.parametrize("data", ["<html>", "[]x", "7"])
def test_an_event_that_is_not_json_is_an_error(data: str) -> None:
    with pytest.raises(GatewayError, match="not an event"):
        list(EventParser().receive(f"data: {data}\n\n"))


@pytest.mark.parametrize("url", ["http://me:secret@gateway:3000", "http://secret@gateway", "https://:secret@gateway/x"])
def test_an_address_with_a_secret_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(GatewayError) as refused:
        find_gateway(url, environment={})

    assert "DARVAZ_TOKEN" in str(refused.value)
    assert "secret@" not in str(refused.value)


def test_an_at_sign_in_the_path_is_not_a_secret() -> None:
    assert find_gateway("http://gateway/a@b", "token", environment={}).url == "http://gateway/a@b"


@pytest.mark.parametrize("url", ["gateway:3000", "192.0.2.2", "ftp://gateway", "ws://gateway:3000", "//gateway"])
def test_an_address_without_http_is_refused_with_a_better_one(url: str) -> None:
    with pytest.raises(GatewayError, match=r"did you mean http://[a-z0-9]"):
        find_gateway(url, environment={})


@pytest.mark.parametrize("token", ["dvz_se\ncret", "dvz_se cret", "dvz_secret\x00", "dvz_رمز_secret"])
def test_a_token_with_wrong_characters_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(GatewayError, match="DARVAZ_TOKEN") as refused:
        find_gateway("http://gateway", environment={"DARVAZ_TOKEN": token})

    assert "cret" not in str(refused.value)


def test_blanks_around_a_token_are_removed() -> None:
    assert find_gateway("http://gateway", environment={"DARVAZ_TOKEN": " dvz_lab\r\n"}).token == "dvz_lab"
    assert find_gateway("http://gateway", environment={"DARVAZ_TOKEN": "\n"}).token is None
