"""What people say of a device's commands and values is kept over connections and restarts."""

from __future__ import annotations

from typing import Any

import pytest

from darvaz.gateway.devices.words import TITLE_CHARS_MAX
from tests.support.app import RunningApp
from tests.support.board import board_at

WORDS = {
    "commands": {"led": {"title": {"en": "Lamp", "fa": "چراغ"}, "icon": "lamp", "confirm": True, "state": "lamp_on"}},
    "telemetry": {"temp": {"unit": "°C", "precision": 1, "order": 2}},
}


async def test_words_survive_connections_and_restarts() -> None:
    async with RunningApp() as gateway:
        async with board_at(gateway, "worded"):
            changed = await gateway.ask("PUT", "/api/devices/worded/words", json=WORDS)
        await gateway.restart()
        async with board_at(gateway, "worded"):
            kept = (await gateway.get("/api/devices/worded")).json()["words"]
            cleared = await gateway.ask("PUT", "/api/devices/worded/words", json={"commands": {"led": {}}})

    assert changed.json()["words"] == kept == WORDS
    assert cleared.json()["words"] == {}


@pytest.mark.parametrize(
    "words",
    [
        {"title": "x" * (TITLE_CHARS_MAX + 1)},
        {"title": "two\nlines"},
        {"title": {"English": "x"}},
        {"precision": 7},
        {"colour": "red"},
    ],
)
async def test_words_beyond_their_limits_are_refused(words: dict[str, Any]) -> None:
    async with RunningApp() as gateway, board_at(gateway, "worded"):
        answer = await gateway.ask("PUT", "/api/devices/worded/words", json={"commands": {"led": words}})

    assert answer.status_code == 422
