"""The board's library on real MicroPython against gateways that cut, stall, flood and break the protocol."""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path

import pytest

from tests.support.board_process import QUICK, BoardProcess
from tests.support.rough_gateway import BINARY, CLOSE, PING, PONG, TEXT, WELCOME, Caller, RoughGateway, packet, text

COMMAND = {"type": "command", "id": 1, "name": "pan", "args": {"angle": 90}}
ATTENTIVE = {"session": {"QUIET_MS": 400, "ANSWER_MS": 400}, "link": {"HANDSHAKE_MS": 600, "CONNECT_MS": 1000}}


def serve_well(caller: Caller) -> None:
    """Welcomes the board and stays until it leaves."""
    caller.open()
    caller.wait_for_end()


# Gateways that say nothing


def test_gateway_that_accepts_and_never_answers_is_given_up(tmp_path: Path) -> None:
    def script(caller: Caller, number: int) -> None:
        caller.wait_for_end() if number == 0 else serve_well(caller)

    with RoughGateway(script) as gateway, BoardProcess(tmp_path, gateway.url, patch=ATTENTIVE) as board:
        board.expect("no answer to the handshake")
        board.expect("CONNECTED 1 ")


def test_gateway_that_never_welcomes_is_given_up(tmp_path: Path) -> None:
    def script(caller: Caller, number: int) -> None:
        if number == 0:
            caller.send(caller.answer())
            caller.wait_for_end()
        else:
            serve_well(caller)

    with RoughGateway(script) as gateway, BoardProcess(tmp_path, gateway.url, patch=ATTENTIVE) as board:
        board.expect("the gateway does not greet")
        board.expect("CONNECTED 1 ")


def test_gateway_that_falls_silent_gets_a_ping_and_is_then_left(tmp_path: Path) -> None:
    pinged = threading.Event()

    def script(caller: Caller, number: int) -> None:
        caller.open()
        if number == 0 and caller.message("ping"):
            pinged.set()
        caller.wait_for_end()

    with RoughGateway(script) as gateway, BoardProcess(tmp_path, gateway.url, patch=ATTENTIVE) as board:
        board.expect("the gateway does not answer")
        board.expect("CONNECTED 2 ")
        assert pinged.is_set()


def test_gateway_that_reads_nothing_is_left(tmp_path: Path) -> None:
    def script(caller: Caller, number: int) -> None:
        caller.open()
        if number == 0:
            # The command's frame fills every buffer on the way.
            caller.send(text({"type": "command", "id": 1, "name": "frame", "args": {"size_bytes": 8_000_000}}))
            for _ in range(100):
                time.sleep(0.05)
                caller.send(text({"type": "ping"}))
        caller.wait_for_end()

    patch = {"link": {"WRITE_MS": 800}}
    with RoughGateway(script) as gateway:
        with BoardProcess(tmp_path, gateway.url, patch=patch, heap="12m", kind="esp32cam") as board:
            board.expect("the network takes nothing")
            board.expect("CONNECTED 2 ")


def test_after_an_address_without_a_listener_the_next_one_is_tried(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        closed = nobody.getsockname()[1]

    with RoughGateway(lambda caller, number: serve_well(caller)) as gateway:
        config = {"gateways": [f"ws://127.0.0.1:{closed}", "ws://no.such.host.invalid:1", gateway.url]}
        with BoardProcess(tmp_path, gateway.url, config=config) as board:
            board.expect("CONNECTED 1 ")


def test_gateway_that_was_good_is_tried_first_again(tmp_path: Path) -> None:
    def script(caller: Caller, number: int) -> None:
        caller.open()
        if number == 0:
            caller.send(packet(CLOSE, b"\x03\xe8"))
        caller.wait_for_end()

    with RoughGateway(script) as good, RoughGateway(lambda caller, number: serve_well(caller)) as other:
        with BoardProcess(tmp_path, good.url, config={"gateways": [good.url, other.url]}) as board:
            board.expect("CONNECTED 2 ")
            assert (good.calls, other.calls) == (2, 0)


# Handshakes


def test_handshake_cut_after_every_byte_is_survived(tmp_path: Path) -> None:
    cuts: list[int] = []

    def script(caller: Caller, number: int) -> None:
        answer = caller.answer()
        if number < len(answer):
            cuts.append(number)
            caller.send(answer[:number])
        else:
            caller.send(answer)
            caller.message()
            caller.send(text(WELCOME))
            caller.wait_for_end()

    # A link that ends is noticed at the next tick.
    quick = {"link": {"_TICK_MS": 5, "CLOSE_MS": 20}}
    with RoughGateway(script) as gateway, BoardProcess(tmp_path, gateway.url, patch=quick) as board:
        board.expect("CONNECTED 1 ", deadline_s=90)
        assert cuts == list(range(len(cuts))) and len(cuts) > 100


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone", "refused with 404: gone"),
        (b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n", "refused with 503"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://example.org/\r\nContent-Length: 0\r\n\r\n", "refused with 302"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not HTTP"),
        (b"x" * 9000, "too long|not HTTP"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "lacks"),
        (
            b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
            "Sec-WebSocket-Accept",
        ),
    ],
)
def test_answer_that_is_not_a_handshake_is_explained(answer: bytes, reason: str, tmp_path: Path) -> None:
    def script(caller: Caller, number: int) -> None:
        if number == 0:
            caller.answer()
            caller.send(answer)
            caller.wait_for_end()
        serve_well(caller)

    with RoughGateway(script) as gateway, BoardProcess(tmp_path, gateway.url) as board:
        board.expect(reason)
        board.expect("CONNECTED 1 ")


def test_retry_after_is_obeyed(tmp_path: Path) -> None:
    times_s: list[float] = []

    def script(caller: Caller, number: int) -> None:
        times_s.append(time.monotonic())
        if number == 0:
            caller.answer()
            caller.send(b"HTTP/1.1 429 Slow\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n")
        else:
            serve_well(caller)

    with RoughGateway(script) as gateway, BoardProcess(tmp_path, gateway.url) as board:
        board.expect("CONNECTED 1 ")
        assert times_s[1] - times_s[0] >= 2


# Packets


def test_packets_delivered_one_byte_at_a_time_are_understood(tmp_path: Path) -> None:
    answers: list[dict[str, object]] = []

    def script(caller: Caller, number: int) -> None:
        for data in (caller.answer(), text(WELCOME), text(COMMAND)):
            for at in range(len(data)):
                caller.send(data[at : at + 1])
                time.sleep(0.0005)
        answers.append(caller.message("ack"))
        caller.wait_for_end()

    with RoughGateway(script) as gateway, BoardProcess(tmp_path, gateway.url) as board:
        board.expect("CONNECTED 1 ")
        board.expect("online")
        deadline_s = time.monotonic() + 10
        while not answers and time.monotonic() < deadline_s:
            time.sleep(0.02)
        assert answers[0]["result"] == {"angle": 90}


def test_megabyte_that_is_announced_is_refused_before_it_comes(tmp_path: Path) -> None:
    codes: list[int] = []

    def script(caller: Caller, number: int) -> None:
        caller.open()
        if number == 0:
            caller.send(bytes([0x81, 127]) + (1_000_000).to_bytes(8, "big") + b"x" * 100)
            codes.append(caller.closing())
        caller.wait_for_end()

    with RoughGateway(script) as gateway, BoardProcess(tmp_path, gateway.url) as board:
        board.expect("closed with 1009")
        board.expect("CONNECTED 2 ")
    assert codes == [1009]


def test_fragments_with_pings_between_them_are_one_message(tmp_path: Path) -> None:
    seen: list[tuple[int, bytes]] = []
    answers: list[dict[str, object]] = []

    def script(caller: Caller, number: int) -> None:
        caller.open()
        data = json.dumps(COMMAND).encode()
        for at, byte in enumerate(data):
            is_last = at == len(data) - 1
            caller.send(packet(TEXT if at == 0 else 0, bytes([byte]), is_last=is_last))
            if not is_last:
                caller.send(packet(PING, b"%d" % at))
        while not answers:
            opcode, payload = caller.receive()
            if opcode == PONG:
                seen.append((opcode, payload))
            elif opcode == TEXT and json.loads(payload)["type"] == "ack":
                answers.append(json.loads(payload))
        caller.wait_for_end()

    with RoughGateway(script) as gateway, BoardProcess(tmp_path, gateway.url) as board:
        board.expect("CONNECTED 1 ")
        deadline_s = time.monotonic() + 10
        while not answers and time.monotonic() < deadline_s:
            time.sleep(0.02)
        assert answers[0]["result"] == {"angle": 90}
        assert seen and seen[-1][1] == b"%d" % (len(json.dumps(COMMAND)) - 2)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (bytes([0xC1, 0]), 1002),  # a reserved bit
        (bytes([0x83, 0]), 1002),  # an unknown opcode
        (bytes([0x81, 0x80, 1, 2, 3, 4]), 1002),  # masked by the gateway
        (bytes([0x80, 0]), 1002),  # a continuation of nothing
        (bytes([0x89, 126, 0, 126]), 1002),  # a ping of 126 bytes
        (packet(TEXT, b"\xff\xfe"), 1007),
        (packet(CLOSE, b"\x03\xee"), 1002),  # 1006 must not be sent
        (packet(BINARY, b"x" * 5000), 1009),
    ],
)
def test_broken_packet_is_answered_with_its_close_code(data: bytes, code: int, tmp_path: Path) -> None:
    codes: list[int] = []

    def script(caller: Caller, number: int) -> None:
        caller.open()
        if number == 0:
            caller.send(data)
            codes.append(caller.closing())
        caller.wait_for_end()

    with RoughGateway(script) as gateway, BoardProcess(tmp_path, gateway.url) as board:
        board.expect("CONNECTED 2 ")
    assert codes == [code]


def test_binary_packet_of_a_gateway_is_ignored(tmp_path: Path) -> None:
    def script(caller: Caller, number: int) -> None:
        caller.open()
        caller.send(packet(BINARY, b"\xff\xd8\xff\xd9") + text(COMMAND))
        assert caller.message("ack")["status"] == "ok"
        caller.send(packet(CLOSE, b"\x03\xe8"))

    with RoughGateway(script) as gateway, BoardProcess(tmp_path, gateway.url) as board:
        board.expect("closed with 1000")


def test_flood_of_nonsense_neither_ends_the_board_nor_fills_it(tmp_path: Path) -> None:
    done = threading.Event()

    def script(caller: Caller, number: int) -> None:
        caller.open()
        for burst in range(100):
            caller.send(packet(TEXT, b"nonsense %d" % burst) * 20 + packet(PING) * 20)
        caller.send(text(COMMAND))
        assert caller.message("ack")["result"] == {"angle": 90}
        done.set()
        caller.wait_for_end()

    with RoughGateway(script) as gateway, BoardProcess(tmp_path, gateway.url) as board:
        assert done.wait(30), board.output()


# Closes


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1009, 1012, 1013, 4401, 4403, 4408, 4409])
def test_each_close_code_is_answered_and_logged_and_followed_by_a_wait(code: int, tmp_path: Path) -> None:
    def script(caller: Caller, number: int) -> None:
        caller.open()
        if number == 0:
            caller.send(packet(CLOSE, code.to_bytes(2, "big") + b"because"))
            assert caller.closing() == code
        caller.wait_for_end()

    # The waits of refused boards: long enough to differ from the others.
    patient = {"retrying": {**QUICK["retrying"], "REFUSED_LONGEST_MS": 700, "FIRST_MS": 700}}
    with RoughGateway(script) as gateway:
        with BoardProcess(tmp_path, gateway.url, patch=patient, config={"log_level": "debug"}) as board:
            board.expect(f"closed with {code} because")
            wait_ms = int(board.expect(r"next attempt in \d+ ms").split()[-2])
            assert (wait_ms >= 350) == (code in (4401, 4403, 4409))
            board.expect("CONNECTED 2 ")


def test_error_with_a_wait_is_obeyed_when_the_link_ends(tmp_path: Path) -> None:
    times_s: list[float] = []

    def script(caller: Caller, number: int) -> None:
        times_s.append(time.monotonic())
        caller.open()
        if number == 0:
            caller.send(text({"type": "error", "message": "later", "code": "unavailable", "retry_after_s": 2}))
            caller.send(packet(CLOSE, b"\x03\xf5"))
        caller.wait_for_end()

    with RoughGateway(script) as gateway, BoardProcess(tmp_path, gateway.url) as board:
        board.expect("gateway: later")
        board.expect("CONNECTED 2 ")
        assert times_s[1] - times_s[0] >= 2
