"""Snapshots, films and time-lapses of the command line, which other programs open."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.camera import Camera, jpeg
from tests.support.gateway import GatewayProcess
from tests.support.needs import missing
from tests.support.viewing import run_cli


@pytest.fixture
def needs_av() -> None:
    try:
        import av  # noqa: F401
    except ImportError:
        missing("PyAV is not installed: install the extra `record`")


async def cli(gateway: GatewayProcess, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(run_cli, *map(str, arguments), gateway=gateway)


def matching(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern))


def film_of(path: Path) -> tuple[str, list[float]]:
    """Returns the codec of a film and the time of each of its frames, as ffprobe sees them."""
    if shutil.which("ffprobe") is None:
        missing("ffmpeg is not installed")
    entries = "stream=codec_name:frame=pts_time"
    command = ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", entries, "-of", "json", str(path)]
    found = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    return found["streams"][0]["codec_name"], [float(frame["pts_time"]) for frame in found["frames"]]


async def test_a_snapshot_becomes_a_file(gateway: GatewayProcess, tmp_path: Path) -> None:
    async with Camera(gateway.ws_url, obeys=False, commands={}) as camera:
        await camera.send(jpeg(5))
        kept = await cli(gateway, "snapshot", "yard", "-o", tmp_path / "new" / "yard.jpg")

    assert (kept.returncode, kept.stderr) == (0, "")
    assert (tmp_path / "new" / "yard.jpg").read_bytes() == jpeg(5)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["yard.jpg"]


async def test_a_snapshot_goes_to_a_pipe(gateway: GatewayProcess) -> None:
    async with Camera(gateway.ws_url, obeys=False, commands={}) as camera:
        await camera.send(jpeg(5))
        command = [sys.executable, "-m", "darvaz", "snapshot", "yard", "-o", "-", "--gateway", gateway.url]
        piped = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=60, check=False)

    assert piped.stdout == jpeg(5)


async def test_snapshots_at_an_interval_are_named_after_their_times(gateway: GatewayProcess, tmp_path: Path) -> None:
    pattern = tmp_path / "%Y" / "%H%M%S.jpg"
    async with Camera(gateway.ws_url):
        kept = await cli(gateway, "snapshot", "yard", "-o", pattern, "--every", "1.1", "--count", "3")

    assert kept.returncode == 0
    assert len(matching(tmp_path, "20??/??????.jpg")) == 3


async def test_a_name_without_a_time_gets_one_at_an_interval(gateway: GatewayProcess, tmp_path: Path) -> None:
    async with Camera(gateway.ws_url):
        await cli(gateway, "snapshot", "yard", "-o", tmp_path / "yard.jpg", "--every", "1", "--count", "1")

    assert len(matching(tmp_path, "yard-20*.jpg")) == 1


async def test_an_offline_camera_is_reported_and_tried_again(gateway: GatewayProcess, tmp_path: Path) -> None:
    async with Camera(gateway.ws_url):
        pass
    once = await cli(gateway, "snapshot", "yard", "-o", tmp_path / "yard.jpg")
    often = await cli(gateway, "snapshot", "yard", "-o", tmp_path / "yard.jpg", "--every", "0.2", "--count", "2")

    assert (once.returncode, once.stderr) == (1, "Error: yard is offline\n")
    assert (often.returncode, often.stderr.count("yard is offline")) == (0, 2)


@pytest.mark.usefixtures("needs_av")
@pytest.mark.parametrize(("name", "codec"), [("yard.mkv", "mjpeg"), ("yard.mp4", "h264")])
async def test_a_film_shows_each_frame_when_it_arrived(
    gateway: GatewayProcess, tmp_path: Path, name: str, codec: str
) -> None:
    film = tmp_path / name
    async with Camera(gateway.ws_url) as camera:
        recording = asyncio.create_task(cli(gateway, "record", "yard", "-o", film, "--seconds", "3", "--fps", "10"))
        await camera.wait_for_stream(fps=10)
        await asyncio.sleep(1)
        camera.fps = 2
        made = await recording

    found, times_s = film_of(film)
    assert (made.returncode, found) == (0, codec)
    assert f"{len(times_s)} frames" in made.stdout
    gaps_s = [after - before for before, after in itertools.pairwise(times_s)]
    # Ten a second at first, then two: a film with times of its own would make them all alike.
    assert min(gaps_s) < 0.2 and max(gaps_s) > 0.3


@pytest.mark.usefixtures("needs_av")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_a_film_that_is_complete(
    gateway: GatewayProcess, tmp_path: Path, end: signal.Signals
) -> None:
    film = tmp_path / "yard.mp4"
    command = [sys.executable, "-m", "darvaz", "record", "yard", "-o", str(film), "--gateway", gateway.url]
    async with Camera(gateway.ws_url) as camera:
        recording = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        await camera.wait_for_stream(fps=10)
        await asyncio.sleep(1)
        recording.send_signal(end)
        output, _ = await asyncio.wait_for(recording.communicate(), 60)

    assert recording.returncode == 0
    assert f"{len(film_of(film)[1])} frames" in output.decode()


@pytest.mark.usefixtures("needs_av")
async def test_a_time_lapse_plays_fast(gateway: GatewayProcess, tmp_path: Path) -> None:
    film = tmp_path / "yard.mkv"
    async with Camera(gateway.ws_url) as camera:
        arguments = ("-o", film, "--every", "0.5", "--play-fps", "20", "--seconds", "4")
        recording = asyncio.create_task(cli(gateway, "record", "yard", *arguments))
        await camera.wait_for_stream(fps=2)
        await recording

    times_s = film_of(film)[1]
    assert 4 <= len(times_s) <= 12
    assert times_s == pytest.approx([number / 20 for number in range(len(times_s))], abs=0.002)


@pytest.mark.usefixtures("needs_av")
async def test_a_film_goes_on_when_camera_and_gateway_are_back(tmp_path: Path) -> None:
    film = tmp_path / "yard.mkv"
    with GatewayProcess() as gateway:
        command = [sys.executable, "-m", "darvaz", "record", "yard", "-o", str(film), "--gateway", gateway.url]
        async with Camera(gateway.ws_url) as camera:
            recording = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
            await camera.wait_for_stream(fps=10)
            await asyncio.sleep(0.5)
        await asyncio.to_thread(gateway.stop)
        await asyncio.to_thread(gateway.start)
        async with Camera(gateway.ws_url) as camera:
            await camera.wait_for_stream(fps=10)
            await asyncio.sleep(1)
            recording.send_signal(signal.SIGINT)
            await asyncio.wait_for(recording.communicate(), 60)

    times_s = film_of(film)[1]
    assert max(after - before for before, after in itertools.pairwise(times_s)) > 0.5
    assert len(times_s) > 8


@pytest.mark.usefixtures("needs_av")
async def test_a_broken_frame_is_left_out_of_the_film(gateway: GatewayProcess, tmp_path: Path) -> None:
    async with Camera(gateway.ws_url, obeys=False) as camera:
        recording = asyncio.create_task(cli(gateway, "record", "yard", "-o", tmp_path / "y.mkv", "--seconds", "3"))
        await camera.wait_for_stream(fps=10)
        for frame in (jpeg(1), b"\xff\xd8" + bytes(100) + b"\xff\xd9", jpeg(2)):
            await asyncio.sleep(0.3)
            await camera.send(frame)
        made = await recording

    assert "2 frames" in made.stdout and "1 broken" in made.stdout


@pytest.mark.usefixtures("needs_av")
@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("yard", "-o", "film.avi"), 2, ".mkv or .mp4"),
        (("yard", "-o", "there.mkv"), 1, "--force replaces it"),
        (("yard", "-o", "no/such/folder.mkv", "--seconds", "2"), 1, "cannot be written"),
        (("nobody", "-o", "film.mkv"), 1, "unknown device 'nobody'"),
        (("yard", "-o", "film.mkv", "--play-fps", "5"), 2, "--play-fps needs --every"),
    ],
)
async def test_a_film_that_cannot_be_made_says_why(
    gateway: GatewayProcess, tmp_path: Path, arguments: tuple[str, ...], status: int, sentence: str
) -> None:
    (tmp_path / "there.mkv").write_text("mine")
    placed = [str(tmp_path / argument) if "." in argument else argument for argument in arguments]
    async with Camera(gateway.ws_url):
        failed = await cli(gateway, "record", *placed)

    assert (failed.returncode, (tmp_path / "there.mkv").read_text()) == (status, "mine")
    assert sentence in failed.stderr and "Traceback" not in failed.stderr


async def test_without_a_frame_there_is_no_film(gateway: GatewayProcess, tmp_path: Path) -> None:
    async with Camera(gateway.ws_url, obeys=False):
        empty = await cli(gateway, "record", "yard", "-o", tmp_path / "film.mkv", "--seconds", "0.5")

    assert (empty.returncode, empty.stderr) == (1, "Error: no frame arrived, so there is no film\n")
    assert not (tmp_path / "film.mkv").exists()


def test_without_pyav_recording_says_what_to_install(gateway: GatewayProcess, tmp_path: Path) -> None:
    (tmp_path / "av.py").write_text("raise ImportError")
    paths = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "darvaz", "record", "yard", "-o", str(tmp_path / "film.mkv")]
    env = {**os.environ, "PYTHONPATH": paths, "DARVAZ_GATEWAY": gateway.url}
    failed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env)

    assert (failed.returncode, "[record]" in failed.stderr) == (1, True)
