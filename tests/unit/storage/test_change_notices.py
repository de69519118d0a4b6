"""Notices of changes: a command returns once the gateway has read what it changed."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from darvaz.gateway.storage.change_notices import SOCKET_NAME, ChangeNotices, notify_gateway


@pytest.mark.parametrize("name", ["data", "d" * 120], ids=["short", "longer than a socket's name may be"])
def test_a_notice_returns_once_the_gateway_has_read_the_changes(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    read: list[bool] = []

    async def read_changes() -> None:
        read.append(True)

    async def main() -> None:
        notices = ChangeNotices(folder, read_changes)
        await notices.open()
        await asyncio.to_thread(notify_gateway, folder)
        assert read == [True]
        assert (folder / SOCKET_NAME).stat().st_mode & 0o777 == 0o600
        await notices.close()

    asyncio.run(main())
    assert not (folder / SOCKET_NAME).exists()


def test_without_a_gateway_nothing_waits(tmp_path: Path) -> None:
    notify_gateway(tmp_path)


def test_the_socket_of_a_gateway_that_was_killed_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(tmp_path / SOCKET_NAME))
    read: list[bool] = []

    async def read_changes() -> None:
        read.append(True)

    async def main() -> None:
        notices = ChangeNotices(tmp_path, read_changes)
        await notices.open()
        await asyncio.to_thread(notify_gateway, tmp_path)
        await notices.close()

    asyncio.run(main())
    assert read == [True]
