"""Tokens, enrolment and the journal of a gateway on another machine, from the command line."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.gateway import GatewayProcess
from tests.support.verbs import run_darvaz


@pytest.fixture(scope="module")
def token() -> list[str]:
    return []


@pytest.fixture(scope="module")
def gateway(token: list[str]) -> Iterator[GatewayProcess]:
    """A gateway that wants a token from every client."""
    with GatewayProcess() as running:
        token.append(running.post("/api/tokens", json={"kind": "operator"}).json()["token"])
        running.stop()
        running.env["DARVAZ_LOCALHOST_WITHOUT_TOKEN"] = "false"
        running.start()
        yield running


def run(home: Path, *words: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("DARVAZ_", "XDG_"))}
    return run_darvaz(*words, env={**clean, "HOME": str(home), **env}, typed=stdin, folder=home)


def test_tokens_enrolment_and_journal_of_another_machine(
    gateway: GatewayProcess, token: list[str], tmp_path: Path
) -> None:
    env = {"DARVAZ_TOKEN": token[0], "DARVAZ_GATEWAY": gateway.url}

    issued = run(tmp_path, "token", "issue", "viewer", "--label", "hall", **env)
    listed = json.loads(run(tmp_path, "token", "list", "--json", **env).stdout)
    assert issued.stdout.startswith("dvz_")
    assert [found["state"] for found in listed if found["label"] == "hall"] == ["live"]
    assert run(tmp_path, "token", "revoke", issued.stdout.strip(), **env).returncode == 0
    listed = json.loads(run(tmp_path, "token", "list", "--json", **env).stdout)
    assert [found["state"] for found in listed if found["label"] == "hall"] == ["revoked"]
    assert "open for 5 minutes" in run(tmp_path, "enrol", "--minutes", "5", **env).stdout
    assert "closed" in run(tmp_path, "enrol", "--close", **env).stdout
    assert "enrolment closed" in run(tmp_path, "log", **env).stdout
    assert len(run(tmp_path, "log", "--limit", "2", "--json", **env).stdout.splitlines()) == 2
    assert not (tmp_path / "data").exists()


def test_a_named_data_folder_wins_over_the_environment(tmp_path: Path) -> None:
    done = run(tmp_path, "token", "list", "--data", "here", DARVAZ_GATEWAY="http://127.0.0.1:1")

    assert done.returncode == 0
    assert (tmp_path / "here").exists()


def test_every_command_uses_the_gateway_of_a_login(gateway: GatewayProcess, token: list[str], tmp_path: Path) -> None:
    assert run(tmp_path, "login", gateway.url, DARVAZ_TOKEN=token[0]).returncode == 0

    enrolled = run(tmp_path, "enrol", "--minutes", "5")
    link = run(tmp_path, "signin", "--role", "viewer").stdout.strip()
    run(tmp_path, "enrol", "--close")

    assert "open for 5 minutes" in enrolled.stdout
    assert "enrolment closed" in run(tmp_path, "log").stdout
    assert run(tmp_path, "token", "list", "--json").returncode == 0
    assert not (tmp_path / "data").exists()
    address, _, secret = link.partition("/sign-in#")
    assert urlsplit(address).port == urlsplit(gateway.url).port
    assert gateway.post("/api/session", json={"token": secret}).json()["role"] == "viewer"


def test_a_data_folder_beside_a_login_is_mentioned(gateway: GatewayProcess, token: list[str], tmp_path: Path) -> None:
    run(tmp_path, "token", "list", "--data", "data")
    run(tmp_path, "login", gateway.url, DARVAZ_TOKEN=token[0])

    of_login = run(tmp_path, "token", "list")
    of_folder = run(tmp_path, "token", "list", "--data", "data")

    assert gateway.url in of_login.stderr and "--data data" in of_login.stderr
    assert "No token yet" in of_folder.stdout + of_folder.stderr


def test_a_token_for_a_login_comes_from_a_pipe_without_a_warning(
    gateway: GatewayProcess, token: list[str], tmp_path: Path
) -> None:
    done = run(tmp_path, "login", gateway.url, stdin=token[0] + "\n")
    without = run(tmp_path, "login", gateway.url)

    assert (done.returncode, done.stderr) == (0, "")
    assert "remembered" in done.stdout
    assert without.returncode == 1 and "DARVAZ_TOKEN" in without.stderr
