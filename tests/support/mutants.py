"""Broken messages: the examples of the schema, changed at random, the same for the same seed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from darvaz.protocol.schema import load_schema

_EXAMPLES = [example for rule in load_schema()["$defs"].values() for example in rule.get("examples", [])]
_STRINGS = ["", "\ud800", "\u202e", "a" * 33, "a" * 257, "a" * 5000, "گ" * 64, "\x00", "\x1b[2J", "..", "a/b", "pan"]
_NUMBERS = [0, -1, 5, 1e308, 2**53, 2**63, 2**64, -(2**63) - 1, 10**30, 1.5, float("inf"), float("nan")]
_KEYS = ["a", "type", "\ud800", "x y", "min", "choices", "1", "", "device", "values", "commands", "result", "args"]
_SPLINTERS = [
    "", ",", "{", "}", "[", "]", ":", '"', "-", "\\u0000", "\\ud800", "\ufeff", '"type":"log",', ',"a":1,"a":1,',
    "1e999", '"\\ud800":1,"\\ud800":2,', "[" * 40,
]  # fmt: skip
_DEPTH_MAX = 4


def packets(seed: int, count: int) -> Iterator[str | bytes]:
    """Yields text and binary packets: some good, most broken in one or several ways."""
    randomness = random.Random(seed)
    for _ in range(count):
        yield _binary(randomness) if randomness.random() < 0.1 else _text(randomness)


def _text(randomness: random.Random) -> str:
    message = dict(randomness.choice(_EXAMPLES))
    for _ in range(randomness.randrange(4)):
        message[randomness.choice([*message, *_KEYS])] = _value(randomness)
    text = json.dumps(message, ensure_ascii=randomness.random() < 0.7)
    if randomness.random() < 0.3:
        index = randomness.randrange(len(text) + 1)
        text = text[:index] + randomness.choice(_SPLINTERS) + text[index + randomness.randrange(6) :]
    # A WebSocket's text is UTF-8: lone surrogates arrive as escapes only.
    return text.encode(errors="replace").decode()


def _binary(randomness: random.Random) -> bytes:
    inside = randomness.randbytes(randomness.choice([0, 1, 10, 2000]))
    return randomness.choice([inside, b"\xff\xd8" + inside, b"\xff\xd8" + inside + b"\xff\xd9"])


def _value(randomness: random.Random, depth: int = 0) -> Any:
    kind = randomness.randrange(10 if depth < _DEPTH_MAX else 7)
    if kind < 1:
        return randomness.choice([None, True, False])
    if kind < 4:
        return randomness.choice(_NUMBERS)
    if kind < 7:
        return randomness.choice(_STRINGS)
    inner = [_value(randomness, depth + 1) for _ in range(randomness.randrange(4))]
    return inner if kind < 8 else {randomness.choice(_KEYS): value for value in inner}
