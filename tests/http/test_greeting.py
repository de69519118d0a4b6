"""What `darvaz serve` prints at its start where its addresses are of no use to others."""

from __future__ import annotations

import pytest

from tests.support.app import RunningApp

HINT = "set DARVAZ_PUBLIC_URL"


@pytest.mark.parametrize(
    ("container", "public_url", "is_told"),
    [("docker", "", True), ("docker", "http://192.168.1.5:3000", False), ("", "", False)],
)
async def test_a_container_asks_for_the_address_of_the_machine(
    container: str, public_url: str, is_told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("container", container)

    async with RunningApp(public_url=public_url) as gateway:
        assert (HINT in gateway.printed) == is_told
