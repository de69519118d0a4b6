"""Why a board did not come online, from the lines that the firmware prints."""

from __future__ import annotations

import pytest

from darvaz.boards.flashing.diagnosis import LAST_LINES_MAX, Diagnosis
from darvaz.boards.flashing.errors import FlashOutcome

BANNER = "Darvaz 0.1.0 on Raspberry Pi Pico W. Ctrl-C for the prompt."
GATEWAY = "ws://192.168.1.5:3000"
JOINED = "I 1.200 wifi: joined Home as 192.168.1.40"
TRACEBACK = ["Traceback (most recent call last):", '  File "main.py", line 3, in <module>', "NameError: name 'x'"]


def diagnose(*lines: str) -> Diagnosis:
    diagnosis = Diagnosis()
    for line in lines:
        diagnosis.note_line(line)
    return diagnosis


@pytest.mark.parametrize(
    ("line", "times", "code", "outcome", "word"),
    [
        ("W 3.000 wifi: Home: seen, but joining failed: is the password right?", 2, "wrong_password", 5, "--wifi"),
        ("W 3.000 wifi: Hőme ۱: not seen", 2, "not_seen", 5, "2.4 GHz"),
        ("W 9.000 wifi: Home: joined, but got no address", 2, "no_address", 5, "DHCP"),
        (f"W 4.000 gateway {GATEWAY}: refused with 401: a valid token", 1, "token_refused", 6, "--data"),
        (f"W 4.000 gateway {GATEWAY}: closed with 4409", 2, "replaced", 6, "--device"),
        (f"W 4.000 gateway {GATEWAY}: no connection: ECONNREFUSED", 2, "unreachable", 6, "nothing answers"),
        (f"W 4.000 gateway {GATEWAY}: refused with 404: ", 2, "not_a_gateway", 6, "another program use the port"),
        ("E 1.000 camera: this firmware has no camera module", 1, "no_camera", 3, "camera image"),
        ("Brownout detector was triggered", 1, "brown_out", 7, "supply"),
        ("ConfigError: config.json: networks is missing", 1, "bad_config", 7, "networks is missing"),
    ],
)
def test_each_failure_is_known_by_its_line(line: str, times: int, code: str, outcome: int, word: str) -> None:
    if times > 1:
        assert diagnose(line).verdict() is None

    verdict = diagnose(*[line] * times).verdict()

    assert verdict is not None
    assert (verdict.code, verdict.outcome) == (code, FlashOutcome(outcome))
    assert word in verdict.sentence


def test_a_wifi_that_is_joined_at_last_is_not_a_failure() -> None:
    not_seen = "W 3.000 wifi: Home: not seen"

    assert diagnose(not_seen, JOINED).is_joined
    assert diagnose(not_seen, not_seen, JOINED).verdict() is None


def test_a_program_that_ended_is_reported_with_its_error() -> None:
    verdict = diagnose(BANNER, *TRACEBACK).verdict()

    assert verdict is not None and verdict.outcome == FlashOutcome.NOT_RUNNING
    assert "NameError: name 'x'" in verdict.sentence


def test_a_traceback_in_the_log_is_not_the_end_of_the_program() -> None:
    assert diagnose(BANNER, "E 5.000 command pan failed", *TRACEBACK).verdict() is None


def test_a_board_that_starts_again_and_again_is_reported() -> None:
    verdict = diagnose(*[BANNER] * 4).verdict()

    assert verdict is not None and "restarts again and again" in verdict.sentence


def test_without_an_explanation_the_last_line_is_reported() -> None:
    silent = diagnose().at_the_end("", 60)
    odd = diagnose(BANNER, JOINED, "hello").at_the_end("", 60)

    assert (silent.code, silent.outcome) == ("silent", FlashOutcome.NOT_RUNNING)
    assert (odd.code, odd.outcome) == ("unexplained", FlashOutcome.NO_GATEWAY) and "hello" in odd.sentence


def test_a_refusal_of_the_gateway_counts_if_the_board_prints_no_reason() -> None:
    diagnosis = diagnose(BANNER, JOINED)
    diagnosis.note_refusal("401 not_authorised", "192.168.1.40")

    verdict = diagnosis.at_the_end("", 60)

    assert verdict.code == "refused" and "192.168.1.40" in verdict.sentence


def test_only_the_last_lines_are_kept() -> None:
    assert diagnose(*[f"line {number}" for number in range(LAST_LINES_MAX + 1)]).lines[0] == "line 1"
