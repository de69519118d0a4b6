"""What `darvaz simulate --json` prints: objects alone on standard output."""

from __future__ import annotations

import json

import pytest

from darvaz.cli.board_output import BoardOutput


def test_as_json_each_line_of_a_board_is_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    output = BoardOutput(as_json=True)
    output.tell("1 virtual board(s)")
    output.show_port("lamp", "/dev/pts/7")
    output.show_line("lamp", "\x1b[2Jon")
    output.show_line("lamp", " ")

    printed = capsys.readouterr()
    assert [json.loads(line) for line in printed.out.splitlines()] == [
        {"device": "lamp", "port": "/dev/pts/7"},
        {"device": "lamp", "line": "\x1b[2Jon"},
    ]
    assert "\x1b" not in printed.out
    assert printed.err == "1 virtual board(s)\n"


def test_for_people_the_name_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    BoardOutput(as_json=False).show_port("lamp", "/dev/pts/7")

    assert capsys.readouterr().out.split(maxsplit=1) == ["lamp", "switched on; mpremote connect /dev/pts/7\n"]
