"""The body of an answer: as long as allowed and no longer, as slow as allowed and no slower."""

from __future__ import annotations

import gzip

import pytest

from darvaz.client import requests
from darvaz.client.answers import AnswerError, BodyReader

MAX = 1_000


def read(data: bytes, encoding: str = "", pieces: int = 7) -> bytes:
    reader = BodyReader(encoding, MAX, 1.0)
    for at in range(0, len(data), pieces):
        reader.receive(data[at : at + pieces])
    return reader.body()


@pytest.mark.parametrize("encoding", ["", "identity", "gzip"])
def test_a_body_has_at_most_the_allowed_bytes(encoding: str) -> None:
    pack = gzip.compress if encoding == "gzip" else bytes

    assert read(pack(b"x" * MAX), encoding) == b"x" * MAX
    with pytest.raises(AnswerError, match="more than 1000 bytes"):
        read(pack(b"x" * (MAX + 1)), encoding)


@pytest.mark.parametrize(
    "data", [gzip.compress(b"whole", mtime=0)[:-1], b"nonsense", b""], ids=["cut", "nonsense", "empty"]
)
def test_a_damaged_body_is_refused(data: bytes) -> None:
    with pytest.raises(AnswerError, match="damaged"):
        read(data, "gzip")


def test_an_encoding_that_was_not_asked_for_is_refused() -> None:
    with pytest.raises(AnswerError, match="zstd"):
        BodyReader("zstd", MAX, 1.0)


def test_a_body_must_be_there_in_time() -> None:
    clock = [0.0]
    reader = BodyReader("", MAX, 1.0, lambda: clock[0])

    clock[0] = 1.0
    reader.receive(b"a")
    clock[0] = 1.1
    with pytest.raises(AnswerError, match="not complete after 1 s"):
        reader.receive(b"b")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("..evil", "..evil"),
        ("a/../b", "a%2F..%2Fb"),
        ("%2f", "%252f"),
        ("\udcff", "%3F"),
    ],
)
def test_every_name_stays_one_part_of_a_path(name: str, path: str) -> None:
    assert requests.device(name).path == f"/api/devices/{path}"
