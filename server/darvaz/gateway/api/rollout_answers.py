"""Rollouts as the API answers with them: with all of their boards, of which there may be thousands, or with some."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from darvaz.gateway.parts import Parts
from darvaz.gateway.releases.rollout import Rollout, RolloutState, Target, TargetState


class TargetAnswer(msgspec.Struct):
    """What became of a release on one board."""

    device: str
    state: TargetState
    reason: str
    tries: int
    changed: Annotated[float, Meta(description="Unix seconds.")]


class RolloutAnswer(msgspec.Struct):
    """One rollout, and how many boards are in which state."""

    number: int
    release: int
    state: RolloutState
    reason: str
    created: Annotated[float, Meta(description="Unix seconds.")]
    author: str
    canary: int
    then_percent: list[float]
    hold_s: float
    stop_percent: float
    counts: dict[str, int]
    targets: list[TargetAnswer]


class RolloutList(msgspec.Struct):
    """The rollouts, the newest first."""

    rollouts: list[RolloutAnswer]


async def dump_rollouts(parts: Parts, rollouts: list[Rollout], only: set[str] | None = None) -> list[bytes]:
    """Returns rollouts as JSON, with all of their boards or only some."""
    return [text for text in await parts.long_work.collect(_texts(rollouts, only)) if text]


def _texts(rollouts: list[Rollout], only: set[str] | None) -> Iterator[bytes]:
    """Yields rollouts as JSON, and nothing after each of their boards: there may be thousands."""
    for rollout in rollouts:
        targets = []
        for target in _targets(rollout, only):
            targets.append(TargetAnswer(target.device, target.state, target.reason, target.tries, target.changed_s))
            yield b""
        yield msgspec.json.encode(_rollout(rollout, targets))


def _targets(rollout: Rollout, only: set[str] | None) -> list[Target]:
    if only is None:
        return list(rollout.targets.values())
    return [rollout.targets[device] for device in only if device in rollout.targets]


def _rollout(rollout: Rollout, targets: list[TargetAnswer]) -> RolloutAnswer:
    plan = rollout.plan
    return RolloutAnswer(
        number=rollout.number,
        release=rollout.release,
        state=rollout.state,
        reason=rollout.reason,
        created=rollout.created_s,
        author=rollout.author,
        canary=plan.canary,
        then_percent=list(plan.then_percent),
        hold_s=plan.hold_s,
        stop_percent=plan.stop_percent,
        counts=rollout.counts,
        targets=targets,
    )
