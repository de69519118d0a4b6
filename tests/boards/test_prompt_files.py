"""Files of a board through its prompt: whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import pytest

from darvaz.boards.serial import Prompt, Reason, SerialError
from darvaz.boards.serial.files import CHUNK_BYTES, FILE_BYTES_MAX, NAMES_AT_ONCE
from darvaz.boards.virtual import VirtualBoard
from darvaz.boards.virtual.board import FLASH_BYTES
from tests.support.at_prompt import at_prompt, refusal
from tests.support.littlefs import put_files

pytestmark = [pytest.mark.timeout(90)]


async def test_file_comes_back_as_it_was_written(board: VirtualBoard) -> None:
    data = bytes(range(256)) * (CHUNK_BYTES * 3 // 256) + b"\x04rest"
    steps: list[tuple[int, int]] = []

    def work(prompt: Prompt) -> tuple[bytes, list[str]]:
        prompt.write_file("/a/b c/é.bin", data, lambda done, of: steps.append((done, of)))
        return prompt.read_file("/a/b c/é.bin"), [entry.path for entry in prompt.list_files()]

    back, paths = await at_prompt(board, work)
    assert back == data
    assert paths == ["/a", "/a/b c", "/a/b c/é.bin"]
    assert steps[-1] == (len(data), len(data))


async def test_empty_file_is_written(board: VirtualBoard) -> None:
    def work(prompt: Prompt) -> bytes:
        prompt.write_file("/empty", b"")
        return prompt.read_file("/empty")

    assert await at_prompt(board, work) == b""


async def test_file_too_large_for_any_board_is_refused_before_anything_is_sent(board: VirtualBoard) -> None:
    error = await refusal(board, lambda prompt: prompt.write_file("/x", bytes(FILE_BYTES_MAX + 1)))

    assert error.reason is Reason.NO_SPACE


async def test_full_file_system_keeps_the_old_file_and_nothing_of_the_new(board: VirtualBoard, tmp_path: Path) -> None:
    board.unplug()
    put_files(tmp_path / "flash.img", {"/fill": bytes(FLASH_BYTES - 16 * 4096)})
    board.plug_in()

    def work(prompt: Prompt) -> tuple[SerialError, bytes, list[str]]:
        prompt.write_file("/keep", b"old")
        with pytest.raises(SerialError) as caught:
            prompt.write_file("/keep", os.urandom(prompt.free_bytes() + 4096))
        return caught.value, prompt.read_file("/keep"), [entry.path for entry in prompt.list_files()]

    error, kept, paths = await at_prompt(board, work)
    assert error.reason is Reason.NO_SPACE
    assert (kept, paths) == (b"old", ["/fill", "/keep"])


async def test_interrupted_write_leaves_nothing_behind(board: VirtualBoard) -> None:
    def stop(done: int, of: int) -> None:
        if done > CHUNK_BYTES:
            raise KeyboardInterrupt

    def work(prompt: Prompt) -> list[str]:
        with pytest.raises(KeyboardInterrupt):
            prompt.write_file("/x", bytes(CHUNK_BYTES * 4), stop)
        return [entry.path for entry in prompt.list_files()]

    assert await at_prompt(board, work) == []


@pytest.mark.parametrize("block", range(0, 12, 2))
async def test_power_cut_leaves_the_old_file_or_the_new(board: VirtualBoard, block: int) -> None:
    old, new = b"old" * 1000, b"new" * 2000
    await at_prompt(board, lambda prompt: prompt.write_file("/main.txt", old))
    board.cut_power_at_block_write(block)

    with contextlib.suppress(SerialError):
        await at_prompt(board, lambda prompt: prompt.write_file("/main.txt", new))

    board.hardware.block_writes_left = None
    assert await at_prompt(board, lambda prompt: prompt.read_file("/main.txt")) in (old, new)


FAT = """
import vfs
class Memory:
    def __init__(self):
        self.data = bytearray(128 * 512)
    def readblocks(self, n, b):
        b[:] = self.data[n * 512:n * 512 + len(b)]
    def writeblocks(self, n, b):
        self.data[n * 512:n * 512 + len(b)] = b
    def ioctl(self, op, arg):
        return 128 if op == 4 else 512 if op == 5 else 0
memory = Memory()
vfs.VfsFat.mkfs(memory)
vfs.mount(vfs.VfsFat(memory), '/fat')
"""


async def test_file_on_fat_is_written_over_an_old_one(board: VirtualBoard) -> None:
    def work(prompt: Prompt) -> tuple[bytes, list[str]]:
        prompt.exec(FAT)
        prompt.write_file("/fat/config.jsn", b"old")
        prompt.write_file("/fat/config.jsn", b"new")
        return prompt.read_file("/fat/config.jsn"), [entry.path for entry in prompt.list_files("/fat")]

    assert await at_prompt(board, work) == (b"new", ["/fat/config.jsn"])


async def test_what_is_mounted_is_neither_listed_nor_removed(board: VirtualBoard) -> None:
    def work(prompt: Prompt) -> tuple[list[str], bytes]:
        prompt.exec(FAT)
        prompt.write_file("/own/file", b"own")
        prompt.write_file("/fat/photo.jpg", b"theirs")
        listed = [entry.path for entry in prompt.list_files()]
        prompt.remove("/fat")
        return listed, prompt.read_file("/fat/photo.jpg")

    assert await at_prompt(board, work) == (["/own", "/own/file"], b"theirs")


async def test_name_that_is_not_utf8_is_shown_and_left(tmp_path: Path) -> None:
    # A folder of this machine: littlefs on the unix port refuses such a name.
    flash = tmp_path / "odd"
    (flash / "folder").mkdir(parents=True)
    for name in ("\udcff\udcfe.txt", "plain.txt"):
        os.close(os.open(flash / "folder" / name, os.O_CREAT))

    def work(prompt: Prompt) -> list[tuple[str, bool]]:
        listed = [(entry.path, entry.is_odd) for entry in prompt.list_files()]
        prompt.remove("/folder")
        return listed

    async with VirtualBoard("pico", flash) as running:
        listed = await at_prompt(running, work)

    assert listed == [("/folder", False), ("/folder/\\xff\\xfe.txt", True), ("/folder/plain.txt", False)]
    assert os.listdir(os.fsencode(flash / "folder")) == [b"\xff\xfe.txt"]


async def test_files_of_a_board_whose_flash_is_a_folder_are_written_and_renamed(tmp_path: Path) -> None:
    def work(prompt: Prompt) -> tuple[bytes, list[str]]:
        prompt.write_file("/a/x", b"old")
        prompt.write_file("/a/x", b"new")
        prompt.rename("/a/x", "/y")
        return prompt.read_file("/y"), [entry.path for entry in prompt.list_files()]

    async with VirtualBoard("pico", tmp_path / "folder") as running:
        assert await at_prompt(running, work) == (b"new", ["/a", "/y"])


async def test_hashes_of_more_files_than_fit_into_one_request(board: VirtualBoard) -> None:
    paths = [f"/f{number}" for number in range(NAMES_AT_ONCE + 1)]

    def work(prompt: Prompt) -> dict[str, str]:
        for path in paths:
            prompt.write_file(path, b"abc")
        return prompt.hash_files([*paths, "/missing"])

    hashes = await at_prompt(board, work)
    assert list(hashes) == paths
    assert set(hashes.values()) == {"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}


async def test_folder_is_removed_with_what_is_in_it(board: VirtualBoard) -> None:
    def work(prompt: Prompt) -> list[Any]:
        prompt.write_file("/a/b/c", b"x")
        prompt.remove("/a")
        return prompt.list_files()

    assert await at_prompt(board, work) == []


async def test_missing_file_is_reported(board: VirtualBoard) -> None:
    assert (await refusal(board, lambda prompt: prompt.read_file("/none"))).reason is Reason.NO_FILE
