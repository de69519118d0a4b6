"""The verbs for boards on USB, against boards that answer nonsense: one sentence and an exit code each."""

from __future__ import annotations

import base64
import json
import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from darvaz.boards.serial import Prompt, Reason, SerialError, prompt, raw_repl, transport
from darvaz.boards.serial import rescue as rescues
from darvaz.cli import cli
from darvaz.cli.exit_codes import TABLE
from tests.support.board_images import esp32
from tests.support.odd_board import FACTS, OddBoard, answers

pytestmark = [pytest.mark.timeout(90)]
CODES = {code for code, *_ in TABLE}
DEEP = b"[" * 1500 + b"]" * 1500
LEFT_IN_RESCUE = ("--wait", "1")


def line(*values: object) -> bytes:
    return json.dumps(values).encode() + b"\r\n"


def facts(**odd: object) -> bytes:
    return json.dumps({**FACTS, **odd}).encode()


NONSENSE = {
    "nothing": b"",
    "noise": bytes(byte for byte in range(5, 256) if byte != ord(">")) * 3,
    "half an answer": b'["/main.py", 12',
    "a number": b"5",
    "an endless number": b"9" * 5000,
    "infinity": b"Infinity",
    "half a character": b'"\\ud800"',
    "nesting": DEEP,
    "another object": b'{"a": [1]}',
    "sizes without end": b'["/a", Infinity, false, false]',
    "sizes below nothing": b'["/a", -5, false, false]',
}
FACTS_OF_OTHERS = {
    "CircuitPython": facts(implementation="circuitpython", version=[9, 2, 1]),
    "a kind that nobody knows": facts(virtual_kind="toaster"),
    "a machine without a name": facts(machine=None),
    "a number that is none": facts(unique_id=7),
    "a number of half a character": facts(unique_id="\ud800"),
    "a version of texts": facts(version=["one", "two"]),
    "space without end": facts(free_bytes=float("inf")),
    "no file system": facts(filesystem=None),
    "modules in a number": facts(modules=5),
}
MAKERS_FILES = ("/main.py", "/config.json", "/lib/darvaz/manifest.json")


@pytest.fixture(autouse=True)
def short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that are long for a board, and short enough for a test."""
    monkeypatch.setattr(prompt, "INTERRUPT_S", 0.5)
    monkeypatch.setattr(Prompt.enter, "__kwdefaults__", {**(Prompt.enter.__kwdefaults__ or {}), "deadline_s": 0.5})
    monkeypatch.setattr(raw_repl, "_SYNCHRONISE_S", 1.0)
    monkeypatch.setattr(rescues, "_BOOT_S", 0.1)
    monkeypatch.setattr(rescues, "_ASK_S", 0.3)


@pytest.fixture
def wifi(tmp_path: Path) -> Mapping[str, str]:
    return {
        "DARVAZ_WIFI_SSID": "home",
        "DARVAZ_WIFI_PASSWORD": "12345678",
        "DARVAZ_GATEWAY": "http://127.0.0.1:1",
        "XDG_CONFIG_HOME": str(tmp_path),
    }


def run(board: OddBoard, *words: str, env: Mapping[str, str] | None = None) -> Result:
    return CliRunner().invoke(cli, [*words, "--port", board.port], env=env)


def flash(board: OddBoard, tmp_path: Path, env: Mapping[str, str]) -> Result:
    where = ["--data", str(tmp_path / "data"), "--gateway-url", "ws://127.0.0.1:1", "--wait", "1"]
    return run(board, "flash", *where, env=env)


def ends_well(done: Result) -> bool:
    """Whether a verb ended with a code of the table, and with a sentence if it failed."""
    is_explained = done.exit_code == 0 or any(text.startswith("Error: ") for text in done.output.splitlines())
    return done.exit_code in CODES and is_explained and "Traceback" not in done.output


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
def test_a_list_of_nonsense_is_one_sentence(nonsense: bytes) -> None:
    with OddBoard(answers(list=nonsense)) as board:
        done = [run(board, *words) for words in (("ls",), ("ls", "--json"), ("erase", "--confirm"))]

    assert all(map(ends_well, done)), [result.output for result in done]
    codes = {result.exit_code for result in done}
    assert codes == ({1} if nonsense else {0}), [result.output for result in done]


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
def test_a_rescue_by_nonsense_is_one_sentence(nonsense: bytes) -> None:
    with OddBoard(answers(set_aside=nonsense, put_back=nonsense)) as board:
        done = [run(board, "rescue", *words) for words in ((*LEFT_IN_RESCUE,), ("--undo",), ("--undo", "--json"))]

    assert all(map(ends_well, done)), [result.output for result in done]
    assert {result.exit_code for result in done} == {1}


@pytest.mark.parametrize("nonsense", [*NONSENSE.values(), *FACTS_OF_OTHERS.values()], ids=[*NONSENSE, *FACTS_OF_OTHERS])
def test_a_flash_of_a_board_of_nonsense_writes_nothing(
    nonsense: bytes, tmp_path: Path, wifi: Mapping[str, str]
) -> None:
    with OddBoard(answers(facts=nonsense)) as board:
        done = flash(board, tmp_path, wifi)

    assert ends_well(done), done.output
    assert done.exit_code in (1, 3)


@pytest.mark.parametrize(
    ("step", "nonsense"),
    [
        ("list", b'["/a", Infinity, false, false]'),
        ("hashes", b"[[1], {}]"),
        ("hashes", DEEP),
        ("read", b"A"),
        ("read", base64.b64encode(DEEP)),
        ("free", b"-5"),
    ],
)
def test_a_flash_that_meets_nonsense_is_one_sentence(
    step: str, nonsense: bytes, tmp_path: Path, wifi: Mapping[str, str]
) -> None:
    there = {
        "list": b"".join(line(path, 5, False, False) for path in MAKERS_FILES),
        "hashes": b"".join(line(path, "0" * 64) for path in MAKERS_FILES),
    }
    with OddBoard(answers(**{**there, step: nonsense})) as board:
        done = flash(board, tmp_path, wifi)

    assert ends_well(done), done.output
    assert done.exit_code in (1, 3)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("list", ("ls",)),
        ("free", ("ls",)),
        ("remove", ("erase", "--confirm")),
        ("reset", ("reset",)),
        ("facts", ("firmware", "pico", "--wait", "0", "--dry-run")),
        ("put_back", ("rescue", "--undo")),
    ],
)
def test_a_board_that_disappears_midway_is_one_sentence(step: str, words: tuple[str, ...]) -> None:
    with OddBoard(answers(list=line("/main.py", 5, False, False)), vanishes_at=step) as board:
        done = run(board, *words)

    assert ends_well(done), (done.output, done.exception)
    assert done.exit_code == (0 if step == "reset" else 1)


@pytest.mark.parametrize("step", ["facts", "list", "hashes", "free", "other"])
def test_a_board_that_disappears_while_it_is_flashed_is_one_sentence(
    step: str, tmp_path: Path, wifi: Mapping[str, str]
) -> None:
    with OddBoard(vanishes_at=step) as board:
        done = flash(board, tmp_path, wifi)

    assert ends_well(done), (done.output, done.exception)
    assert done.exit_code == 1


def test_a_failed_flash_tells_programs_why(tmp_path: Path, wifi: Mapping[str, str]) -> None:
    with OddBoard(answers(facts=facts(implementation="circuitpython"))) as board:
        where = ["--data", str(tmp_path / "data"), "--gateway-url", "ws://127.0.0.1:1"]
        done = run(board, "flash", "--json", *where, env=wifi)

    result = json.loads(done.stdout)
    assert (result["port"], result["outcome"], result["code"]) == (board.port, "incompatible", done.exit_code)
    assert result["error"].startswith("this board runs circuitpython")


def test_an_answer_without_end_is_given_up_in_words() -> None:
    with OddBoard(endless="other") as board, Prompt.open(board.port) as opened, pytest.raises(SerialError) as caught:
        opened.exec("1 + 1", deadline_s=0.5)

    assert caught.value.reason is Reason.DAMAGED
    assert "has no end" in str(caught.value)


def test_an_answer_larger_than_any_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "OUTPUT_BYTES_MAX", 2000)
    with OddBoard(endless="other") as board, Prompt.open(board.port) as opened, pytest.raises(SerialError) as caught:
        opened.exec("1 + 1", deadline_s=60)

    assert "has no end" in str(caught.value)


def test_windows_without_end_are_given_up() -> None:
    with OddBoard(windows=True) as board, Prompt.open(board.port) as opened, pytest.raises(SerialError) as caught:
        opened.exec("1 + 1", deadline_s=0.5)

    assert caught.value.reason is Reason.SILENT


@pytest.mark.parametrize("talk", [b"\xff\x00\x1b[2J", b"AT+OK\r\n", b">", b"OK\x04\x04>"], ids=repr)
def test_a_port_that_only_talks_is_one_sentence(talk: bytes) -> None:
    with OddBoard(talk=talk) as board:
        done = run(board, "ls")

    assert ends_well(done), (done.output, done.exception)
    assert done.exit_code == 1


@pytest.mark.slow
def test_the_words_of_esptool_about_noise_are_not_in_the_result(tmp_path: Path) -> None:
    (tmp_path / "image.bin").write_bytes(esp32())
    with OddBoard(talk=b"\xff\xc0noise\xc0") as board:
        words = ["firmware", "esp32cam", "--json", "--port", board.port, "--file", str(tmp_path / "image.bin")]
        done = subprocess.run(
            [sys.executable, "-m", "darvaz", *words], capture_output=True, text=True, timeout=80, check=False
        )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith("Error: esptool could not write to the chip")


def test_the_monitor_shows_lines_without_end_in_pieces_and_safely() -> None:
    with OddBoard(talk=b"\x1b[2J\xff\x00") as board:
        done = run(board, "monitor", "--for", "0.5")

    assert done.exit_code == 0
    assert "\x1b" not in done.output
    assert "\\x1b[2J" in done.output


def test_the_prompt_of_a_board_that_disappears_ends_with_a_sentence() -> None:
    near, far = pty.openpty()
    with OddBoard(vanishes_at="word") as board:
        done = subprocess.run(
            [sys.executable, "-m", "darvaz", "repl", "--port", board.port],
            stdin=far,
            capture_output=True,
            timeout=60,
            check=False,
        )

    os.close(near)
    os.close(far)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(b"Error: ")
    assert b"Traceback" not in done.stderr
