"""Which clients get gzip."""

from __future__ import annotations

import gzip

import pytest

from darvaz.gateway.http.compression import LEAST_BYTES, accepts_gzip, compress_for


@pytest.mark.parametrize(
    ("header", "is_accepted"),
    [
        ("", False),
        ("identity", False),
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("gzip;q=much", False),
    ],
)
def test_gzip_is_for_clients_that_name_it(header: str, is_accepted: bool) -> None:
    assert accepts_gzip(header) is is_accepted


async def test_a_small_answer_stays_as_it_is() -> None:
    body, headers = await compress_for("gzip", b"x" * (LEAST_BYTES - 1))

    assert (body, headers) == (b"x" * (LEAST_BYTES - 1), {"Vary": "Accept-Encoding"})


@pytest.mark.parametrize("size_bytes", [LEAST_BYTES, 1_000_000])
async def test_a_larger_one_is_packed(size_bytes: int) -> None:
    body, headers = await compress_for("gzip", b"x" * size_bytes)

    assert (gzip.decompress(body), headers["Content-Encoding"]) == (b"x" * size_bytes, "gzip")
