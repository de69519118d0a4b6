"""What code in place of a program prints: kept until it was read, the newest where there is too much."""

from __future__ import annotations

from darvaz.gateway.prompts.terminals import OUTPUT_BYTES_MAX, StoppedTerminal


def running() -> StoppedTerminal:
    terminal = StoppedTerminal("0123456789ab")
    terminal.begin(1)
    return terminal


def test_output_is_kept_until_its_reader_has_it() -> None:
    terminal = running()
    terminal.add(b"one")
    terminal.add(b"two")

    assert terminal.read(0) == (b"onetwo", 0)
    assert terminal.read(0) == (b"onetwo", 0)
    assert terminal.read(3) == (b"two", 3)
    assert terminal.read(6) == (b"", 6)
    assert terminal.read(99) == (b"", 6)


def test_the_oldest_output_is_dropped_where_nobody_reads() -> None:
    terminal = running()
    terminal.add(b"x" * OUTPUT_BYTES_MAX)
    terminal.add(b"new")

    data, at = terminal.read(0)

    assert (len(data), at, data[-3:]) == (OUTPUT_BYTES_MAX, 3, b"new")


async def test_a_reader_waits_for_output_or_the_end() -> None:
    terminal = running()

    await terminal.wait(0, 0.01)
    terminal.add(b"x")
    await terminal.wait(0, 60)
    terminal.end(None)
    await terminal.wait(1, 60)

    assert terminal.running is None


def test_output_of_the_code_before_is_not_shown_again() -> None:
    terminal = running()
    terminal.add(b"old")
    terminal.end(None)
    terminal.begin(2)
    terminal.add(b"new")

    assert terminal.read(0) == (b"new", 3)
