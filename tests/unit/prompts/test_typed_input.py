"""What is typed for code: no more under way than the board keeps, and Ctrl-C ahead of what waits."""

from __future__ import annotations

import asyncio

from darvaz.gateway.prompts.terminals import StoppedTerminal
from darvaz.gateway.prompts.typed_input import WAITING_BYTES_MAX, TypedInput

KEPT_BYTES = 3072


def sent(typed: TypedInput) -> bytes:
    """Takes what is to be sent; `!` stands for the question about a Ctrl-C."""
    return b"".join(data or b"!" for _, data in typed.take_steps())


def test_no_more_is_under_way_than_the_board_keeps() -> None:
    typed = TypedInput(KEPT_BYTES)

    typed.put(b"x" * 5000)
    first = typed.take_steps()
    typed.on_taken(1024)
    second = sent(typed)
    typed.on_taken(3072)

    assert [len(data) for _, data in first] == [768] * 4
    assert (len(second), len(sent(typed))) == (1024, 904)


def test_ctrl_c_drops_what_was_typed_before_it_and_nothing_behind() -> None:
    typed = TypedInput(KEPT_BYTES)
    typed.put(b"x" * 20_000 + b"\x03")

    assert sent(typed).endswith(b"x!")
    typed.put(b"after")
    typed.on_taken(1024)
    assert sent(typed) == b""
    typed.on_interrupted(True)
    assert sent(typed) == b"after"


def test_ctrl_c_that_the_code_reads_as_a_byte_stays_in_its_place_and_is_asked_about_once() -> None:
    typed, data = TypedInput(KEPT_BYTES), bytes(range(16)) * 480
    typed.put(data)
    arrived = [sent(typed)]
    typed.on_interrupted(False)
    while arrived[-1]:
        typed.on_taken(1024)
        arrived.append(sent(typed))

    assert arrived[0].endswith(b"!")
    assert b"".join(arrived).replace(b"!", b"") == data


def test_one_byte_beyond_the_most_that_waits_is_not_kept_but_its_ctrl_c_counts() -> None:
    typed = TypedInput(KEPT_BYTES)
    typed.put(b"x" * (WAITING_BYTES_MAX - 1))

    assert not typed.put(b"xx")
    assert typed.put(b"x")
    typed.begin()
    typed.put(b"x" * WAITING_BYTES_MAX)
    assert not typed.put(b"\x03")
    assert sent(typed).endswith(b"!")
    typed.on_interrupted(True)

    assert typed.fits(WAITING_BYTES_MAX) and sent(typed) == b""


def test_a_board_that_does_not_tell_gets_all_at_once() -> None:
    typed = TypedInput(None)

    typed.put(b"x" * 20_000 + b"\x03")

    assert sent(typed) == b"x" * 20_000 + b"\x03"


async def test_input_waits_until_it_fits_once_and_then_not_until_some_is_taken() -> None:
    terminal = StoppedTerminal("0123456789ab", KEPT_BYTES)
    terminal.begin(1)
    terminal.typed.put(b"x" * WAITING_BYTES_MAX)
    terminal.typed.take_steps()
    terminal.typed.put(b"x" * KEPT_BYTES)

    assert not await terminal.wait_until_fits(1, 0.01)
    assert not await terminal.wait_until_fits(1, 60)
    terminal.on_typed(1024, None)
    waiting = asyncio.create_task(terminal.wait_until_fits(1, 60))
    await asyncio.sleep(0)
    terminal.typed.take_steps()
    terminal.on_typed(1024, None)

    assert await waiting
