"""Feeds the WebSocket protocol class a million streams, valid and invalid; the first failure ends it with status 1.

Every tenth seed also makes a request to open a WebSocket, for the fast parser and h11.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from tools.fuzz.checks import check
from tools.fuzz.heads import check_head, make_head
from tools.fuzz.streams import Stream, make_stream

Input = TypeVar("Input")

PROGRESS_EVERY = 20_000
HEAD_EVERY = 10


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000, help="number of streams (1000000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first stream; the next ones count up (0)")
    options = parser.parse_args()
    began_s, done = time.monotonic(), 0
    try:
        for done in range(options.count):
            seed = options.seed + done
            stream = make_stream(seed)
            if failure := find_failure(stream):
                report(seed, shrink(stream), failure)
                return 1
            if seed % HEAD_EVERY == 0 and (failure := find_head_failure(make_head(seed))):
                report(seed, make_head(seed), failure)
                return 1
            if (done + 1) % PROGRESS_EVERY == 0:
                print(f"{done + 1} streams, {time.monotonic() - began_s:.0f} s", flush=True)
    except KeyboardInterrupt:
        print(f"stopped after {done} streams, no failure")
        return 130
    print(f"{options.count} streams in {time.monotonic() - began_s:.0f} s, no failure")
    return 0


def find_failure(stream: Stream) -> str:
    """Returns what the protocol class does wrong with a stream, or an empty text."""
    return _failure_of(check, stream)


def find_head_failure(head: bytes) -> str:
    """Returns how the fast parser reads a request differently from h11, or an empty text."""
    return _failure_of(check_head, head)


def _failure_of(check_input: Callable[[Input], None], data: Input) -> str:
    try:
        check_input(data)
    except Exception as error:  # noqa: BLE001  # every error is a failure
        return f"{type(error).__name__}: {error}"
    return ""


def shrink(stream: Stream) -> Stream:
    """Returns the stream without the segments that the failure does not need."""
    segments = list(stream.segments)
    for position in reversed(range(len(segments))):
        fewer = segments[:position] + segments[position + 1 :]
        if find_failure(Stream(fewer, stream.action)):
            segments = fewer
    return Stream(segments, stream.action) if find_failure(Stream(segments, stream.action)) else stream


def report(seed: int, stream: Stream | bytes, failure: str) -> None:
    print(f"seed {seed}: {failure}\nagain: python -m tools.fuzz --seed {seed} --count 1\n{stream!r}", file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main())
