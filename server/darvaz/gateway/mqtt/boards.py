"""What is published of the boards: whether they are here, their values, how they are, and what Home Assistant is told.

The texts only; `Bridge` decides when.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from darvaz.gateway.mqtt.discovery import Discovery, removals
from darvaz.gateway.mqtt.outbox import Publication
from darvaz.gateway.mqtt.topics import OFFLINE, ONLINE, Topics
from darvaz.gateway.telemetry.description import DeviceDescription

_HEALTH = ("rssi_dbm", "heap_free_bytes", "uptime_s", "reset_cause", "version")


class Boards:
    """Makes the publications of boards, and remembers what Home Assistant was told of each."""

    def __init__(self, topics: Topics, discovery: Discovery) -> None:
        self._topics = topics
        self._discovery = discovery
        # Device → what each of its values is, by name, since the gateway started.
        self._kinds: dict[str, dict[str, str]] = {}
        # Device → the message of discovery that the broker has, and the platform of each entity that it ever named.
        self._configs: dict[str, bytes] = {}
        self._platforms: dict[str, dict[str, str]] = {}

    def all_of(self, board: DeviceDescription) -> Iterator[Publication]:
        """Yields everything that is retained of a board, but for its picture and what Home Assistant is told."""
        yield self.values(board)
        yield self.health(board)
        yield self.commands(board)
        yield self.availability(board.id, is_online=board.online)

    def availability(self, device: str, *, is_online: bool) -> Publication:
        """Returns that a board is here, or away."""
        return Publication(self._topics.of(device).availability, (ONLINE if is_online else OFFLINE).encode())

    def values(self, board: DeviceDescription) -> Publication:
        """Returns the newest values."""
        values = {name: reading.value for name, reading in board.values.items()}
        return Publication(self._topics.of(board.id).telemetry, _dump(values))

    def health(self, board: DeviceDescription) -> Publication:
        """Returns how a board is."""
        found = {name: getattr(board, name) for name in _HEALTH}
        return Publication(self._topics.of(board.id).health, _dump(found))

    def commands(self, board: DeviceDescription) -> Publication:
        """Returns with what each command was last carried out."""
        return Publication(self._topics.of(board.id).commands, _dump(board.last_args))

    def config(self, board: DeviceDescription, *, has_offer: bool) -> Iterator[Publication]:
        """Yields what Home Assistant is to be told of a board, if that is not what it was told.

        `has_offer` is whether there is a release for it; while it is away, nobody knows, and it stays as it was.
        """
        topic, platforms = self._topics.of(board.id).config, self._platforms.setdefault(board.id, {})
        if not topic:
            return
        kinds = self._kinds.setdefault(board.id, {})
        has_releases = has_offer or (not board.online and "update_program" in platforms)
        found = self._discovery.describe(board, kinds, has_releases=has_releases)
        components = found["components"]
        gone, text = removals(platforms, components), _dump(found)
        if gone:
            # Said once; after that, the message is as if they had never been there.
            yield Publication(topic, _dump({**found, "components": {**gone, **components}}))
        if gone or self._configs.get(board.id) != text:
            # Home Assistant skips what follows an entity that it still sets up: new ones come first.
            new_first = dict(sorted(components.items(), key=lambda item: item[0] in platforms))
            yield Publication(topic, _dump({**found, "components": new_first}))
        self._configs[board.id] = text
        self._platforms[board.id] = {key: component["platform"] for key, component in components.items()}

    def config_again(self, device: str) -> Iterator[Publication]:
        """Yields once more what Home Assistant was told of a board."""
        if device in self._configs:
            yield Publication(self._topics.of(device).config, self._configs[device])

    def has_new_names(self, device: str, names: set[str]) -> bool:
        """Returns whether some values have no entity yet."""
        return not names <= self._kinds.get(device, {}).keys()

    def learn(self, device: str, payload: bytes) -> None:
        """Notes what an earlier run told Home Assistant of a board."""
        try:
            found = json.loads(payload)["components"]
            platforms = {str(key): str(component["platform"]) for key, component in found.items()}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            # Of somebody else, or damaged: it is replaced.
            platforms = {}
        self._platforms[device] = platforms | self._platforms.get(device, {})
        self._configs.pop(device, None)

    def forget_configs(self) -> None:
        """Takes the broker for one that has nothing: it may have started again without its data."""
        self._configs.clear()

    def removal(self, device: str) -> Iterator[Publication]:
        """Yields what takes a board, or one by its Latin id, away from the broker and from Home Assistant."""
        for known in (self._kinds, self._configs, self._platforms):
            known.pop(device, None)
        topics = self._topics.of(device)
        for topic in (topics.config, topics.telemetry, topics.health, topics.commands, topics.picture, topics.update):
            if topic:
                yield Publication(topic, b"")
        yield Publication(topics.availability, b"")


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
