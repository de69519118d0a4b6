"""What `darvaz serve` prints at its start where its addresses are of no use to others."""

from __future__ import annotations

from pathlib import Path

import pytest

from darvaz.gateway import greeting
from tests.support.app import RunningApp

HINT = "set DARVAZ_PUBLIC_URL"


@pytest.mark.parametrize(
    ("mark", "public_url", "is_told"),
    [("there", "", True), ("there", "http://192.168.1.5:3000", False), ("missing", "", False)],
)
async def test_a_container_asks_for_the_address_of_the_machine(
    mark: str, public_url: str, is_told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").touch()
    monkeypatch.setattr(greeting, "_CONTAINER_MARKS", (tmp_path / mark,))

    async with RunningApp(public_url=public_url) as gateway:
        assert (HINT in gateway.printed) == is_told
