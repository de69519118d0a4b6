"""Verbs for tokens and enrolment ask the gateway that runs, and make no folder by accident."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from darvaz.cli import cli, remote
from darvaz.client import running_gateway
from darvaz.client.synchronous import Gateway
from darvaz.gateway import local_token_file
from darvaz.gateway.storage.database import DATABASE_NAME, opened
from darvaz.text.private_files import write_private
from tests.support.evil_server import answer, evil_server

TOKENS = answer({"tokens": []})
DEVICES = answer({"devices": []})


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    for name in ("DARVAZ_DATA", "DARVAZ_GATEWAY", "DARVAZ_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def note(data: Path, port: int) -> None:
    """Leaves what a running gateway leaves."""
    write_private(data / "local-token", {"port": port, "token": "dvz_localtoken_x"})
    write_private(local_token_file.note_path(port), {"data": str(data)})


@pytest.mark.parametrize(
    "verb", [("token", "list"), ("token", "issue", "pico"), ("token", "revoke", "1"), ("enrol",), ("signin",), ("log",)]
)
def test_without_a_gateway_and_without_data_no_folder_is_made(verb: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*verb)

    assert done.exit_code == 1
    assert done.stderr.startswith("Error: no gateway of this machine was found, and no data in data")
    assert list((tmp_path / "here").iterdir()) == []


def test_of_several_that_run_the_one_at_the_usual_address_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with evil_server(TOKENS) as gateway, evil_server(TOKENS) as other:
        monkeypatch.setattr(remote, "DEFAULT_URL", f"http://127.0.0.1:{gateway.port}")
        note(tmp_path / "usual", gateway.port)
        note(tmp_path / "other", other.port)
        done = run("token", "list", "--json")

    assert (done.exit_code, done.stdout) == (0, "[]\n")
    assert any("dvz_localtoken_x" in request for request in gateway.requests)
    assert not any("dvz_localtoken_x" in request for request in other.requests)


def test_a_gateway_that_runs_elsewhere_is_asked(tmp_path: Path) -> None:
    with evil_server(TOKENS) as gateway:
        note(tmp_path / "elsewhere", gateway.port)
        done = run("token", "list", "--json")

    assert (done.exit_code, done.stdout) == (0, "[]\n")
    assert any("dvz_localtoken_x" in request for request in gateway.requests)
    assert list((tmp_path / "here").iterdir()) == []


def test_a_folder_beside_the_gateway_that_runs_is_mentioned(tmp_path: Path) -> None:
    with opened(Path("data")), evil_server(TOKENS) as gateway:
        note(tmp_path / "elsewhere", gateway.port)
        done = run("token", "list", "--json")

    assert "use --data data" in done.stderr


def test_the_gateway_of_the_folder_comes_first(tmp_path: Path) -> None:
    with evil_server(TOKENS) as own, evil_server(TOKENS) as other:
        note(tmp_path / "elsewhere", other.port)
        note(Path("data").resolve(), own.port)
        done = run("token", "list", "--json")

    assert (done.exit_code, done.stderr) == (0, "")
    assert own.requests and not other.requests


def test_of_several_gateways_one_must_be_named(tmp_path: Path) -> None:
    with evil_server(TOKENS) as one, evil_server(TOKENS) as two:
        note(tmp_path / "one", one.port)
        note(tmp_path / "two", two.port)
        done = run("token", "list")

    assert done.exit_code == 1
    assert one.url in done.stderr and two.url in done.stderr and "--gateway" in done.stderr


def test_the_folder_is_used_when_its_gateway_was_killed() -> None:
    with evil_server([b"not HTTP"]) as gateway, opened(Path("data")):
        note(Path("data").resolve(), gateway.port)
        done = run("token", "list", "--json")

    assert (done.exit_code, done.stdout) == (0, "[]\n")


def test_every_other_verb_asks_the_one_gateway_that_runs(tmp_path: Path) -> None:
    with evil_server(DEVICES) as gateway:
        note(tmp_path / "elsewhere", gateway.port)
        done = run("devices", "--json")

    assert (done.exit_code, done.stdout) == (0, "[]\n")
    assert any("dvz_localtoken_x" in request for request in gateway.requests)


def test_a_program_finds_the_gateway_that_runs_as_well(tmp_path: Path) -> None:
    with evil_server(DEVICES) as gateway:
        note(tmp_path / "elsewhere", gateway.port)
        with Gateway() as client:
            assert list(client) == []

    assert any("dvz_localtoken_x" in request for request in gateway.requests)


def test_the_gateway_of_another_user_is_found_in_the_folder_that_the_settings_name(tmp_path: Path) -> None:
    with evil_server(DEVICES) as service, evil_server(DEVICES) as own:
        write_private(tmp_path / "service/local-token", {"port": service.port, "token": "dvz_localtoken_x"})
        Path("darvaz.toml").write_text('data = "../service"\n')
        note(tmp_path / "own", own.port)
        done = run("devices", "--json")

    assert (done.exit_code, done.stdout) == (0, "[]\n")
    assert any("dvz_localtoken_x" in request for request in service.requests) and not own.requests


def test_a_verb_does_not_choose_between_several_gateways(tmp_path: Path) -> None:
    with evil_server(DEVICES) as one, evil_server(DEVICES) as two:
        note(tmp_path / "one", one.port)
        note(tmp_path / "two", two.port)
        done = run("devices")

    assert done.exit_code == 1
    assert one.url in done.stderr and two.url in done.stderr and "--gateway" in done.stderr


def test_names_of_files_are_those_of_the_gateway() -> None:
    assert remote.DATABASE_NAME == DATABASE_NAME
    assert running_gateway.LOCAL_TOKEN_NAME == local_token_file.LOCAL_TOKEN_NAME
