"""Findings: what one step of the examination saw, and what to do about it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

_QUOTE_CHARS_MAX = 160


class Outcome(enum.StrEnum):
    """How a step ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One step's result: what was seen, what to do about it, and whether the rest is pointless."""

    outcome: Outcome
    detail: str
    remedy: str = ""
    is_final: bool = False
    step: str = ""
    duration_ms: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Returns the finding as it is printed by --json."""
        return {
            "step": self.step,
            "outcome": self.outcome.value,
            "duration_ms": round(self.duration_ms, 1),
            "detail": self.detail,
            "remedy": self.remedy or None,
        }


def passed(detail: str) -> Finding:
    """Returns the finding of a step that went well."""
    return Finding(Outcome.OK, detail)


def skipped(detail: str) -> Finding:
    """Returns the finding of a step that was not taken."""
    return Finding(Outcome.SKIPPED, detail)


def failed(detail: str, remedy: str, *, is_final: bool = True) -> Finding:
    """Returns the finding of a step that went wrong; it ends the examination unless `is_final` is false."""
    return Finding(Outcome.FAILED, detail, remedy, is_final)


def quoted(text: object) -> str:
    """Returns foreign text fit for a terminal: one line, bounded, without control characters."""
    line = "".join(char if char.isprintable() else " " for char in str(text)[: 2 * _QUOTE_CHARS_MAX])
    line = " ".join(line.split())
    return line if len(line) <= _QUOTE_CHARS_MAX else line[:_QUOTE_CHARS_MAX] + "…"
