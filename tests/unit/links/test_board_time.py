"""When what a board says happened: by the uptimes of its introduction, its pongs and what came together."""

from __future__ import annotations

import json
from typing import Any

import pytest

from darvaz.gateway.links.board_time import BoardTime
from darvaz.protocol.codec import MessageCodec

PROTOCOL = MessageCodec()
NOW_S = 1000.0


def text(type_: str, **fields: Any) -> str:
    return json.dumps({"type": type_, **fields})


def message(type_: str, **fields: Any) -> Any:
    return PROTOCOL.parse(text(type_, **fields))


def reading(uptime_ms: float) -> str:
    return text("telemetry", values={"t": 1}, uptime_ms=uptime_ms)


def age_s(board_time: BoardTime, uptime_ms: float, now_s: float = NOW_S) -> float:
    packet = reading(uptime_ms)
    return board_time.age_s(PROTOCOL.parse(packet), [packet], now_s)


def test_without_an_uptime_a_message_is_as_old_as_its_arrival() -> None:
    assert BoardTime().age_s(message("log", message="x"), ['{"type":"log","message":"x"}'], NOW_S) == 0.0


def test_the_introduction_tells_how_old_the_messages_are_that_waited() -> None:
    board_time = BoardTime()
    board_time.begin(message("connect", device="a", uptime_ms=600_000), NOW_S)

    assert age_s(board_time, 0) == pytest.approx(600.0)
    assert age_s(board_time, 599_000.5) == pytest.approx(0.9995)


def test_what_an_earlier_start_left_is_as_old_as_the_gateway_knows_that_start_to_be() -> None:
    board_time = BoardTime()
    board_time.begin(message("connect", device="a", boot_id="one"), NOW_S, known_uptime_s=7200.0)

    assert age_s(board_time, 600_000) == pytest.approx(6600.0)
    assert age_s(board_time, 660_000) == pytest.approx(6540.0)


def test_the_uptime_in_an_introduction_counts_and_not_what_the_gateway_knew() -> None:
    board_time = BoardTime()
    board_time.begin(message("connect", device="a", uptime_ms=600_000), NOW_S, known_uptime_s=7200.0)

    assert age_s(board_time, 0) == pytest.approx(600.0)


def test_the_last_of_a_burst_tells_how_old_the_first_is() -> None:
    burst: list[str | bytes] = [reading(1000), reading(61_000)]

    assert BoardTime().age_s(PROTOCOL.parse(str(burst[0])), burst, NOW_S) == pytest.approx(60.0)


@pytest.mark.parametrize("last", [b"\xff\xd8\xff\xd9", text("ping"), '"uptime_ms":'])
def test_a_burst_whose_last_packet_tells_no_uptime_starts_at_its_arrival(last: str | bytes) -> None:
    assert BoardTime().age_s(PROTOCOL.parse(reading(1000)), [reading(1000), last], NOW_S) == pytest.approx(0.0)


def test_the_answer_to_a_ping_takes_the_transit_out() -> None:
    board_time = BoardTime()
    # The introduction was two seconds under way, the answer to a ping half a second.
    board_time.begin(message("connect", device="a", uptime_ms=10_000), NOW_S)
    board_time.answer(message("pong", uptime_ms=22_000), pinged_s=NOW_S + 9.9, now_s=NOW_S + 10.5)

    assert age_s(board_time, 12_000, NOW_S + 11) == pytest.approx(10.5 + 0.3, abs=0.31)


def test_an_unasked_pong_in_whole_seconds_tells_the_uptime() -> None:
    board_time = BoardTime()
    board_time.answer(message("pong", uptime_s=3600), pinged_s=0.0, now_s=NOW_S)

    assert age_s(board_time, 3_000_000) == pytest.approx(600.0)


def test_a_new_introduction_begins_a_new_time() -> None:
    board_time = BoardTime()
    board_time.begin(message("connect", device="a", uptime_ms=600_000), NOW_S)
    board_time.begin(message("connect", device="a", uptime_ms=3000), NOW_S + 5)

    assert age_s(board_time, 1000, NOW_S + 5) == pytest.approx(2.0)
