"""Real shells complete verbs, devices, commands and arguments through the running gateway, and are silent without."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from websockets.sync.client import ClientConnection, connect

from darvaz.cli import cli
from darvaz.cli.completion import script
from tests.support.gateway import GatewayProcess
from tests.support.needs import missing

DEADLINE_S = 15.0
BUSY_S = 30.0
COMMANDS = {"water": {"seconds": {"type": "number"}, "valve": {"type": "integer"}}, "wave": {}}
CONNECT = json.dumps({"type": "connect", "device": "greenhouse", "commands": COMMANDS})


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """The environment of a user whose gateway knows one board."""
    with GatewayProcess() as gateway, _board(gateway) as board:
        board.send(CONNECT)
        assert '"connection_ack"' in str(board.recv(timeout=DEADLINE_S))
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        yield {**os.environ, "PATH": path, "DARVAZ_GATEWAY": gateway.url, "DARVAZ_DATA": str(gateway.data)}


def _board(gateway: GatewayProcess) -> ClientConnection:
    return connect(f"{gateway.ws_url}/ws/pico")


def run(shell: str, text: str, environment: Mapping[str, str]) -> list[str]:
    if shutil.which(shell) is None:
        missing(f"{shell} is not installed (apt install {shell})")
    options = {"bash": ["--norc"], "fish": ["--no-config"]}[shell]
    done = subprocess.run(
        [shell, *options, "-c", text], capture_output=True, text=True, timeout=DEADLINE_S, env=environment, check=False
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def completed(shell: str, text: str, environment: Mapping[str, str], wanted: list[str]) -> list[str]:
    """Asks a shell until it has an answer: on a busy machine the gateway's may come later than completion waits."""
    until_s, found = time.monotonic() + BUSY_S, run(shell, text, environment)
    while found != wanted and time.monotonic() < until_s:
        found = run(shell, text, environment)
    return found


def test_bash_completes_a_device(environment: dict[str, str]) -> None:
    words = 'COMP_WORDS=(darvaz send gr); COMP_CWORD=2; _darvaz_completion darvaz; printf "%s\\n" "${COMPREPLY[@]}"'

    found = completed("bash", f"{script('bash')}\n{words}", environment, wanted=["greenhouse"])

    assert found == ["greenhouse"]


def test_fish_completes_a_command_with_its_arguments(environment: dict[str, str]) -> None:
    text = f"{script('fish')}\ncomplete --do-complete 'darvaz send greenhouse wa'"
    wanted = ["water\tseconds valve", "wave"]

    assert completed("fish", text, environment, wanted) == wanted


def test_zsh_completes_at_its_prompt(environment: dict[str, str], tmp_path: Path) -> None:
    if shutil.which("zsh") is None:
        missing("zsh is not installed (apt install zsh)")
    (tmp_path / "setup").write_text(f"autoload -U compinit; compinit -u -d {tmp_path}/dump\n{script('zsh')}\n")
    env = {**environment, "HOME": str(tmp_path), "TERM": "dumb", "PS1": "ready> "}

    typed = _type("zsh", ["-f", "-i"], [f". {tmp_path}/setup; echo lo''aded\n", "darvaz send gr\t"], env)

    assert "greenhouse" in typed, typed


def _type(shell: str, options: list[str], lines: list[str], environment: Mapping[str, str]) -> str:
    """Types lines at a shell on a terminal, and returns what the terminal shows until the device's name is there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [shell, *options], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    shown = ""
    try:
        for line, wanted in zip(lines, ("loaded", "greenhouse"), strict=True):
            os.write(ours, line.encode())
            until_s = time.monotonic() + DEADLINE_S
            while wanted not in shown and time.monotonic() < until_s:
                if select.select([ours], [], [], 0.2)[0]:
                    shown += os.read(ours, 65_536).decode(errors="replace")
    finally:
        process.kill()
        process.wait(DEADLINE_S)
        os.close(ours)
    return shown


# In this process, as each shell asks


def complete(words: list[str], incomplete: str) -> list[str]:
    return [
        item.value for item in ShellComplete(cli, {}, "darvaz", "_DARVAZ_COMPLETE").get_completions(words, incomplete)
    ]


@pytest.fixture
def asking(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("_DARVAZ_COMPLETE", "bash_complete")
    for name in ("DARVAZ_GATEWAY", "DARVAZ_DATA"):
        monkeypatch.setenv(name, environment[name])
    return monkeypatch


def test_arguments_that_are_given_are_not_offered_again(asking: pytest.MonkeyPatch) -> None:
    assert complete(["send", "greenhouse", "water"], "") == ["seconds=", "valve="]
    assert complete(["send", "greenhouse", "water", "valve=2"], "") == ["seconds="]


def test_an_option_for_a_device_is_completed_too(asking: pytest.MonkeyPatch) -> None:
    assert complete(["log", "--device"], "green") == ["greenhouse"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "not an address", "http://name:password@127.0.0.1"])
def test_without_a_gateway_nothing_is_offered_and_nothing_is_said(
    url: str, asking: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    asking.setenv("DARVAZ_GATEWAY", url)

    assert complete(["send"], "") == []
    assert capfd.readouterr() == ("", "")


def test_verbs_are_completed_without_importing_them(asking: pytest.MonkeyPatch) -> None:
    program = (
        "import sys; from darvaz.cli import cli; from click.shell_completion import ShellComplete;"
        "found = ShellComplete(cli, {}, 'darvaz', '_DARVAZ_COMPLETE').get_completions([], 'ser');"
        "print([item.value for item in found], 'darvaz.cli.send' in sys.modules, 'httpx' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.strip() == "['serve', 'service'] False False"
