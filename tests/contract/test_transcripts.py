"""Recorded conversations, replayed against the gateway's session."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from darvaz.gateway.session.session import Close, Limits, Packet, Session, Write
from darvaz.protocol.codec import MessageCodec
from darvaz.protocol.faults import Fault

PROTOCOL = MessageCodec()
TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))
_HEX = re.compile(r"([0-9a-f]{2}( |$))+")


class Replay:
    """Plays one transcript: one method for each kind of line."""

    def __init__(self, lines: list[tuple[int, str]]) -> None:
        kind = lines.pop(0)[1].removeprefix("kind ")
        starts = lines.pop(0)[1].removeprefix("starts ")
        self.now_s = 1000.0
        self.session = Session(
            PROTOCOL,
            PROTOCOL.kinds[kind],
            Limits(),
            self.now_s,
            is_admitted=starts == "waiting_for_connect",
            unix_offset_s=0.0,
        )
        self.unread: list[Write] = []
        assert self.session.state.value == starts

    def play(self, line: str) -> None:
        mark, _, rest = line.partition(" ")
        if mark in "<+!":
            assert not self.unread, f"sent, but not in the transcript: {self.unread[0]}"
        {
            "<": self.receive,
            ">": self.expect,
            "x": self.expect_close,
            "+": self.wait,
            "!": self.decide,
            "=": self.check,
        }[mark](rest)
        self.unread += self.session.take_writes()

    def receive(self, rest: str) -> None:
        if _HEX.fullmatch(rest):
            self.session.receive_binary(bytes.fromhex(rest), self.now_s)
        else:
            self.session.receive_text(rest, self.now_s)

    def expect(self, rest: str) -> None:
        packet = self.unread.pop(0)
        assert isinstance(packet, Packet)
        sent = json.loads(packet.text)
        wanted = json.loads(rest)
        assert {key: sent.get(key) for key in wanted} == wanted

    def expect_close(self, rest: str) -> None:
        close = self.unread.pop(0)
        assert isinstance(close, Close) and close.code == int(rest)

    def wait(self, rest: str) -> None:
        self.now_s += float(rest)
        self.session.tick(self.now_s)

    def decide(self, rest: str) -> None:
        verb, _, what = rest.partition(" ")
        if verb == "admit":
            self.session.admit()
        elif verb == "welcome":
            self.session.welcome(self.now_s)
        elif verb == "refuse":
            self.session.refuse(Fault(what, "not accepted"))
        elif verb == "close":
            self.session.close(what, "because")
        else:
            message = PROTOCOL.check(verb, json.loads(what))
            assert not isinstance(message, Fault) and self.session.send_command(message)

    def check(self, rest: str) -> None:
        assert self.session.state.value == rest


def read(path: Path) -> list[tuple[int, str]]:
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    return [(number, line) for number, line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_the_gateway_answers_as_recorded(path: Path) -> None:
    lines = read(path)
    replay = Replay(lines)

    for number, line in lines:
        try:
            replay.play(line)
        except (AssertionError, IndexError) as error:
            raise AssertionError(f"{path.name}:{number}: {line}\n{error}") from error
    assert not replay.unread, f"sent, but not in the transcript: {replay.unread[0]}"


def test_a_transcript_with_a_missing_line_fails() -> None:
    replay = Replay([(1, "kind pico"), (2, "starts waiting_for_connect")])
    replay.play('< {"type": "ping"}')

    with pytest.raises(AssertionError, match="not in the transcript"):
        replay.play("+ 1")
