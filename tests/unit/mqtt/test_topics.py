"""Topics: what is read of one is what was written, and nothing of another gateway is taken for ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darvaz.gateway.devices.names import latin_id
from darvaz.gateway.mqtt.topics import Topics
from tests.support.examples import examples


@examples(100)
@given(st.text(min_size=1, max_size=64))
def test_a_board_is_found_by_its_topics(device: str) -> None:
    topics = Topics("farm/north", "homeassistant")

    assert topics.command_of(topics.of(device).command + "led") == (latin_id(device), "led")
    assert topics.configured(topics.of(device).config) == latin_id(device)
    assert topics.of(latin_id(device)) == topics.of(device)


@pytest.mark.parametrize(
    "topic", ["darvaz/x/command", "darvaz/x/y/command/led", "farm/x/command/led", "darvaz/x/answer/led", "", "darvaz"]
)
def test_other_topics_are_no_commands(topic: str) -> None:
    assert Topics("darvaz", "homeassistant").command_of(topic) is None


def test_devices_of_others_are_not_ours() -> None:
    topics = Topics("darvaz", "homeassistant")

    assert topics.configured("homeassistant/device/zigbee_lamp/config") is None
    assert topics.configured("homeassistant/sensor/darvaz_lamp/config") is None
    assert Topics("darvaz", "").configured("/device/darvaz_lamp/config") is None
