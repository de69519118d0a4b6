"""Crash reports: programs of boards that died, grouped by what they died of, and counted."""

from darvaz.gateway.crashes.build import build_crashes
from darvaz.gateway.crashes.store import TABLE as CRASHES_TABLE

__all__ = ["CRASHES_TABLE", "build_crashes"]
