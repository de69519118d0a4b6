"""The contract's transcripts from the board's side: it receives what the gateway sent, and sends what boards sent."""

import json
import os
import unittest

from firmware.lib.darvaz import session

FOLDER = "tests/contract/transcripts"
# Transcripts give the fields that matter; these are the others.
FILLING = {
    "connection_ack": {"status": "success", "message": "hello"},
    "error": {"message": "something is wrong"},
    "ping": {},
}
STEP_MS = 5000


class Replay:
    """One transcript, line by line, through a board's session."""

    def __init__(self, lines):
        self.commands = []
        self.checked = 0
        self._command = None
        messages = [json.loads(line[2:]) for line in lines if line.startswith("< {")]
        introduction = [message for message in messages if message["type"] == "connect"][:1]
        shown = [message for message in messages if message["type"] == "auth"]
        self._now_ms = 0
        self._pong = {}
        self._session = session.Session(
            introduction[0] if introduction else {"type": "connect", "device": "nobody"},
            lambda: dict(self._pong),
            4096,
        )
        self._session.open(0, shown[0] if shown else None)

    def play(self, line):
        """Plays one line; raises AssertionError where the board does otherwise."""
        mark, _, rest = line.partition(" ")
        if mark == "+":
            self._wait(int(float(rest) * 1000))
        elif line.startswith("! command ") or line.startswith("! update ") or line.startswith("! prompt "):
            self._command = json.loads(rest[rest.index(" ") + 1 :])
        elif mark == ">":
            self._receive(json.loads(rest))
        elif mark == "<" and rest.startswith("{"):
            self._send(json.loads(rest))

    def _wait(self, length_ms):
        for _ in range(length_ms // STEP_MS):
            self._now_ms += STEP_MS
            self._session.tick(self._now_ms)
            # Between the lines the gateway answers what the board asks.
            if self._session.writes and json.loads(self._session.writes[-1])["type"] == "ping":
                self._session.writes.pop()
                self._session.receive('{"type":"pong"}', self._now_ms)

    def _receive(self, message):
        if message["type"] in ("command", "update", "prompt"):
            message = dict(self._command, type=message["type"])
        for name in FILLING.get(message["type"], {}):
            message.setdefault(name, FILLING[message["type"]][name])
        self._session.receive(json.dumps(message), self._now_ms)
        self.commands.append(message)
        self._check_event(message)

    def _check_event(self, message):
        events, self._session.events[:] = list(self._session.events), []
        expected = {
            "connection_ack": [("opened", message)],
            "error": [("fault", message.get("code", ""), message.get("message"), message.get("retry_after_s"))],
            "update": [("update", message)],
            "prompt": [("prompt", message)],
            "command": [("command", message.get("id"), message.get("name"), message.get("args"))],
        }.get(message["type"], [])
        if events != expected:
            raise AssertionError("heard %r, made %r of it" % (message, events))
        self.checked += 1

    def _send(self, message):
        kind = message["type"]
        if (
            kind in ("ack", "log", "telemetry", "update_state", "prompt_output", "crash")
            and self._session.state == session.OPEN
        ):
            try:
                self._session.send(message)
            except ValueError:
                # A fault that the transcript is about: our boards do not send it.
                return
        elif kind not in ("connect", "auth", "pong") or not self._session.writes:
            return
        written = json.loads(self._session.writes.pop(0))
        # The fields of a pong are the board's own.
        if written["type"] != kind or (kind != "pong" and written != message):
            raise AssertionError("said %r instead of %r" % (written, message))
        self.checked += 1


def play(name):
    """Plays a transcript to its end and returns the replay."""
    with open(FOLDER + "/" + name) as file:
        lines = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    replay = Replay(lines)
    for line in lines:
        try:
            replay.play(line)
        except AssertionError as error:
            raise AssertionError("%s, %s: %s" % (name, line, error))
    return replay


class Transcripts(unittest.TestCase):
    """Every conversation of the contract is right at both ends."""

    def test_every_transcript_is_played_to_its_end(self):
        names = sorted(name for name in os.listdir(FOLDER) if name.endswith(".txt"))
        self.assertGreaterEqual(len(names), 10)
        for name in names:
            self.assertGreaterEqual(play(name).checked, 1)

    def test_replay_notices_a_board_that_sends_something_else(self):
        replay = Replay(['< {"type": "connect", "device": "door"}'])

        with self.assertRaises(AssertionError):
            replay.play('< {"type": "connect", "device": "window"}')
