"""The ring keeps the newest frames of each camera, as many and as often as the settings say."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from darvaz.gateway.cameras.frame_ring import PENDING_MAX, FrameRing
from darvaz.gateway.frames import Frame


def frame_at(at_s: float, data: bytes = b"picture") -> Frame:
    return Frame(data, 1, arrived_s=at_s, unix_s=1_790_000_000 + at_s)


def ring_in(folder: Path, frames_max: int = 3, every_s: float = 1.0) -> FrameRing:
    return FrameRing(folder, frames_max, every_s)


def wait_until(condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline_s, "it did not happen"
        time.sleep(0.005)


def test_the_latest_frames_stay_and_the_oldest_go(tmp_path: Path) -> None:
    ring = ring_in(tmp_path)

    for at_s in range(10, 15):
        ring.keep("yard", frame_at(at_s, b"%d" % at_s))
    ring.close()

    assert ring.times_ms("yard") == [1_790_000_012_000, 1_790_000_013_000, 1_790_000_014_000]
    assert ring.path("yard", 1_790_000_013_000).read_bytes() == b"13"
    assert len(list(tmp_path.rglob("*.*"))) == 3


def test_frames_that_come_faster_are_skipped(tmp_path: Path) -> None:
    ring = ring_in(tmp_path, frames_max=100)

    for tenth in range(30):
        ring.keep("yard", frame_at(10 + tenth / 10))
    ring.close()

    assert len(ring.times_ms("yard")) == 3


def test_each_camera_has_a_ring_of_its_own(tmp_path: Path) -> None:
    ring = ring_in(tmp_path, frames_max=1)

    ring.keep("yard", frame_at(10, b"yard"))
    ring.keep("gate", frame_at(11, b"gate"))
    ring.close()

    assert (ring.times_ms("yard"), ring.times_ms("gate")) == ([1_790_000_010_000], [1_790_000_011_000])


def test_frames_from_before_a_restart_belong_to_the_ring(tmp_path: Path) -> None:
    for start_s in (10, 20):
        ring = ring_in(tmp_path)
        for at_s in range(start_s, start_s + 2):
            ring.keep("yard", frame_at(at_s))
        ring.close()

    assert ring.times_ms("yard") == [1_790_000_011_000, 1_790_000_020_000, 1_790_000_021_000]


@pytest.mark.parametrize("device", ["...", "گربه" * 16, "a:b*c?d", "CON", "x" * 64, "💾" * 64])
def test_any_name_of_a_device_has_a_folder_inside_the_ring(tmp_path: Path, device: str) -> None:
    ring = ring_in(tmp_path / "ring")

    ring.keep(device, frame_at(10))
    ring.close()

    assert ring.times_ms(device) == [1_790_000_010_000]
    assert ring.path(device, 1).parent.parent == tmp_path / "ring"


def test_a_disk_that_fails_is_told_once_and_the_newest_frame_is_kept_once_it_works(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "ring").write_text("a file where the folder should be")
    ring = ring_in(tmp_path / "ring")

    for at_s in range(10, 15):
        ring.keep("yard", frame_at(at_s))
    wait_until(lambda: ring.writer.state != "ok")
    assert "the ring of frames cannot be written" in ring.writer.state
    (tmp_path / "ring").unlink()
    wait_until(lambda: ring.writer.state == "ok")

    assert ring.close()
    assert ring.times_ms("yard")[-1] == 1_790_000_014_000
    assert caplog.text.count("the ring of frames cannot be written") == 1


def test_a_camera_whose_folder_fails_does_not_keep_the_others_from_the_disk(tmp_path: Path) -> None:
    (tmp_path / "yard").write_text("a file where the folder should be")
    ring = ring_in(tmp_path)

    ring.keep("yard", frame_at(10))
    ring.keep("gate", frame_at(10))
    ring.close()

    assert ring.times_ms("gate") == [1_790_000_010_000]


def test_one_frame_beyond_those_that_may_wait_is_not_kept_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    go_on, replace = threading.Event(), os.replace

    def replace_later(source: Path, target: Path) -> None:
        go_on.wait(20)
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_later)
    ring = ring_in(tmp_path, frames_max=1000)

    for at_s in range(PENDING_MAX + 1):
        ring.keep("yard", frame_at(10 + at_s))
    go_on.set()
    assert ring.close(10)

    assert len(ring.times_ms("yard")) == PENDING_MAX
    assert "1 frames were not kept" in caplog.text


def test_frames_of_a_forgotten_camera_are_deleted_also_those_that_wait(tmp_path: Path) -> None:
    ring = ring_in(tmp_path)
    ring.keep("yard", frame_at(10))
    ring.keep("porch", frame_at(10))
    ring.keep("yard", frame_at(12))

    ring.forget("yard")
    ring.keep("yard", frame_at(13, b"of the next camera"))
    ring.close()

    assert ring.times_ms("yard") == [1_790_000_013_000]
    assert ring.times_ms("porch") == [1_790_000_010_000]


@pytest.mark.parametrize("device", [".", "..", "..."])
def test_an_id_of_dots_has_a_folder_of_its_own(tmp_path: Path, device: str) -> None:
    ring = ring_in(tmp_path / "frames")
    ring.keep(device, frame_at(10))

    ring.forget(device)
    ring.close()

    assert [path.name for path in tmp_path.iterdir()] == ["frames"]


@pytest.mark.parametrize("was_there", [False, True])
def test_other_users_cannot_look_at_kept_frames(tmp_path: Path, was_there: bool) -> None:
    folder = tmp_path / "frames"
    if was_there:
        folder.mkdir()
        folder.chmod(0o755)
    ring = ring_in(folder)

    ring.keep("yard", frame_at(10))
    ring.close()

    assert folder.stat().st_mode & 0o777 == 0o700
