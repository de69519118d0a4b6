"""Names of nodes and keys of entities: valid, stable, and never the same for two."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darvaz.gateway.devices.names import entity_key, human_name, node_name
from tests.support.examples import examples

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@pytest.mark.parametrize(
    ("device", "name"),
    [("greenhouse", "darvaz-greenhouse"), ("pan-tilt", "darvaz-pan-tilt"), ("pico_1", "darvaz-pico-1-1e85bf")],
)
def test_plain_ids_are_recognised(device: str, name: str) -> None:
    assert node_name(device) == name


@examples(100)
@given(st.text(min_size=1, max_size=64))
def test_each_id_has_a_name_that_a_host_may_have(device: str) -> None:
    assert LABEL.fullmatch(node_name(device))


@examples(100)
@given(st.text(min_size=1, max_size=64), st.text(min_size=1, max_size=64))
def test_two_ids_have_two_names(device: str, other: str) -> None:
    assert (node_name(device) == node_name(other)) == (device == other)


def test_ids_that_look_alike_in_latin_stay_apart() -> None:
    names = {node_name(device) for device in ("گلخانه", "باغچه", "Küche", "Kuche", "kuche", "a" * 64, "a" * 63)}

    assert len(names) == 7


def test_a_value_and_a_command_of_one_name_have_two_keys() -> None:
    assert entity_key("sensor", "level") != entity_key("number", "level")


def test_names_of_programs_are_written_for_people() -> None:
    assert human_name("soil_moisture") == "Soil moisture"
