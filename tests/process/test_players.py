"""Real players: ffmpeg and OpenCV count a camera's frames, a browser shows them."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.camera import Camera
from tests.support.chromium import page_at
from tests.support.gateway import GatewayProcess
from tests.support.needs import missing
from tests.support.viewing import path_of, run_cli

DEADLINE_S = 60.0
SHOWN = """
new Promise((resolve, reject) => {
  const image = document.createElement("img");
  const canvas = document.createElement("canvas");
  const greys = new Set();
  canvas.width = canvas.height = 1;
  image.src = "%s";
  document.body.append(image);
  const check = () => {
    if (image.naturalWidth > 0) {
      const context = canvas.getContext("2d");
      context.drawImage(image, 0, 0, 1, 1);
      greys.add(context.getImageData(0, 0, 1, 1).data[0]);
    }
    if (greys.size >= 4) resolve(`${image.naturalWidth}x${image.naturalHeight}`);
    else setTimeout(check, 20);
  };
  setTimeout(() => reject(new Error(`saw ${greys.size} pictures`)), 20000);
  check();
})
"""
DRAWN = """
new Promise((resolve, reject) => {
  const socket = new WebSocket(`ws://${location.host}%s`);
  const widths = [];
  socket.onmessage = async (event) => {
    widths.push((await createImageBitmap(event.data)).width);
    if (widths.length === 5) resolve(widths.join(" "));
  };
  setTimeout(() => reject(new Error(`drew ${widths.length} pictures`)), 20000);
})
"""


def ffmpeg(*arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("ffmpeg") is None:
        missing("ffmpeg is not installed")
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)


def opencv_frames(url: str, count: int) -> list[tuple[int, ...]]:
    """Returns the shapes of the frames that OpenCV reads."""
    try:
        import cv2
    except ImportError:
        missing("OpenCV is not installed: install the extra `test`")
    capture = cv2.VideoCapture(url)
    try:
        return [image.shape for taken, image in (capture.read() for _ in range(count)) if taken]
    finally:
        capture.release()


@pytest.mark.parametrize("format_", [("-f", "mpjpeg"), ()], ids=["format given", "format guessed"])
async def test_ffmpeg_counts_every_frame(gateway: GatewayProcess, format_: tuple[str, ...]) -> None:
    url = gateway.url + path_of(query="?fps=25")
    async with Camera(gateway.ws_url):
        arguments = [*format_, "-i", url, "-frames:v", "40", "-f", "null", "-progress", "-", "-"]
        played = await asyncio.to_thread(ffmpeg, *arguments)

    assert (played.returncode, played.stderr) == (0, "")
    assert "frame=40\n" in played.stdout


async def test_players_at_another_address_send_a_viewers_token() -> None:
    with GatewayProcess(env={"DARVAZ_LOCALHOST_WITHOUT_TOKEN": "false"}) as gateway:
        issued = [run_cli("token", "issue", kind, gateway=gateway).stdout.strip() for kind in ("esp32cam", "viewer")]
        url, header = gateway.url + path_of(query="?fps=25"), f"Authorization: Bearer {issued[1]}"
        arguments = ["-f", "mpjpeg", "-i", url, "-frames:v", "5", "-f", "null", "-progress", "-", "-"]
        async with Camera(gateway.ws_url, token=issued[0]):
            refused = await asyncio.to_thread(ffmpeg, *arguments)
            played = await asyncio.to_thread(ffmpeg, "-headers", header, *arguments)

    assert "401" in refused.stderr
    assert "frame=5\n" in played.stdout


async def test_ffmpeg_makes_a_film_of_the_stream(gateway: GatewayProcess, tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    async with Camera(gateway.ws_url):
        url = gateway.url + path_of(query="?fps=25&size=QVGA")
        made = await asyncio.to_thread(ffmpeg, "-f", "mpjpeg", "-i", url, "-frames:v", "20", "-c", "copy", str(film))
        counted = await asyncio.to_thread(ffmpeg, "-i", str(film), "-f", "null", "-progress", "-", "-")

    assert made.returncode == 0
    assert "frame=20\n" in counted.stdout


async def test_opencv_counts_every_frame(gateway: GatewayProcess) -> None:
    async with Camera(gateway.ws_url):
        shapes = await asyncio.to_thread(opencv_frames, gateway.url + path_of(query="?fps=25&size=QVGA"), 30)

    assert shapes == [(240, 320, 3)] * 30


async def test_a_browser_shows_the_stream_in_an_image(gateway: GatewayProcess, tmp_path: Path) -> None:
    async with Camera(gateway.ws_url), page_at(f"{gateway.url}/health", tmp_path) as page:
        assert await page.evaluate(SHOWN % path_of(query="?fps=10")) == "640x480"


async def test_a_browser_draws_the_packets_of_a_websocket(gateway: GatewayProcess, tmp_path: Path) -> None:
    async with Camera(gateway.ws_url), page_at(f"{gateway.url}/health", tmp_path) as page:
        assert await page.evaluate(DRAWN % "/ws/view/yard?fps=10") == "640 640 640 640 640"


async def test_a_browser_goes_on_when_the_camera_is_back(gateway: GatewayProcess, tmp_path: Path) -> None:
    async with page_at(f"{gateway.url}/health", tmp_path) as page:
        async with Camera(gateway.ws_url):
            pass
        showing = asyncio.create_task(page.evaluate(SHOWN % path_of()))
        await asyncio.sleep(0.5)
        async with Camera(gateway.ws_url):
            assert await showing == "640x480"
