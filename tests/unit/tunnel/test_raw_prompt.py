"""The prompt that tools see on a tunnel's port: as MicroPython's own, whatever they send and however it is cut."""

from __future__ import annotations

import pytest

from darvaz.tunnel.raw_prompt import CODE_BYTES_MAX, WINDOW_BYTES, RawPrompt

RAW = b"raw REPL; CTRL-B to exit\r\n>"
PASTE = b"\x05A\x01"


class Tool:
    """A tool at the prompt of a board that a test plays."""

    def __init__(self, output: str = "", error: str | None = None) -> None:
        self.ran: list[tuple[str, bool]] = []
        self.resets = 0
        self._got = bytearray()
        self._answer = (output, error)
        self.prompt = RawPrompt(self._got.extend, self._run, self._reset, "MicroPython")

    def say(self, *pieces: bytes) -> bytes:
        """Sends bytes, in these pieces, and returns what came back."""
        self._got.clear()
        for piece in pieces:
            self.prompt.receive(piece)
        return bytes(self._got)

    def _run(self, code: str, is_line: bool) -> tuple[str, str | None]:
        self.ran.append((code, is_line))
        return self._answer

    def _reset(self) -> None:
        self.resets += 1


def test_code_is_run_at_the_raw_prompt() -> None:
    tool = Tool("a\nb\n")

    assert tool.say(b"\r\x03\r\x01").endswith(RAW)
    assert tool.say(b"print(1)\x04") == b"OKa\r\nb\r\n\x04\x04>"
    assert tool.ran == [("print(1)", False)]


def test_a_traceback_comes_after_the_output() -> None:
    tool = Tool("a\n", "ValueError: x\n")

    assert tool.say(b"\x01x\x04").endswith(b"OKa\r\n\x04ValueError: x\r\n\x04>")


def test_a_soft_reset_forgets_what_was_set() -> None:
    tool = Tool()
    tool.say(b"\x01")

    assert tool.say(b"\x04") == b"OK\r\nMPY: soft reboot\r\n" + RAW
    assert (tool.resets, tool.ran) == (1, [])


def test_the_friendly_prompt_echoes_and_runs_a_line() -> None:
    tool = Tool("3\n")

    assert tool.say(b"1+\x082\x7f+2\r") == b"1+\x08 \x082\x08 \x08+2\r\n3\r\n>>> "
    assert tool.ran == [("1+2", True)]


OPENINGS = {
    "mpremote": (b"\r\x03", b"\r\x01"),
    "Thonny": (b"\x03", b"\x03", b"\x01"),
    "MicroPico": (b"\r\x03\x03", b"\r\x01"),
    "rshell": (b"\x03\x03", b"\x01", b"\x02", b"\r\x03", b"\r\x01"),
}


@pytest.mark.parametrize("name", OPENINGS)
def test_each_tool_opens_the_raw_prompt_and_sends_code_in_pieces(name: str) -> None:
    tool, code = Tool("1\n"), b"# a comment\r\n" * 60
    opened = tool.say(*OPENINGS[name])
    pieces = [code[at : at + 256] for at in range(0, len(code), 256)]

    answer = tool.say(*pieces, b"\x04")
    left = tool.say(b"\r\x02")

    assert opened.endswith(RAW)
    assert answer == b"OK1\r\n\x04\x04>" and tool.ran == [(code.decode(), False)]
    assert left.endswith(b">>> ")


def test_lines_that_go_on_are_run_as_one_text() -> None:
    tool = Tool()

    assert tool.say(b"def f():\r") == b"def f():\r\n... "
    assert tool.say(b"  return 1\r") == b"  return 1\r\n... "
    assert tool.ran == []
    assert tool.say(b"\r") == b"\r\n>>> "
    assert tool.ran == [("def f():\n  return 1\n", True)]


def test_text_is_pasted_at_the_friendly_prompt() -> None:
    tool = Tool("1\n")

    assert tool.say(b"\x05") == b"\r\npaste mode; Ctrl-C to cancel, Ctrl-D to finish\r\n=== "
    assert tool.say(b"if x:\r  y\r") == b"if x:\r\n===   y\r\n=== "
    assert tool.say(b"\x04") == b"\r\n1\r\n>>> "
    assert tool.ran == [("if x:\n  y\n", True)]
    assert tool.say(b"\x05x\x03").endswith(b"=== x\r\n>>> ") and len(tool.ran) == 1


def test_ctrl_b_leaves_the_raw_prompt() -> None:
    tool = Tool()

    assert tool.say(b"\x01\x02").endswith(b"\r\nMicroPython\r\n>>> ")
    assert tool.say(b"\r").endswith(b">>> ")


@pytest.mark.parametrize("size", [1, 7, 64, 5000])
def test_a_paste_is_confirmed_window_by_window(size: int) -> None:
    tool, code = Tool("done\n"), b"x = 1\n" * 600
    tool.say(b"\x01")
    started = tool.say(PASTE)
    pieces = [code[at : at + size] for at in range(0, len(code), size)]

    confirmed = tool.say(*pieces)
    ended = tool.say(b"\x04")

    assert started == b"R\x01" + WINDOW_BYTES.to_bytes(2, "little") + b"\x01"
    assert confirmed == b"\x01" * (len(code) // WINDOW_BYTES)
    assert ended == b"\x04done\r\n\x04\x04>"
    assert tool.ran == [(code.decode(), False)]


def test_a_megabyte_that_is_pasted_is_refused_and_not_kept() -> None:
    tool = Tool()
    tool.say(b"\x01", PASTE)

    answer = tool.say(*[b"#" * 4096] * 256)
    after = tool.say(b"\x04")

    assert answer.endswith(b"\x04") and answer.count(b"\x04") == 1
    assert after == f"\x04MemoryError: at most {CODE_BYTES_MAX} bytes of code\r\n\x04>".encode()
    assert tool.ran == []
    assert tool.say(b"1\x04") == b"OK\x04\x04>"


def test_a_megabyte_that_is_typed_is_not_kept() -> None:
    tool = Tool()
    tool.say(*[b"#" * 4096] * 256)
    tool.say(b"\r")

    assert len(tool.ran[0][0]) == CODE_BYTES_MAX + 1


def test_ctrl_c_ends_a_paste() -> None:
    tool = Tool()
    tool.say(b"\x01", PASTE, b"while True:")

    assert tool.say(b"\x03") == b"\x04\x04>"
    assert tool.say(b"1\x04") == b"OK\x04\x04>" and tool.ran == [("1", False)]


def test_output_cannot_end_an_answer_early() -> None:
    tool = Tool("\x04\x04>", None)
    tool.say(b"\x01")

    assert tool.say(b"x\x04") == b"OK\\x04\\x04>\x04\x04>"
