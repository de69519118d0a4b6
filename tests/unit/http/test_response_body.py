"""Where frames and events go: a client that has left is nobody's failure but its own."""

from __future__ import annotations

from typing import Any, cast

import pytest

from darvaz.gateway.http.server_protocol import ChunkedBody, ResponseBody


class LeftTransport:
    """A transport of uvloop whose client has left: everything but closing it raises."""

    def is_closing(self) -> bool:
        return True

    def write(self, data: bytes) -> None:
        raise RuntimeError("the handler is closed")

    def get_write_buffer_size(self) -> int:
        return 0

    def close(self) -> None:
        """Closes it again, which does nothing."""


@pytest.mark.parametrize("body", [ResponseBody, ChunkedBody])
def test_what_is_sent_to_a_client_that_has_left_does_not_fail_at_its_sender(body: type[ResponseBody]) -> None:
    made = body(cast(Any, LeftTransport()))

    made.write(b"x")
    made.end()
