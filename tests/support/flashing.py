"""A person who flashes virtual boards: `darvaz flash` with a home folder of its own, and what it wrote."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

from darvaz.boards.flashing.firmware_files import read_deployed
from darvaz.boards.serial import Prompt
from darvaz.boards.virtual import VirtualBoard
from darvaz.gateway.access import Token, Tokens
from darvaz.gateway.storage.database import DATABASE_NAME
from tests.support.gateway import GatewayProcess
from tests.support.verbs import Done, Verb, darvaz

MAIN = "/main.py"


class Person:
    """Flashes boards for one gateway; `env` is the environment of the command."""

    def __init__(self, home: Path, gateway: GatewayProcess) -> None:
        self.home = home
        self.gateway = gateway
        # The gateway is shared by tests, and a test that is run again has left tokens there.
        self._began_s = time.time()
        clean = {name: value for name, value in os.environ.items() if not name.startswith("DARVAZ_")}
        self.env = {
            **clean,
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "DARVAZ_GATEWAY": gateway.url,
            "DARVAZ_DATA": str(gateway.data),
            "DARVAZ_WIFI_SSID": "Home",
            "DARVAZ_WIFI_PASSWORD": "password",
        }

    async def flash(
        self, board: VirtualBoard, *words: str, program: tuple[str, ...] = ("-m", "darvaz"), **env: str
    ) -> Done:
        """Flashes a board to the end."""
        return await darvaz("flash", "--port", board.port, *words, env=self.env | env, program=program)

    def begin(self, board: VirtualBoard, *words: str, **env: str) -> Verb:
        """Returns a flash that runs while the test goes on."""
        return Verb("flash", "--port", board.port, *words, env=self.env | env)

    def tokens(self) -> list[Token]:
        """Returns all tokens of the gateway."""
        connection = sqlite3.connect(self.gateway.data / DATABASE_NAME, timeout=10)
        try:
            return Tokens(connection, time.time).list()
        finally:
            connection.close()

    def live_tokens(self, device: str) -> list[Token]:
        """Returns the tokens made since this person began that let a device in."""
        now_s = time.time()
        mine = [token for token in self.tokens() if token.device == device and token.created_s >= self._began_s]
        return [token for token in mine if token.is_live(now_s)]


async def read_board(board: VirtualBoard) -> dict[str, bytes]:
    """Returns every file of a board, which stays at its prompt."""

    def read() -> dict[str, bytes]:
        with Prompt.open(board.port) as prompt:
            paths = [entry.path for entry in prompt.list_files() if not entry.is_folder]
            return {path: prompt.read_file(path) for path in paths}

    return await asyncio.to_thread(read)


async def paths_on(board: VirtualBoard) -> list[str]:
    """Returns the path of every file of a board, which stays at its prompt."""

    def read() -> list[str]:
        with Prompt.open(board.port) as prompt:
            return [entry.path for entry in prompt.list_files() if not entry.is_folder]

    return await asyncio.to_thread(read)


async def write_board(board: VirtualBoard, files: dict[str, bytes], *, starts: bool = True) -> None:
    """Writes files to a board, and restarts it."""

    def write() -> None:
        with Prompt.open(board.port) as prompt:
            for path, data in files.items():
                prompt.write_file(path, data)
            if starts:
                prompt.hard_reset()

    await asyncio.to_thread(write)


async def config_of(board: VirtualBoard) -> dict[str, Any]:
    """Returns the settings on a board."""
    config: dict[str, Any] = json.loads((await read_board(board))["/config.json"])
    return config


def is_whole(files: dict[str, bytes], kind: str = "pico") -> bool:
    """Whether a board has all of our files as they should be, and nothing half-finished."""
    wanted = read_deployed(kind).files
    left_over = [path for path in files if path.endswith((".darvaz-new", ".darvaz-staged"))]
    return not left_over and all(files.get(path) == data for path, data in wanted.items())
