"""Ids that look alike are found, and stay different devices."""

from __future__ import annotations

import pytest

from darvaz.gateway.devices.look_alikes import LookAlikes, look_of


@pytest.mark.parametrize(
    ("one", "other"),
    [("pan", "раn"), ("oven", "οven"), ("camera", "ｃamera"), ("چراغ-ی", "چراغ-ي"), ("کمد-۴", "كمد-٤")],
    ids=["cyrillic", "greek", "full width", "arabic yeh", "arabic kaf and digit"],
)
def test_a_look_alike_is_found_in_both_orders(one: str, other: str) -> None:
    assert one != other and look_of(one) == look_of(other)
    assert LookAlikes([one]).find(other, {one}) == one
    assert LookAlikes([other]).find(one, {other}) == other


@pytest.mark.parametrize("device", ["кухня", "κουζίνα", "pan-2", "چراغ"])
def test_ids_of_one_script_are_like_no_other(device: str) -> None:
    assert LookAlikes(["pan", "kitchen", "лампа", "پنکه"]).find(device, {"pan", "kitchen"}) is None


def test_a_forgotten_device_is_like_no_other() -> None:
    look_alikes = LookAlikes(["раn"])
    look_alikes.remove("раn")

    assert look_alikes.find("pan", set()) is None
    assert len(look_alikes) == 0
