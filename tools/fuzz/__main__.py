"""Feeds the WebSocket protocol class a million streams, right and wrong ones; the first failure ends it with status 1.

Each tenth seed makes a request to open a WebSocket, too, which goes past the HTTP parser or does not.
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

Made = TypeVar("Made")

PROGRESS_EVERY = 20_000
HEAD_EVERY = 10


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000, help="how many streams (1000000)")
    parser.add_argument("--seed", type=int, default=0, help="the seed of the first; the others follow it (0)")
    options = parser.parse_args()
    began_s, done = time.monotonic(), 0
    try:
        for done in range(options.count):
            seed = options.seed + done
            stream = make_stream(seed)
            if sentence := fault(stream):
                tell(seed, smallest(stream), sentence)
                return 1
            if seed % HEAD_EVERY == 0 and (sentence := head_fault(make_head(seed))):
                tell(seed, make_head(seed), sentence)
                return 1
            if (done + 1) % PROGRESS_EVERY == 0:
                print(f"{done + 1} streams, {time.monotonic() - began_s:.0f} s", flush=True)
    except KeyboardInterrupt:
        print(f"stopped after {done} streams: nothing wrong")
        return 130
    print(f"{options.count} streams in {time.monotonic() - began_s:.0f} s: nothing wrong")
    return 0


def fault(stream: Stream) -> str:
    """Returns what is wrong with what becomes of a stream, or nothing."""
    return _finding(check, stream)


def head_fault(data: bytes) -> str:
    """Returns what is wrong with how a request is read, or nothing."""
    return _finding(check_head, data)


def _finding(look: Callable[[Made], None], made: Made) -> str:
    try:
        look(made)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is a finding
        return f"{type(error).__name__}: {error}"
    return ""


def smallest(stream: Stream) -> Stream:
    """Returns the stream without the segments that the fault does not need."""
    segments = list(stream.segments)
    for place in reversed(range(len(segments))):
        fewer = segments[:place] + segments[place + 1 :]
        if fault(Stream(fewer, stream.action)):
            segments = fewer
    return Stream(segments, stream.action) if fault(Stream(segments, stream.action)) else stream


def tell(seed: int, stream: Stream | bytes, sentence: str) -> None:
    print(f"seed {seed}: {sentence}\nagain: python -m tools.fuzz --seed {seed} --count 1\n{stream!r}", file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main())
