"""What is known of the gateways that serve together with this one; a gateway by itself is the usual case."""

from __future__ import annotations

from typing import Annotated, Literal, Protocol

import msgspec
from msgspec import Meta


class ClusterNodeState(msgspec.Struct, kw_only=True):
    """One gateway of a cluster."""

    id: Annotated[str, Meta(description="Its name and a part that differs at each start.")]
    name: str
    version: str
    started: Annotated[float, Meta(description="When it started, in Unix seconds of its own clock.")]
    devices_online: Annotated[int, Meta(description="The devices whose links it has.")]
    is_this: Annotated[bool, Meta(description="Whether it is the gateway that answers.")]
    silent_s: Annotated[float, Meta(description="Seconds since it was last heard of.")]
    carries_out: Annotated[bool, Meta(description="Whether it carries releases and rollouts out for all.")]
    stores: Annotated[
        Literal["ok", "behind", "failing", "unknown"],
        Meta(
            description="Each gateway writes the journal and readings of all into its own store. behind: it lacks what"
            " others have; failing: its disk does not take all; unknown: it is of an earlier version."
        ),
    ]
    store_lacks: Annotated[int, Meta(description="How many batches of entries others have, and its store does not.")]


class ClusterState(msgspec.Struct, kw_only=True):
    """Whether this gateway is one of several, and how they are."""

    state: Annotated[
        Literal["single", "ok", "away"],
        Meta(description="single: it serves alone, as its settings say; away: it does not reach the others."),
    ]
    detail: Annotated[str, Meta(description="What is wrong, or empty.")] = ""
    rollouts_term: Annotated[
        int, Meta(description="Grows with each gateway that begins to carry rollouts out; 0 if that is unknown.")
    ] = 0
    nodes: Annotated[
        list[ClusterNodeState], Meta(description="The gateways that live, by name; empty for single.")
    ] = []


class Cluster(Protocol):
    """The gateways that serve together, as the API shows them."""

    @property
    def is_leaving(self) -> bool:
        """Whether this gateway has its boards go to others, since it is about to stop."""

    def state(self) -> ClusterState: ...

    async def wait_until_shared(self, deadline_s: float) -> bool: ...

    async def hand_over(self) -> None: ...


class SingleGateway:
    """A gateway that serves alone."""

    is_leaving = False

    def state(self) -> ClusterState:
        """Returns that there are no others."""
        return ClusterState(state="single")

    async def wait_until_shared(self, deadline_s: float) -> bool:
        """Returns that no other needs to know."""
        return True

    async def hand_over(self) -> None:
        """Returns at once: boards wait for this gateway."""
