"""The decorators of automations: when a value is so, every day at a time, and on what a board does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from darvaz.automations.boards import Condition
from darvaz.gateway.schedules import Schedule

AUTOMATIONS_MAX = 1_000
Function = Callable[[], Awaitable[None]]
_F = TypeVar("_F", bound=Callable[..., Any])


class DeclarationError(ValueError):
    """A decorator was given what cannot be; the text says what to write instead."""


@dataclass(frozen=True, slots=True)
class Automation:
    """One decorated function, and what it waits for."""

    name: str
    function: Callable[..., Any]
    condition: Condition | None = None
    for_s: float = 0.0
    hysteresis: float = 0.0
    schedule: Schedule | None = None
    runs_missed: bool = False
    device: str | None = None
    event: str | None = None


declared: list[Automation] = []
"""What the decorators collected, in order."""


def when(condition: Condition, *, for_s: float = 0.0, hysteresis: float = 0.0) -> Callable[[_F], _F]:
    """Has a function called once a value has been so for some seconds; again after it was otherwise."""
    if not isinstance(condition, Condition):
        raise DeclarationError('@when needs a comparison, such as gw["greenhouse"].temperature < 5')
    if condition.when in ("below", "above") and isinstance(condition.threshold, bool | str):
        raise DeclarationError(f"{condition.value} is compared with {condition.threshold!r}: < and > need a number")
    return _declare(condition=condition, for_s=float(for_s), hysteresis=float(hysteresis))


def every(
    time: str | None = None,
    *,
    days: str = "mon-sun",
    seconds: float = 0,
    minutes: float = 0,
    hours: float = 0,
    missed: Literal["skip", "run"] = "skip",
) -> Callable[[_F], _F]:
    """Has a function called at a time of day ("07:00") on some days ("sat-wed", "fri"), or again and again.

    What was missed while nothing ran is told; `missed="run"` also runs it then, once.
    """
    if missed not in ("skip", "run"):
        raise DeclarationError(f'missed={missed!r}: "skip" or "run"')
    try:
        schedule = Schedule.parse(time, days, seconds + 60 * minutes + 3_600 * hours)
    except ValueError as error:
        raise DeclarationError(f"@every: {error}") from None
    return _declare(schedule=schedule, runs_missed=missed == "run")


def on(device: str, event: str) -> Callable[[_F], _F]:
    """Has a function called when a board goes "online" or "offline", or reports that something is so now.

    Any other event is a value of that name that becomes true, or a text that becomes this one.
    """
    return _declare(device=device, event=event)


def _declare(**fields: Any) -> Callable[[_F], _F]:
    def decorate(function: _F) -> _F:
        if len(declared) >= AUTOMATIONS_MAX:
            raise DeclarationError(f"there are more than {AUTOMATIONS_MAX} automations")
        name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        declared.append(Automation(name, function, **fields))
        return function

    return decorate
