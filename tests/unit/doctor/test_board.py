"""What the doctor finds of a board, from what a gateway would tell of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from darvaz.doctor.board import HEAP_FREE_LEAST_BYTES, RSSI_LEAST_DBM, RSSI_WEAK_DBM, check_board
from darvaz.doctor.board_facts import ANSWER_S, ENDS_MAX, STARTS_MAX, BoardFacts
from darvaz.doctor.finding import Finding, StepOutcome

HERE, THERE = "192.168.1.7", "192.168.1.8"
WELL: dict[str, Any] = {
    "id": "lamp", "online": True, "since": 1000.0, "last_seen": 1000.0, "address": HERE, "protection": "encrypted",
    "version": "0.1.0", "reset_cause": "power_on", "rssi_dbm": -60, "heap_free_bytes": 140_000,
    "program": {"state": "flashed", "has_key": True, "mpy": 6, "micropython": "1.29.0"},
}  # fmt: skip
FACTS = BoardFacts(
    "lamp", WELL, gateway_version="0.1.0", micropython="1.29.0", mpy_version=6, ago=lambda then_s: f"at {then_s:g}"
)


def entry(type_: str, payload: str, *, time: float = 1.0, address: str = HERE, **more: Any) -> dict[str, Any]:
    return {
        "type": type_,
        "payload": payload,
        "time": time,
        "address": address,
        "device": "lamp",
        "kind": "pico",
    } | more


def started(boot_id: str, cause: str, **more: Any) -> dict[str, Any]:
    return entry("connect", json.dumps({"type": "connect", "boot_id": boot_id, "reset_cause": cause}), **more)


def found(facts: BoardFacts = FACTS, **device: Any) -> dict[str, Finding]:
    changed = facts if not device else replace(facts, device={**WELL, **device})
    return {finding.step: finding for finding in check_board(changed)}


def with_entries(*entries: dict[str, Any], **others: list[dict[str, Any]]) -> BoardFacts:
    by_type = {each["type"]: [one for one in entries if one["type"] == each["type"]] for each in entries}
    return replace(FACTS, entries=by_type, others={name.replace("_", " "): rows for name, rows in others.items()})


def is_wrong(finding: Finding) -> bool:
    return finding.outcome is StepOutcome.FAILED and finding.remedy != ""


def test_board_that_is_well_has_no_remedy() -> None:
    findings = found().values()

    assert {finding.outcome for finding in findings} == {StepOutcome.OK}
    assert [finding.remedy for finding in findings if finding.remedy] == []


def test_board_that_tells_nothing_of_itself_is_not_said_to_be_ill() -> None:
    names = ("version", "reset_cause", "rssi_dbm", "heap_free_bytes", "program")
    silent: dict[str, Any] = dict.fromkeys(names)

    outcomes = {finding.outcome for finding in found(FACTS, **silent).values()}

    assert outcomes == {StepOutcome.OK, StepOutcome.SKIPPED, StepOutcome.ADVICE}


def test_offline_board_says_why_its_last_link_ended() -> None:
    facts = with_entries(entry("disconnected", "closed 4408 nothing arrived"))

    link = found(replace(facts, device={**WELL, "online": False, "since": None, "protection": None}))["link"]

    assert is_wrong(link) and "at 1000: closed 4408 nothing arrived" in link.detail and "`pong`" in link.remedy


def test_links_that_broke_are_told_from_one_too_many_on_and_restarts_of_the_gateway_are_not_counted() -> None:
    broken = [entry("disconnected", "closed 1006 gone")] * ENDS_MAX
    restarts = [entry("disconnected", "closed 1012 restarting")] * 20

    few = found(with_entries(*broken[1:], *restarts))["ends"]
    many = found(with_entries(*broken, *restarts))["ends"]

    assert (few.outcome, few.detail) == (
        StepOutcome.OK,
        f"{ENDS_MAX - 1} links ended in the last day: closed 1006 gone ×4",
    )
    assert is_wrong(many) and "Wi-Fi" in many.remedy


@pytest.mark.parametrize(
    ("cause", "count", "word"),
    [("watchdog", 1, "crashes"), ("reset_or_watchdog", STARTS_MAX, "crashes"), ("power_on", STARTS_MAX, "supply"),
     ("soft_reset", STARTS_MAX, "restarts it")],
)  # fmt: skip
def test_starts_that_are_too_many_or_by_the_watchdog_have_a_remedy(cause: str, count: int, word: str) -> None:
    starts = found(with_entries(*(started(f"boot{number}", cause) for number in range(count))))["starts"]

    assert is_wrong(starts) and word in starts.remedy and f"{cause} ×{count}" in starts.detail


def test_links_of_one_start_are_one_start() -> None:
    starts = found(with_entries(*[started("same", "power_on")] * 20))["starts"]

    assert starts.outcome is StepOutcome.OK and starts.detail.startswith("starts in the last day: 1, power_on")


def test_crashes_are_named_with_their_number() -> None:
    group = {"id": "abc", "title": "OSError in main.py", "count": 9, "devices": {"lamp": 4}, "last_seen": 7.0}

    crashes = found(replace(FACTS, crashes=[group]))["crashes"]

    assert is_wrong(crashes) and "OSError in main.py ×4" in crashes.detail and "darvaz crashes abc" in crashes.remedy


@pytest.mark.parametrize(
    ("device", "step", "outcome"),
    [
        ({"rssi_dbm": RSSI_WEAK_DBM}, "signal", StepOutcome.OK),
        ({"rssi_dbm": RSSI_LEAST_DBM}, "signal", StepOutcome.ADVICE),
        ({"rssi_dbm": RSSI_LEAST_DBM - 1}, "signal", StepOutcome.FAILED),
        ({"heap_free_bytes": HEAP_FREE_LEAST_BYTES}, "heap", StepOutcome.OK),
        ({"heap_free_bytes": HEAP_FREE_LEAST_BYTES - 1}, "heap", StepOutcome.FAILED),
        ({"protection": "token_protected"}, "encryption", StepOutcome.ADVICE),
        ({"protection": "open"}, "encryption", StepOutcome.ADVICE),
        ({"protection": "open", "address": "127.0.0.1"}, "encryption", StepOutcome.OK),
        ({"program": {"state": "flashed"}}, "updates", StepOutcome.ADVICE),
        ({"program": {"state": "flashed", "has_key": True, "mpy": 5}}, "updates", StepOutcome.FAILED),
        ({"program": {"state": "safe_mode", "reason": "reset 3 times"}}, "program", StepOutcome.FAILED),
        ({"program": {"state": "fell_back", "reason": "no"}}, "program", StepOutcome.FAILED),
        ({"version": "0.0.9"}, "firmware", StepOutcome.ADVICE),
        ({"program": {"state": "flashed", "micropython": "1.9.4"}}, "micropython", StepOutcome.ADVICE),
        ({"program": {"state": "flashed", "micropython": "1.30.0"}}, "micropython", StepOutcome.OK),
    ],
)  # fmt: skip
def test_what_the_board_told_of_itself_is_judged(device: dict[str, Any], step: str, outcome: StepOutcome) -> None:
    finding = found(**device)[step]

    assert finding.outcome is outcome
    assert bool(finding.remedy) == (outcome is not StepOutcome.OK)


def test_clock_that_was_set_while_the_board_was_online_is_told() -> None:
    before, after = [entry("clock set", "9 s back", time=set_s, device=None) for set_s in (999.0, 1001.0)]

    assert found(with_entries(clock_set=[before]))["clock"].outcome is StepOutcome.OK
    assert is_wrong(found(with_entries(clock_set=[before, after]))["clock"])


def test_missing_messages_are_added_up() -> None:
    lost = found(with_entries(*(entry("gap", f"{count} messages of this board are missing") for count in (3, 4))))[
        "lost"
    ]

    assert is_wrong(lost) and lost.detail.startswith("7 messages") and "outbox_bytes" in lost.remedy


def test_two_boards_with_one_id_are_told() -> None:
    warned = found(with_entries(entry("two boards", "two boards have the id lamp, at 192.168.1.7 and 192.168.1.8")))
    replaced = entry("disconnected", "closed 4409 a newer link took over")
    moved = found(with_entries(started("a", "power_on"), started("b", "power_on", address=THERE), replaced))

    assert is_wrong(warned["namesakes"]) and HERE in warned["namesakes"].detail
    assert moved["namesakes"].outcome is StepOutcome.ADVICE and THERE in moved["namesakes"].detail


def test_sign_in_refused_with_this_id_is_told_also_of_an_id_that_is_not_known() -> None:
    shown = started("a", "power_on", time=10.0, address=THERE)
    refusal = entry("closing", "4403 not_allowed: this token belongs to another device", time=10.1, address=THERE)
    late = {**refusal, "time": 10.1 + ANSWER_S, "device": None}
    facts = with_entries(shown, closing=[{**refusal, "device": None}, {**refusal, "device": "other"}, late])

    findings = found(replace(facts, device=None))

    assert findings.keys() == {"link", "sign-ins"} and is_wrong(findings["link"])
    assert is_wrong(findings["sign-ins"]) and findings["sign-ins"].detail.startswith("1 refused with this id")
    assert "this token belongs to another device" in findings["sign-ins"].detail


def test_refusals_of_boards_at_its_address_are_told_and_not_those_of_people() -> None:
    rows = [entry("refused", "401 not_authorised", device=None, kind=kind, address=address)
            for kind, address in (("pico", HERE), ("pico", THERE), (None, HERE))]  # fmt: skip

    signs = found(with_entries(refused=rows))["sign-ins"]

    assert is_wrong(signs) and "1 without one" in signs.detail and THERE not in signs.detail


def test_who_may_not_see_refusals_is_told_so() -> None:
    assert found(replace(FACTS, others=None))["sign-ins"].outcome is StepOutcome.SKIPPED


def test_texts_of_boards_cannot_command_a_terminal() -> None:
    findings = found(version="1\x1b[2J", reset_cause="\x07x", program={"state": "fell_back", "reason": "\x1b]0;x\x07"})

    assert all(text.isprintable() for finding in findings.values() for text in (finding.detail, finding.remedy))
