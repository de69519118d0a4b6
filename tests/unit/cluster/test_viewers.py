"""What viewers at one gateway ask together of a camera at another one."""

from __future__ import annotations

from darvaz.gateway.cluster.shared_frames import together
from darvaz.gateway.frames import ViewerRequest


def test_what_viewers_ask_for_together_is_the_highest_of_each() -> None:
    slow, large = ViewerRequest(fps=2, size="QVGA", quality=50), ViewerRequest(fps=5, size="UXGA")

    assert together([slow, large]) == ViewerRequest(fps=5, size="UXGA", quality=50)
    assert together([slow, ViewerRequest()]) == ViewerRequest(fps=None, size="QVGA", quality=50)
    assert together([]) == ViewerRequest()


def test_a_paused_viewer_does_not_raise_the_rate_of_others() -> None:
    assert together([ViewerRequest(fps=0), ViewerRequest(fps=3)]).fps == 3
