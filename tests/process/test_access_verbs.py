"""`darvaz token` and `darvaz enrol`: what they print, keep and refuse, with the gateway running or not."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from darvaz.cli.enrol import enrol
from darvaz.cli.token import token
from darvaz.gateway.access import Access, AccessPolicy, Admitted, Caller
from darvaz.gateway.storage.database import open_database

BOARD = Caller("192.168.1.50", host="192.168.1.2:3000")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def running(data: Path) -> Iterator[Access]:
    """The gate of a gateway that runs on the same data."""
    with closing(open_database(data)) as connection:
        yield Access(connection, AccessPolicy())


def run(data: Path, command: click.Command, *arguments: str) -> Result:
    return CliRunner().invoke(command, [*arguments], env={"DARVAZ_DATA": str(data), "COLUMNS": "200"})


def issue(data: Path, *arguments: str) -> str:
    result = run(data, token, "issue", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.removesuffix("\n")


def listed(data: Path) -> list[dict[str, Any]]:
    found = json.loads(run(data, token, "list", "--json").stdout)
    assert isinstance(found, list)
    return found


def test_an_issued_token_is_alone_in_a_pipe_and_valid(data: Path, running: Access) -> None:
    text = issue(data, "pico")

    assert re.fullmatch(r"dvz_[a-z2-7]{10}_[A-Za-z0-9_-]{43}", text)
    assert running.admit_with_token(BOARD, "pico", text) == Admitted(text.split("_")[1])


@pytest.mark.parametrize(
    ("kind", "advice"), [("pico", "config.json"), ("operator", "DARVAZ_TOKEN"), ("viewer", "may read")]
)
def test_a_terminal_shows_what_to_do_with_a_token(data: Path, kind: str, advice: str) -> None:
    ours, terminal = os.openpty()
    program = "from darvaz.cli.token import token; token()"

    with closing(os.fdopen(ours, "rb", buffering=0)) as screen:
        subprocess.run(
            [sys.executable, "-c", program, "issue", kind, "--data", str(data)],
            stdout=terminal,
            check=True,
            timeout=60,
        )
        os.close(terminal)
        shown = screen.read(4096).decode()

    assert "dvz_" in shown
    assert "shown only once" in shown
    assert advice in shown


def test_a_token_is_issued_with_label_expiry_and_device(data: Path) -> None:
    issue(data, "pico", "--label", "کنار پنجره", "--expires-days", "1.5", "--device", "pico_1")

    (found,) = listed(data)

    assert (found["kind"], found["state"], found["label"], found["device"]) == ("pico", "live", "کنار پنجره", "pico_1")
    assert found["expires"] is not None
    assert found["last_used"] is None


@pytest.mark.parametrize(
    "arguments",
    [
        ("toaster",),
        (),
        ("pico", "--expires-days", "0"),
        ("pico", "--expires-days", "soon"),
        ("pico", "--expires-days", "99999999"),
        ("pico", "--expires-days", "nan"),
        ("pico", "--label", "x" * 65),
        ("pico", "--device", "a b"),
        ("pico", "--device", ""),
    ],
)
def test_a_token_with_wrong_options_is_not_issued(data: Path, arguments: tuple[str, ...]) -> None:
    result = run(data, token, "issue", *arguments)

    assert result.exit_code == 2
    assert "dvz_" not in result.stdout
    assert listed(data) == []


def test_the_list_shows_tokens_without_their_secrets(data: Path) -> None:
    text = issue(data, "pico", "--label", "[bold]shelf[/bold]", "--device", "pico_1")

    table = run(data, token, "list").stdout

    assert text.split("_")[1] in table
    assert "[bold]shelf[/bold]" in table
    assert "pico_1" in table
    assert text.split("_", 2)[2] not in table + json.dumps(listed(data))


def test_the_list_shows_which_tokens_are_live(data: Path, running: Access) -> None:
    expired = running.tokens.issue("pico", expires_in_s=-1).token_id
    revoked = issue(data, "pico").split("_")[1]
    live = issue(data, "pico").split("_")[1]
    run(data, token, "revoke", revoked)

    states = {found["id"]: found["state"] for found in listed(data)}

    assert states == {expired: "expired", revoked: "revoked", live: "live"}


def test_an_empty_list_shows_how_to_issue_a_token(data: Path) -> None:
    result = run(data, token, "list")

    assert "darvaz token issue pico" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("is_whole", [False, True], ids=["by its id", "by its text"])
def test_a_running_gateway_sees_a_revoked_token_at_once(data: Path, running: Access, is_whole: bool) -> None:
    text = issue(data, "pico")
    token_id = text.split("_")[1]
    assert token_id not in running.invalid_tokens()

    result = run(data, token, "revoke", text if is_whole else token_id)

    assert result.exit_code == 0
    assert text not in result.output
    assert token_id in running.invalid_tokens()


@pytest.mark.parametrize("token_id", ["aaaaaaaaaa", "dvz_", "dvz_aaaaaaaaaa_secret", "-"])
def test_an_unknown_token_cannot_be_revoked(data: Path, token_id: str) -> None:
    result = run(data, token, "revoke", token_id)

    assert result.exit_code == 1
    assert "there is no live token" in result.stderr


def test_a_token_is_not_revoked_twice(data: Path) -> None:
    token_id = issue(data, "pico").split("_")[1]
    run(data, token, "revoke", token_id)

    assert run(data, token, "revoke", token_id).exit_code == 1


def test_enrolment_is_opened_for_a_running_gateway(data: Path, running: Access) -> None:
    running.enrolment.close()

    result = run(data, enrol, "--minutes", "5")

    assert result.exit_code == 0
    assert "open for 5 minutes" in result.stdout
    assert 290 < running.enrolment.seconds_left() <= 300
    assert isinstance(running.public_tokens(BOARD), dict)


def test_enrolment_is_opened_for_15_minutes_by_default(data: Path) -> None:
    assert "open for 15 minutes" in run(data, enrol).stdout


def test_enrolment_is_closed_for_a_running_gateway(data: Path, running: Access) -> None:
    running.enrolment.open_for(15)

    assert "closed" in run(data, enrol, "--close").stdout

    assert running.enrolment.seconds_left() == 0.0


@pytest.mark.parametrize("minutes", ["0", "-1", "1441", "soon", "nan"])
def test_enrolment_is_opened_for_a_positive_limited_time_only(data: Path, minutes: str) -> None:
    result = run(data, enrol, "--minutes", minutes)

    assert result.exit_code == 2
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("command", "arguments"),
    [(token, ("issue", "pico")), (token, ("list",)), (token, ("revoke", "aaaaaaaaaa")), (enrol, ())],
)
def test_a_data_folder_that_cannot_be_used_gives_a_short_message(
    tmp_path: Path, command: click.Command, arguments: tuple[str, ...]
) -> None:
    result = run(tmp_path / "nowhere" / "data", command, *arguments)

    assert result.exit_code == 1
    assert "is missing; make it, or use --data" in result.stderr
    assert isinstance(result.exception, SystemExit)


def test_a_new_data_folder_is_mentioned_as_it_may_be_the_wrong_one(data: Path) -> None:
    first = run(data, token, "issue", "pico")
    second = run(data, token, "issue", "pico")

    assert f"New data in {data}" in first.stderr and "--data" in first.stderr
    assert second.stderr == ""


def test_commands_wait_for_a_gateway_that_writes(data: Path, running: Access) -> None:
    script = "from darvaz.cli.token import token; token()"
    with closing(open_database(data)) as writing:
        writing.execute("BEGIN IMMEDIATE")
        with subprocess.Popen(
            [sys.executable, "-c", script, "issue", "pico", "--data", str(data)], stdout=subprocess.PIPE, text=True
        ) as process:
            time.sleep(0.5)
            assert process.stdout is not None
            writing.execute("COMMIT")
            text = process.communicate(timeout=60)[0].strip()

    assert isinstance(running.admit_with_token(BOARD, "pico", text), Admitted)
