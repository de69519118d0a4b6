"""Why a board did not come online: from the very lines that the firmware prints."""

from __future__ import annotations

import pytest

from darvaz.boards.flashing.diagnosis import LAST_LINES_MAX, Diagnosis
from darvaz.boards.flashing.errors import FlashOutcome

BANNER = "Darvaz 0.1.0 on Raspberry Pi Pico W. Ctrl-C for the prompt."
GATEWAY = "ws://192.168.1.5:3000"
JOINED = "I 1.200 wifi: joined Home as 192.168.1.40"
TRACEBACK = ["Traceback (most recent call last):", '  File "main.py", line 3, in <module>', "NameError: name 'x'"]


def heard(*lines: str) -> Diagnosis:
    diagnosis = Diagnosis()
    for line in lines:
        diagnosis.hear(line)
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
        (f"W 4.000 gateway {GATEWAY}: refused with 404: ", 2, "not_a_gateway", 6, "port taken"),
        ("E 1.000 camera: this firmware has no camera module", 1, "no_camera", 3, "camera image"),
        ("Brownout detector was triggered", 1, "brown_out", 7, "supply"),
        ("ConfigError: config.json: networks is missing", 1, "bad_config", 7, "networks is missing"),
    ],
)
def test_each_failure_is_known_by_its_line(line: str, times: int, code: str, outcome: int, word: str) -> None:
    if times > 1:
        assert heard(line).verdict() is None

    verdict = heard(*[line] * times).verdict()

    assert verdict is not None
    assert (verdict.code, verdict.outcome) == (code, FlashOutcome(outcome))
    assert word in verdict.sentence


def test_a_wifi_that_came_at_last_was_no_trouble() -> None:
    trouble = "W 3.000 wifi: Home: not seen"

    assert heard(trouble, JOINED).is_joined
    assert heard(trouble, trouble, JOINED).verdict() is None


def test_a_program_that_ended_is_told_with_its_error() -> None:
    verdict = heard(BANNER, *TRACEBACK).verdict()

    assert verdict is not None and verdict.outcome == FlashOutcome.NOT_RUNNING
    assert "NameError: name 'x'" in verdict.sentence


def test_a_traceback_that_the_board_logs_ends_no_program() -> None:
    assert heard(BANNER, "E 5.000 command pan failed", *TRACEBACK).verdict() is None


def test_a_board_that_starts_again_and_again_is_told_so() -> None:
    verdict = heard(*[BANNER] * 4).verdict()

    assert verdict is not None and "restarts again and again" in verdict.sentence


def test_at_the_end_the_last_line_is_told_where_nothing_explains_it() -> None:
    silent = heard().at_the_end("", 60)
    odd = heard(BANNER, JOINED, "hello").at_the_end("", 60)

    assert (silent.code, silent.outcome) == ("silent", FlashOutcome.NOT_RUNNING)
    assert (odd.code, odd.outcome) == ("unexplained", FlashOutcome.NO_GATEWAY) and "hello" in odd.sentence


def test_what_the_gateway_refused_counts_where_the_board_says_nothing_of_it() -> None:
    diagnosis = heard(BANNER, JOINED)
    diagnosis.note_refusal("401 not_authorised", "192.168.1.40")

    verdict = diagnosis.at_the_end("", 60)

    assert verdict.code == "refused" and "192.168.1.40" in verdict.sentence


def test_only_the_last_lines_are_kept() -> None:
    assert heard(*[f"line {number}" for number in range(LAST_LINES_MAX + 1)]).lines[0] == "line 1"
