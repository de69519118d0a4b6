"""What people ask of the gateway that carries rollouts out, as one gateway of a cluster sends it to another."""

from __future__ import annotations

import msgspec

from darvaz.gateway.releases.manifest import ReleaseFile
from darvaz.gateway.releases.rollout import RolloutPlan


class OrderError(Exception):
    """What was asked for cannot be done now; the text is for people."""


class AddRelease(msgspec.Struct, tag=True, frozen=True):
    """Lists a release whose files are written."""

    name: str
    author: str
    files: list[ReleaseFile]
    micropython: str = ""


class Deploy(msgspec.Struct, tag=True, frozen=True):
    """Begins a rollout."""

    release: int
    devices: list[str]
    plan: RolloutPlan
    author: str


class SetState(msgspec.Struct, tag=True, frozen=True):
    """Pauses, resumes or stops a rollout."""

    rollout: int
    state: str


class Install(msgspec.Struct, tag=True, frozen=True):
    """Gives a board the newest release of its program, unless it gets it already."""

    device: str
    author: str


class MakeKey(msgspec.Struct, tag=True, frozen=True):
    """Makes the key of a board, if it has none."""

    device: str


Order = AddRelease | Deploy | SetState | Install | MakeKey
