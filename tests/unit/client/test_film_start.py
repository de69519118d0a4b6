"""A film begins when the recording did, also with a frame that the camera took long before."""

from __future__ import annotations

from darvaz.client.film_start import FilmStart
from darvaz.client.requests import CameraFrame


def frame(time_s: float) -> CameraFrame:
    return CameraFrame(time_s, b"jpeg")


def test_an_old_frame_is_shown_from_the_start_of_the_recording() -> None:
    start = FilmStart()

    # Taken nine seconds before the recording; the next one half a second after its start.
    held = start.receive(frame(100.0), now_s=7.0)
    due = start.receive(frame(109.5), now_s=7.5)

    assert held == []
    assert due == [frame(109.0), frame(109.5)]
    assert start.receive(frame(110.0), now_s=8.0) == [frame(110.0)]
    assert start.rest() == []


def test_a_fresh_frame_keeps_its_time() -> None:
    start = FilmStart()

    start.receive(frame(100.0), now_s=7.0)

    # The second one was slower on its way.
    assert start.receive(frame(100.1), now_s=7.4) == [frame(100.0), frame(100.1)]


def test_a_single_frame_is_in_the_film_too() -> None:
    start = FilmStart()

    start.receive(frame(100.0), now_s=7.0)

    assert start.rest() == [frame(100.0)]
    assert FilmStart().rest() == []
