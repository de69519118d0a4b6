"""Rules and schedules as plain functions: `@when(gw["greenhouse"].temperature < 5)`, `@every("07:00")`, `@on(…)`."""

from darvaz.automations.boards import gw
from darvaz.automations.declarations import DeclarationError, every, on, when

__all__ = ["DeclarationError", "every", "gw", "on", "when"]
