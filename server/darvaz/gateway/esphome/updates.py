"""The update entity of a board: the newest release of its program, beside what it runs."""

from __future__ import annotations

from collections.abc import Callable

from darvaz.gateway.devices.names import entity_key
from darvaz.gateway.esphome.entities import Entity
from darvaz.gateway.esphome.messages import Message, pb
from darvaz.gateway.releases.offers import Offer

UPDATE_KEY = entity_key("update", "program")
# What its state comes from, beside the names of telemetry: none of those has a slash.
WATCHES = "/releases"


def update_entity(offer: Callable[[], Offer | None], percent: Callable[[], float | None]) -> Entity:
    """Returns the entity; `percent` is how much the board has received, None if it receives nothing."""
    listing = pb.ListEntitiesUpdateResponse(
        object_id="program", key=UPDATE_KEY, name="Program", device_class="firmware",
        entity_category=pb.ENTITY_CATEGORY_CONFIG,
    )  # fmt: skip
    return Entity(listing, lambda _: _state(offer(), percent()), watches=WATCHES)


def _state(offer: Offer | None, percent: float | None) -> Message:
    if offer is None:
        return pb.UpdateStateResponse(key=UPDATE_KEY, missing_state=True)
    return pb.UpdateStateResponse(
        key=UPDATE_KEY, title=offer.release.name, current_version=offer.installed, latest_version=offer.newest,
        release_summary=offer.note, in_progress=offer.is_under_way, has_progress=percent is not None,
        progress=0.0 if percent is None else percent,
    )  # fmt: skip
