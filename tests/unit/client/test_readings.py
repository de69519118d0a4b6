"""An export in columns is read in whatever pieces, and what is not one is refused; points become tables of pandas."""

from __future__ import annotations

import json
import sys

import pytest

from darvaz.client.errors import GatewayError
from darvaz.client.readings import _LINE_BYTES_MAX, Points, Readings, ReadingsParser
from darvaz.client.requests import PlotPoint

BLOCKS = [
    Readings("گلخانه", "temperature", [1_700_000_000_123, 2**45], [-0.1, 1e300]),
    Readings("barn", "level", list(range(300)), [number / 3 for number in range(300)]),
]


@pytest.mark.parametrize("size", [1, 7, 1000, 100_000])
def test_readings_arrive_in_whatever_pieces(size: int) -> None:
    data = b"".join(json.dumps(block._asdict()).encode() + b"\n" for block in BLOCKS)
    parser, found = ReadingsParser(), []
    for start in range(0, len(data), size):
        found += parser.receive(data[start : start + size])
    parser.end()

    assert found == BLOCKS


@pytest.mark.parametrize(
    "line",
    [b"nonsense\n", b"[]\n", b"{}\n", b'{"device":"a","name":"b","times_ms":[1],"values":[]}\n', b"5\n", b"\xff\n"],
)
def test_what_no_gateway_sends_is_refused(line: bytes) -> None:
    with pytest.raises(GatewayError, match="not an export"):
        ReadingsParser().receive(line)


def test_a_line_has_an_end() -> None:
    parser = ReadingsParser()
    parser.receive(b" " * _LINE_BYTES_MAX)
    with pytest.raises(GatewayError, match="a line has no end"):
        parser.receive(b" ")


def test_an_export_that_ends_within_a_line_is_told() -> None:
    parser = ReadingsParser()
    parser.receive(b'{"device"')
    with pytest.raises(GatewayError, match="ended too early"):
        parser.end()


def test_points_become_a_table_by_their_time() -> None:
    points = Points([PlotPoint(1_700_000_000.5, 21.5, 20, 23, 6), PlotPoint(1_700_000_300, 22, 21, 23, 6)])
    table = points.to_pandas()

    assert list(table.columns) == ["mean", "lowest", "highest", "readings"]
    assert [time.isoformat() for time in table.index] == [
        "2023-11-14T22:13:20.500000+00:00",
        "2023-11-14T22:18:20+00:00",
    ]
    assert table["mean"].mean() == 21.75
    assert Points().to_pandas().empty
    assert points[0].mean == 21.5


def test_without_pandas_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"needs pandas: .*pip install .*\[pandas\]"):
        Points().to_pandas()
