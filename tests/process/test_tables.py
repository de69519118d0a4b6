"""The lists of the command line: readable on a terminal of 80 columns, complete in a pipe, safe with hostile text."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from websockets.sync.client import connect

from darvaz.gateway.access import Tokens
from darvaz.gateway.storage.database import opened
from tests.support.gateway import GatewayProcess
from tests.support.verbs import run_darvaz

COLUMNS = 80
DEADLINE_S = 60
STYLES = re.compile(r"\x1b\[[0-9;]*m")
PLAIN: dict[str, object] = {
    "type": "connect",
    "device": "pan-tilt",
    "version": "1.0.0",
    "commands": {"pan": {"angle": {"type": "number"}}},
}
LONG_ID = "greenhouse-" + "x" * 53
HOSTILE: dict[str, object] = {
    "type": "connect",
    "device": LONG_ID,
    "version": "\x1b]0;owned\x07\x9b2J",
    "board": "first\nsecond\tthird\u202edrawkcab",
    "commands": {f"command_{number}": {"argument": {"type": "number"}} for number in range(8)},
}


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        with connected(running, PLAIN), connected(running, HOSTILE):
            yield running


@contextmanager
def connected(gateway: GatewayProcess, message: dict[str, object]) -> Iterator[None]:
    with connect(f"{gateway.ws_url}/ws/pico") as board:
        board.send(json.dumps(message))
        assert json.loads(board.recv(timeout=10))["type"] == "connection_ack"
        yield


def on_a_terminal(*words: str) -> list[str]:
    """Returns the lines that a verb prints to a terminal, styles left out."""
    ours, terminal = os.openpty()
    environment = {**os.environ, "COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}
    with closing(os.fdopen(ours, "rb", buffering=0)) as screen:
        command = [sys.executable, "-m", "darvaz", *words]
        subprocess.run(command, stdout=terminal, check=True, timeout=DEADLINE_S, env=environment)
        os.close(terminal)
        return STYLES.sub("", screen.read(65_536).decode()).replace("\r", "").splitlines()


def in_a_pipe(*words: str) -> str:
    done = run_darvaz(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def hidden(text: str) -> set[str]:
    return {letter for letter in text if unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp")}


def issue_some(folder: Path) -> None:
    with opened(folder) as connection:
        tokens = Tokens(connection, time.time)
        tokens.issue("esp32cam", "x" * 64, 86_400.0 * 365, LONG_ID)
        tokens.issue("pico", "گلخانه", None, "pan-tilt")


def test_devices_fit_a_terminal_of_80_columns_and_are_complete(gateway: GatewayProcess) -> None:
    lines = on_a_terminal("devices", "--gateway", gateway.url)

    assert max(map(len, lines)) <= COLUMNS
    # Too long a name for a table: each value is on a line of its own.
    assert LONG_ID in lines
    plain = lines[lines.index("pan-tilt") :]
    assert plain == ["pan-tilt", "  kind: pico", "  state: online", "  address: 127.0.0.1", "  commands: pan(angle)"]
    assert "…" not in "".join(lines)


def test_devices_in_a_pipe_are_one_line_each_and_complete(gateway: GatewayProcess) -> None:
    heads, hostile, plain = (line.split("\t") for line in in_a_pipe("devices", "--gateway", gateway.url).splitlines())

    assert heads == ["device", "kind", "state", "last_seen", "address", "version", "board", "link", "commands"]
    assert plain[:3] == ["pan-tilt", "pico", "online"]
    assert hostile[0] == LONG_ID
    assert len(hostile) == len(heads)
    assert hostile[-1].count("(argument)") == 8


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["lines", "json"])
def test_text_of_a_device_does_not_control_the_terminal(gateway: GatewayProcess, options: list[str]) -> None:
    shown = in_a_pipe("devices", "--gateway", gateway.url, *options)
    screen = "".join(on_a_terminal("devices", "--gateway", gateway.url, *options))

    assert "owned" in shown
    assert hidden(shown) <= {"\n", "\t"}
    assert hidden(screen) == set()


def test_devices_as_json_are_what_the_gateway_knows(gateway: GatewayProcess) -> None:
    listed = json.loads(in_a_pipe("devices", "--json", "--gateway", gateway.url))

    assert [device["id"] for device in listed] == [LONG_ID, "pan-tilt"]
    assert (listed[0]["version"], listed[0]["board"]) == (HOSTILE["version"], HOSTILE["board"])


def test_tokens_fit_a_terminal_of_80_columns_and_are_complete(tmp_path: Path) -> None:
    issue_some(tmp_path)

    lines = on_a_terminal("token", "list", "--data", str(tmp_path))

    assert max(map(len, lines)) <= COLUMNS
    assert lines[0].split() == ["id", "kind", "state", "used", "device", "label"]
    assert "…" not in "".join(lines)
    assert "گلخانه" in "".join(lines)


def test_tokens_in_a_pipe_are_one_line_each_and_complete(tmp_path: Path) -> None:
    issue_some(tmp_path)

    heads, *rows = (line.split("\t") for line in in_a_pipe("token", "list", "--data", str(tmp_path)).splitlines())

    found = [dict(zip(heads, row, strict=True)) for row in rows]
    assert sorted(row["label"] for row in found) == sorted(["x" * 64, "گلخانه"])
    assert {row["device"] for row in found} == {LONG_ID, "pan-tilt"}
    assert {row["state"] for row in found} == {"live"}
