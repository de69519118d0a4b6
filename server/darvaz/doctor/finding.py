"""Findings: the result of one step, and what to do about it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

_QUOTE_CHARS_MAX = 160


class StepOutcome(enum.StrEnum):
    """How a step ended."""

    OK = "ok"
    ADVICE = "advice"
    """It works, and could be better."""
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one step: what was found, what to do about it, and whether it ends the checks."""

    outcome: StepOutcome
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
    """Returns the finding of a step that succeeded."""
    return Finding(StepOutcome.OK, detail)


def advised(detail: str, remedy: str) -> Finding:
    """Returns the finding of what works and could be better."""
    return Finding(StepOutcome.ADVICE, detail, remedy)


def skipped(detail: str) -> Finding:
    """Returns the finding of a step that did not run."""
    return Finding(StepOutcome.SKIPPED, detail)


def failed(detail: str, remedy: str, *, is_final: bool = True) -> Finding:
    """Returns the finding of a step that failed; it ends the checks unless `is_final` is false."""
    return Finding(StepOutcome.FAILED, detail, remedy, is_final)


def quoted(text: object) -> str:
    """Returns foreign text for a terminal: one line, of limited length, without control characters."""
    line = "".join(char if char.isprintable() else " " for char in str(text)[: 2 * _QUOTE_CHARS_MAX])
    line = " ".join(line.split())
    return line if len(line) <= _QUOTE_CHARS_MAX else line[:_QUOTE_CHARS_MAX] + "…"
