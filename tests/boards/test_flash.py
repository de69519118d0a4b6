"""`darvaz flash` on virtual boards with littlefs: online with one command, and the maker's files stay."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from darvaz.boards.virtual import VirtualBoard
from tests.support.flashing import MAIN, Person, config_of, is_whole, paths_on, read_board, write_board
from tests.support.littlefs import firmware_of, put_files

pytestmark = [pytest.mark.timeout(120)]
OTHER_PROGRAM = b"import time\nwhile True:\n    time.sleep(0.1)\n"
DEAF = b"import time\nwhile True:\n    try:\n        while True:\n            time.sleep(0.02)\n"
DEAF += b"    except KeyboardInterrupt:\n        pass\n"


@pytest.fixture
async def ready_board(tmp_path: Path) -> AsyncIterator[VirtualBoard]:
    """A board that has our files, and no settings: a flash copies those alone."""
    put_files(tmp_path / "ready.img", firmware_of("pico"))
    async with VirtualBoard("pico", tmp_path / "ready", image=tmp_path / "ready.img") as running:
        yield running


async def test_empty_board_is_online_after_one_command(board: VirtualBoard, person: Person) -> None:
    done = await person.flash(board, "--device", "pan-tilt")

    assert done.code == 0, done.err
    assert "pan-tilt is online at 192.0.2.10" in done.out and "acknowledged `info`" in done.out
    lit = await asyncio.to_thread(person.gateway.post, "/api/devices/pan-tilt/commands/led", json={"on": True})
    assert lit.json()["result"] == {"on": True}
    assert [token.device for token in person.live_tokens("pan-tilt")] == ["pan-tilt"]
    assert is_whole(await read_board(board))


async def test_second_flash_copies_nothing_and_keeps_the_token(ready_board: VirtualBoard, person: Person) -> None:
    await person.flash(ready_board, "--device", "again")
    tokens = person.live_tokens("again")

    done = await person.flash(ready_board)
    result = json.loads((await person.flash(ready_board, "--json")).out)

    assert done.code == 0, done.err
    assert "again is online" in done.out and "0 files copied" in done.out
    assert {name: result[name] for name in ("device", "outcome", "code", "files")} == {
        "device": "again",
        "outcome": "online",
        "code": 0,
        "files": 0,
    }
    assert [token.token_id for token in person.live_tokens("again")] == [token.token_id for token in tokens]


async def test_only_what_changed_is_copied(ready_board: VirtualBoard, person: Person) -> None:
    await person.flash(ready_board)
    # MicroPython would load the source, of another version, before the compiled module.
    other = {"/lib/darvaz/session.mpy": b"M\x06 of another version", "/lib/darvaz/link.py": b"# of another version\n"}
    await write_board(ready_board, other)

    done = await person.flash(ready_board)

    after = await read_board(ready_board)
    assert "1 file copied" in done.out, done.err
    assert is_whole(after) and "/lib/darvaz/link.py" not in after


async def test_camera_board_is_online_after_one_command(tmp_path: Path, person: Person) -> None:
    async with VirtualBoard("esp32cam", tmp_path / "cam", image=tmp_path / "cam.img") as board:
        done = await person.flash(board, "esp32cam", "--device", "cam")

        assert done.code == 0, done.err
        assert is_whole(await read_board(board), "esp32cam")


async def test_no_secret_is_on_the_screen_or_in_the_journal(ready_board: VirtualBoard, person: Person) -> None:
    point = ready_board.hardware.access_points["Home"]
    point.password = "a very secret password"

    done = await person.flash(ready_board, "--verbose", DARVAZ_WIFI_PASSWORD=point.password)

    token = (await config_of(ready_board))["token"]
    journal = person.gateway.get("/api/journal?limit=1000").text
    text = done.out + done.err + journal + person.gateway.log_text()
    assert done.code == 0, done.err
    assert token not in text and point.password not in text


@pytest.mark.parametrize(
    "password", ["two  spaces ", 'it\'s "quoted" \\n %s {x}', "گذرواژه‌ی خانه", "🔑🔑🔑🔑", "$(reboot)`ls`;#"]
)
async def test_password_of_any_characters_arrives(ready_board: VirtualBoard, person: Person, password: str) -> None:
    ready_board.hardware.access_points["خانه ☕"] = ready_board.hardware.access_points.pop("Home")
    ready_board.hardware.access_points["خانه ☕"].password = password

    done = await person.flash(ready_board, DARVAZ_WIFI_SSID="خانه ☕", DARVAZ_WIFI_PASSWORD=password)

    assert done.code == 0, done.err
    assert (await config_of(ready_board))["networks"] == [{"ssid": "خانه ☕", "password": password}]


# What is the maker's


async def test_program_and_settings_of_the_maker_stay(ready_board: VirtualBoard, person: Person) -> None:
    await person.flash(ready_board, "--device", "mine")
    files = await read_board(ready_board)
    own = files[MAIN].replace(b"device.run()", b"print('my own words')\ndevice.run()")
    config = json.loads(files["/config.json"]) | {"my_setting": {"a": [1]}, "log_level": "debug"}
    await write_board(ready_board, {MAIN: own, "/config.json": json.dumps(config).encode(), "/data/log.csv": b"1,2\n"})

    done = await person.flash(ready_board)

    after = await read_board(ready_board)
    assert done.code == 0, done.err
    assert "Your main.py was left as it is" in done.out
    assert after[MAIN] == own and after["/data/log.csv"] == b"1,2\n"
    assert json.loads(after["/config.json"]) == config


async def test_another_program_is_replaced_only_on_request(board: VirtualBoard, person: Person) -> None:
    await write_board(board, {MAIN: OTHER_PROGRAM, "/notes.txt": b"mine"})

    refused = await person.flash(board)

    assert refused.code == 3
    assert "another program on this board" in refused.err and "--reset-main" in refused.err
    assert await read_board(board) == {MAIN: OTHER_PROGRAM, "/notes.txt": b"mine"}

    done = await person.flash(board, "--reset-main")

    after = await read_board(board)
    assert done.code == 0, done.err
    assert is_whole(after)
    assert after["/main.py.kept-1"] == OTHER_PROGRAM and after["/notes.txt"] == b"mine"


async def test_files_of_others_in_our_places_are_kept_under_another_name(board: VirtualBoard, person: Person) -> None:
    await write_board(board, {"/servo.py": b"# my servo\n"})

    done = await person.flash(board)

    after = await read_board(board)
    assert done.code == 0, done.err
    assert "Your /servo.py is kept as /servo.py.kept-1" in done.out
    assert after["/servo.py.kept-1"] == b"# my servo\n" and is_whole(after)


async def test_only_our_own_stale_files_are_removed(ready_board: VirtualBoard, person: Person) -> None:
    await person.flash(ready_board)
    manifest = json.loads((await read_board(ready_board))["/lib/darvaz/manifest.json"])
    digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    manifest["files"]["/lib/darvaz/old.py"] = manifest["files"]["/lib/darvaz/changed.py"] = [digest]
    stale = {"/lib/darvaz/old.py": b"test", "/lib/darvaz/changed.py": b"by the maker", "/lib/darvaz/theirs.py": b"#"}
    await write_board(ready_board, stale | {"/lib/darvaz/manifest.json": json.dumps(manifest).encode()})

    done = await person.flash(ready_board)

    after = await read_board(ready_board)
    assert done.code == 0, done.err
    assert "/lib/darvaz/old.py" not in after
    assert after["/lib/darvaz/changed.py"] == b"by the maker" and after["/lib/darvaz/theirs.py"] == b"#"


async def test_damaged_settings_are_replaced_and_kept(ready_board: VirtualBoard, person: Person) -> None:
    await write_board(ready_board, {"/config.json": b'{"device": "lost'})

    done = await person.flash(ready_board)

    after = await read_board(ready_board)
    assert done.code == 0, done.err
    assert after["/config.json.kept-1"] == b'{"device": "lost'


async def test_program_that_swallows_ctrl_c_is_stopped(ready_board: VirtualBoard, person: Person) -> None:
    await write_board(ready_board, {MAIN: DEAF})

    done = await person.flash(ready_board, "--reset-main")

    assert done.code == 0, done.err
    assert (await read_board(ready_board))["/main.py.kept-1"] == DEAF


# Boards that cannot be used


async def test_wrong_kind_is_refused(board: VirtualBoard, person: Person) -> None:
    done = await person.flash(board, "esp32cam")

    assert done.code == 3
    assert "this is a pico, not a esp32cam" in done.err and "darvaz flash pico" in done.err
    assert await read_board(board) == {}


async def test_old_firmware_is_refused_with_the_remedy(ready_board: VirtualBoard, person: Person) -> None:
    ready_board.hardware.version = (1, 20, 0)

    done = await person.flash(ready_board)

    assert done.code == 3
    assert "MicroPython 1.20.0; 1.25.0 or newer is needed" in done.err and "RPI_PICO_W" in done.err
    assert person.live_tokens("pico-" + ready_board.hardware.unique_id[-6:]) == []


async def test_camera_without_its_module_is_refused_with_the_remedy(tmp_path: Path, person: Person) -> None:
    async with VirtualBoard("esp32cam", tmp_path / "cam", image=tmp_path / "cam.img") as board:
        board.hardware.camera = "missing"
        board.power_cut()

        done = await person.flash(board)

        assert done.code == 3
        assert "no camera module" in done.err and "mpy_cam" in done.err


async def test_full_file_system_is_refused_and_nothing_is_changed(tmp_path: Path, person: Person) -> None:
    put_files(tmp_path / "full.img", {"/film.bin": b"x" * 800_000})
    async with VirtualBoard("pico", tmp_path / "full", image=tmp_path / "full.img") as board:
        done = await person.flash(board)

        assert done.code == 3
        assert "are needed" in done.err and "/film.bin (800,000 bytes)" in done.err
        assert await paths_on(board) == ["/film.bin"]


# Several boards, tokens, Wi-Fi


async def test_two_boards_are_flashed_by_one_command(board: VirtualBoard, tmp_path: Path, person: Person) -> None:
    async with VirtualBoard("pico", tmp_path / "second", image=tmp_path / "second.img") as other:
        done = await person.flash(board, "--port", other.port)

        assert done.code == 0, done.err
        for one in (board, other):
            assert f"pico-{one.hardware.unique_id[-6:]} is online" in done.out


async def test_one_bad_board_does_not_keep_the_next_from_its_turn(
    board: VirtualBoard, tmp_path: Path, person: Person
) -> None:
    put_files(tmp_path / "second.img", firmware_of("pico"))
    async with VirtualBoard("pico", tmp_path / "second", image=tmp_path / "second.img") as other:
        board.hardware.version = (1, 20, 0)

        done = await person.flash(board, "--port", other.port)

        assert done.code == 3
        assert f"pico-{other.hardware.unique_id[-6:]} is online" in done.out


async def test_replaced_token_is_revoked_once_the_new_one_worked(ready_board: VirtualBoard, person: Person) -> None:
    await person.flash(ready_board, "--device", "renamed")
    (old,) = person.live_tokens("renamed")
    config = await config_of(ready_board)
    unknown = config["token"].replace(old.token_id, "aaaaaaaaaa")
    await write_board(ready_board, {"/config.json": json.dumps(config | {"token": unknown}).encode()})
    done = await person.flash(ready_board)

    assert done.code == 0, done.err
    assert "the token that was replaced is revoked" in done.err
    (new,) = person.live_tokens("renamed")
    assert new.token_id != old.token_id


async def test_wifi_must_come_from_somewhere(board: VirtualBoard, person: Person) -> None:
    del person.env["DARVAZ_WIFI_SSID"]

    done = await person.flash(board)

    assert done.code == 2
    assert "DARVAZ_WIFI_SSID" in done.err
    assert await read_board(board) == {}


async def test_wifi_of_the_environment_is_not_written_to_the_home_folder(
    ready_board: VirtualBoard, person: Person
) -> None:
    assert (await person.flash(ready_board)).code == 0

    assert not list(person.home.rglob("*.json"))


async def test_token_on_the_board_is_the_only_secret_file(ready_board: VirtualBoard, person: Person) -> None:
    await person.flash(ready_board)

    assert stat.S_IMODE(person.gateway.data.stat().st_mode) == 0o700
    holders = [
        path for path, data in (await read_board(ready_board)).items() if b"dvz_" in data and path != "/config.json"
    ]
    assert holders == []
