"""The ends of the command: outputs that are full, closed, or of another encoding."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from darvaz.boards.flashing import FlashOutcome
from darvaz.cli.exit_codes import TABLE, ExitCode
from darvaz.cli.service import NOT_RUNNING
from tests.support.evil_server import answer, evil_server

_DARVAZ = [sys.executable, "-m", "darvaz"]


def darvaz(*words: str, stdout: int | None = subprocess.PIPE, **env: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*_DARVAZ, *words],
        env={**os.environ, **env},
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_output_is_one_sentence() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        done = darvaz("--help", stdout=full)
    finally:
        os.close(full)

    assert done.returncode == ExitCode.FAILED
    assert done.stderr == b"Error: the output cannot be written: No space left on device\n"


def test_a_reader_that_has_enough_is_not_a_failure() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = darvaz("--help", stdout=writer)
    finally:
        os.close(writer)

    assert (done.returncode, done.stderr) == (ExitCode.DONE, b"")


@pytest.mark.parametrize(("encoding", "shown"), [("latin-1", b"K\xfcche \\u06af"), ("utf-8", b"K\xc3\xbcche \xda\xaf")])
def test_a_name_is_shown_on_a_terminal_of_any_encoding(encoding: str, shown: bytes) -> None:
    with evil_server(answer({"result": "Küche \u06af\u0644"})) as server:
        done = darvaz("send", "pan-tilt", "info", DARVAZ_GATEWAY=server.url, PYTHONIOENCODING=encoding)

    assert (done.returncode, done.stderr) == (0, b"")
    assert shown in done.stdout


def test_the_table_of_exit_codes_has_those_of_every_verb() -> None:
    codes = {code for code, _, _ in TABLE}

    assert {*ExitCode, *FlashOutcome, NOT_RUNNING} == codes
