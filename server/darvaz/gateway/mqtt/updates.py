"""Which release of its program each board could get, as the broker is told, with progress while it gets one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from darvaz.gateway.mqtt.outbox import Publication
from darvaz.gateway.mqtt.topics import Topics
from darvaz.gateway.parts import Parts
from darvaz.gateway.releases.offers import Offer
from darvaz.gateway.releases.rollout import Rollout, Target

# While a board receives a release.
PROGRESS_EVERY_S = 1.0
# Home Assistant shows no more of it.
_NOTE_CHARS_MAX = 255


class Updates:
    """Follows releases while it is open; used from the event loop only.

    `mark` has everything of a board looked at again: with its first release, it gets an entity more.
    """

    def __init__(
        self, parts: Parts, topics: Topics, publish: Callable[[Publication], None], mark: Callable[[str], None]
    ) -> None:
        self._parts = parts
        self._topics = topics
        self._publish = publish
        self._mark = mark
        # Device → what the broker was told last.
        self._published: dict[str, bytes] = {}
        # Device → the timer that tells of its progress.
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def open(self) -> None:
        """Begins to follow releases."""
        self._parts.updater.listeners.append(self._look)

    def close(self) -> None:
        """Ends `open`."""
        self._parts.updater.listeners.remove(self._look)
        for timer in self._timers.values():
            timer.cancel()

    def forget(self, device: str) -> None:
        """Takes the broker for one that knows nothing of a board."""
        self._published.pop(device, None)
        timer = self._timers.pop(device, None)
        if timer is not None:
            timer.cancel()

    def has_offer(self, device: str) -> bool:
        """Returns whether there is a release for a board; False also while it is away."""
        return self._parts.updater.offer(device) is not None

    def tell(self, device: str) -> None:
        """Tells what there is for a board, if that is not what the broker was told."""
        offer = self._parts.updater.offer(device)
        if offer is None:
            return
        text = _dump(offer, self._parts.updater.percent(device))
        if self._published.get(device) != text:
            self._published[device] = text
            self._publish(Publication(self._topics.of(device).update, text))
        if offer.is_under_way and device not in self._timers:
            loop = asyncio.get_running_loop()
            self._timers[device] = loop.call_later(PROGRESS_EVERY_S, self._tell_again, device)

    def _tell_again(self, device: str) -> None:
        del self._timers[device]
        self.tell(device)

    def _look(self, rollout: Rollout | None, target: Target | None) -> None:
        """Looks at one board, at those of a rollout, or at all: a release is news to each board of its program."""
        if target is not None:
            self._mark(target.device)
            return
        for device in [known.id for known in self._parts.devices.all()] if rollout is None else rollout.targets:
            self._mark(device)


def _dump(offer: Offer, percent: float | None) -> bytes:
    """Returns the state of Home Assistant's update entity (its integration MQTT, platform update)."""
    state = {
        "installed_version": offer.installed, "latest_version": offer.newest, "title": offer.release.name,
        "release_summary": offer.note[:_NOTE_CHARS_MAX], "in_progress": offer.is_under_way,
        "update_percentage": None if percent is None else round(percent),
    }  # fmt: skip
    return json.dumps(state, ensure_ascii=False, separators=(",", ":")).encode()
