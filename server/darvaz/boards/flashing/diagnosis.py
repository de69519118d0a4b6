"""Why a board did not come online, from its serial output and from the gateway's journal.

Without I/O: lines and refusals go in, a sentence and an exit status come out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from darvaz.boards.flashing.errors import FlashOutcome

LAST_LINES_MAX = 8
_BANNERS_MAX = 3
_LINE_CHARS_MAX = 300


@dataclass(frozen=True, slots=True)
class Symptom:
    """A line that a board prints when it fails; after `certain_after` such lines the cause is certain."""

    code: str
    pattern: re.Pattern[str]
    certain_after: int
    outcome: FlashOutcome
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What went wrong, and what to do."""

    code: str
    outcome: FlashOutcome
    sentence: str


def _symptom(code: str, pattern: str, certain_after: int, outcome: FlashOutcome, sentence: str) -> Symptom:
    return Symptom(code, re.compile(pattern), certain_after, outcome, sentence)


_GATEWAY = r"^W \d+\.\d+ gateway (?P<gateway>\S+): "

SYMPTOMS = (
    _symptom(
        "brown_out",
        r"Brownout detector was triggered|the board restarted while the camera was starting",
        1,
        FlashOutcome.NOT_RUNNING,
        "the board's supply breaks down (brown-out): use a shorter cable and a supply of 5 V and 2 A; docs/hardware.md",
    ),
    _symptom(
        "no_camera",
        r"this firmware has no camera module",
        1,
        FlashOutcome.INCOMPATIBLE,
        "the board's MicroPython has no camera module: install the camera image (docs/hardware.md), then flash again",
    ),
    _symptom(
        "wrong_password",
        r"wifi: (?P<ssid>.*): seen, but joining failed",
        2,
        FlashOutcome.NO_WIFI,
        "the Wi-Fi {ssid} is there but does not accept the board: is the password right? Type it again with --wifi"
        " (make flash ARGS=--wifi)",
    ),
    _symptom(
        "not_seen",
        r"wifi: (?P<ssid>.*): not seen",
        2,
        FlashOutcome.NO_WIFI,
        "the board does not see the Wi-Fi {ssid}: is the name right, the router near, and is it 2.4 GHz (these boards"
        " cannot use 5 GHz)? Type it again with --wifi (make flash ARGS=--wifi)",
    ),
    _symptom(
        "no_address",
        r"wifi: (?P<ssid>.*): joined, but got no address",
        2,
        FlashOutcome.NO_WIFI,
        "the Wi-Fi {ssid} accepted the board, but its router gave no address: restart the router, and check that DHCP"
        " is on and has free addresses",
    ),
    _symptom(
        "wifi_failed",
        r"wifi: (?P<ssid>.*): joining failed: (?P<why>.*)|the radio does not start: (?P<why2>.*)",
        2,
        FlashOutcome.NO_WIFI,
        "the board could not join the Wi-Fi ({why}): unplug it, plug it in, and run this again",
    ),
    _symptom(
        "token_refused",
        _GATEWAY + r"(refused with 401|closed with 4401)",
        1,
        FlashOutcome.NO_GATEWAY,
        "the gateway at {gateway} does not know the board's token: it keeps its data elsewhere. Say where with --data"
        " (DARVAZ_DATA), or, if it runs on another machine, with --gateway and an operator's token in DARVAZ_TOKEN",
    ),
    _symptom(
        "too_many_failures",
        _GATEWAY + r"refused with 429",
        2,
        FlashOutcome.NO_GATEWAY,
        "the gateway at {gateway} makes the board wait after too many failed attempts: wait five minutes, then"
        " `darvaz reset`",
    ),
    _symptom(
        "other_device",
        _GATEWAY + r"(refused with 403|closed with 4403)",
        1,
        FlashOutcome.NO_GATEWAY,
        "the gateway at {gateway} knows this name as a board of the other kind: give the board a name of its own with"
        " --device NAME (make flash DEVICE=NAME)",
    ),
    _symptom(
        "replaced",
        _GATEWAY + r"closed with 4409",
        2,
        FlashOutcome.NO_GATEWAY,
        "another board has the same name, and each closes the other's link: give this one a name of its own with"
        " --device NAME (make flash DEVICE=NAME)",
    ),
    _symptom(
        "gateway_ill",
        _GATEWAY + r"refused with 503",
        2,
        FlashOutcome.NO_GATEWAY,
        "the gateway at {gateway} cannot accept the board now: its own log says why (is its disk full?)",
    ),
    _symptom(
        "not_a_gateway",
        _GATEWAY + r"(refused with (?P<status>\d+)|.*the answer (is not HTTP|lacks|has a malformed))",
        2,
        FlashOutcome.NO_GATEWAY,
        "what answers the board at {gateway} is not a Darvaz gateway: does another program use the port?"
        " Start the gateway on another port, and say where it is with --gateway",
    ),
    _symptom(
        "tls",
        _GATEWAY + r".*(certificate|MBEDTLS|mbedtls|ssl)",
        2,
        FlashOutcome.NO_GATEWAY,
        "the board does not trust the certificate of {gateway}: docs/operations.md says how to give it the authority",
    ),
    _symptom(
        "unreachable",
        _GATEWAY + r"(no connection|no answer)",
        2,
        FlashOutcome.NO_GATEWAY,
        "the board is in the Wi-Fi, but nothing answers it at {gateway}: {remedy}",
    ),
    _symptom(
        "bad_config",
        r"^ConfigError: (?P<why>.*)",
        1,
        FlashOutcome.NOT_RUNNING,
        "the board cannot use its settings ({why}): correct them there, or remove config.json (mpremote rm"
        " :config.json), and run this again",
    ),
    _symptom(
        "wrong_version",
        r"^ImportError: (?P<why>.*)|^SyntaxError: (?P<why2>.*)",
        1,
        FlashOutcome.NOT_RUNNING,
        "main.py does not start ({why}): correct it, or take ours with --reset-main (yours is kept)",
    ),
)
_TRACEBACK = "Traceback (most recent call last):"
_LOGGED = re.compile(r"^[DIWEC] \d+\.\d{3} ")
_BANNER = re.compile(r"^Darvaz \S+ on .*Ctrl-C for the prompt\.$")
_JOINED = re.compile(r"wifi: joined ")
_ERROR = re.compile(r"^\w+(\.\w+)*: .*|^\w*(Error|Exception|Interrupt)$")
# Symptoms that are forgotten once the board has joined its Wi-Fi.
_WIFI_CODES = frozenset(("wrong_password", "not_seen", "no_address", "wifi_failed"))


class Diagnosis:
    """Reads the output of a board from its start; `verdict` returns why it fails once that is certain."""

    def __init__(self) -> None:
        # By the code of a symptom: how many lines had it, and the named groups of the last one.
        self._counts: dict[str, int] = {}
        self._fields: dict[str, dict[str, str]] = {}
        # The first symptom that became certain, and the last one that was seen.
        self._certain: Symptom | None = None
        self._last: Symptom | None = None
        # Starts of the board's program.
        self._banners = 0
        self._previous = ""
        # Whether the lines now are a traceback that is not part of the board's log.
        self._is_in_traceback = False
        # The last line of that traceback: the program has ended with it.
        self._failure: str | None = None
        # What the gateway refused, to this board or another, with the address.
        self._refusal: str | None = None
        # The last LAST_LINES_MAX lines, for people.
        self.lines: list[str] = []
        self.is_joined = False

    def note_line(self, line: str) -> None:
        """Takes one line of the serial port."""
        line = line[:_LINE_CHARS_MAX]
        if not line.strip():
            return
        self.lines = [*self.lines, line][-LAST_LINES_MAX:]
        self._note_banner(line)
        self._note_traceback(line)
        if _JOINED.search(line):
            self.is_joined = True
            self._forget(_WIFI_CODES)
        for symptom in SYMPTOMS:
            if found := symptom.pattern.search(line):
                self._count(symptom, {name: value for name, value in found.groupdict().items() if value is not None})
                break
        self._previous = line

    def note_refusal(self, reason: str, address: str) -> None:
        """Takes a refusal from the gateway's journal, such as "401 not_authorised".

        It may be of another board: it counts only if this one prints no reason itself.
        """
        self._refusal = f"{reason}, of a board at {address}"

    def verdict(self, remedy: str = "is it running, and does the firewall admit the board?") -> Verdict | None:
        """Returns why the board fails, if that is certain."""
        if self._failure is not None and self._certain is None:
            return Verdict(
                "program_failed",
                FlashOutcome.NOT_RUNNING,
                f"main.py ended with {self._failure}: correct it, or take ours with --reset-main (yours is kept)",
            )
        if self._banners > _BANNERS_MAX and self._certain is None:
            return self._restart_verdict()
        return self._verdict_of(self._certain, remedy)

    def at_the_end(self, remedy: str, waited_s: float) -> Verdict:
        """Returns the most likely reason when the time is over."""
        known = self.verdict(remedy) or self._verdict_of(self._last, remedy)
        if known is not None:
            return known
        if self._banners > 1:
            return self._restart_verdict()
        if self._refusal is not None:
            sentence = f"the gateway refused a board meanwhile ({self._refusal}): see `darvaz log`, and run this again"
            return Verdict("refused", FlashOutcome.NO_GATEWAY, sentence)
        if not self.lines:
            sentence = (
                f"the board printed nothing in {waited_s:.0f} s: press its reset button, or unplug it and plug it in"
                " again; then run this again"
            )
            return Verdict("silent", FlashOutcome.NOT_RUNNING, sentence)
        sentence = f"the board was not online after {waited_s:.0f} s; its last line: {self.lines[-1]}"
        return Verdict("unexplained", FlashOutcome.NO_GATEWAY if self.is_joined else FlashOutcome.NOT_RUNNING, sentence)

    def _note_banner(self, line: str) -> None:
        self._banners += bool(_BANNER.match(line))

    def _note_traceback(self, line: str) -> None:
        if line == _TRACEBACK:
            # After a line of the log, a traceback is part of the log; otherwise the program has ended with it.
            self._is_in_traceback = not _LOGGED.match(self._previous)
        elif self._is_in_traceback and not line.startswith(" "):
            self._is_in_traceback = False
            if _ERROR.match(line):
                self._failure = line

    def _count(self, symptom: Symptom, fields: dict[str, str]) -> None:
        self._counts[symptom.code] = self._counts.get(symptom.code, 0) + 1
        self._fields[symptom.code] = fields
        self._last = symptom
        if self._counts[symptom.code] >= symptom.certain_after and self._certain is None:
            self._certain = symptom

    def _forget(self, codes: frozenset[str]) -> None:
        for code in codes:
            self._counts.pop(code, None)
        if self._last is not None and self._last.code in codes:
            self._last = None
        if self._certain is not None and self._certain.code in codes:
            self._certain = None

    def _verdict_of(self, symptom: Symptom | None, remedy: str) -> Verdict | None:
        if symptom is None:
            return None
        fields = dict(self._fields[symptom.code])
        fields.setdefault("why", fields.get("why2", ""))
        return Verdict(symptom.code, symptom.outcome, symptom.sentence.format(**fields, remedy=remedy))

    def _restart_verdict(self) -> Verdict:
        return Verdict(
            "restarting",
            FlashOutcome.NOT_RUNNING,
            f"the board restarts again and again ({self._banners} times): its supply may be too weak (brown-out; use a"
            " shorter cable and 5 V, 2 A), or its watchdog resets it (`darvaz monitor` shows its output)",
        )
