"""Unmasking: in Python, and in C where it is compiled."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import darvaz.gateway.websocket
from darvaz.gateway.websocket import masking as running
from tests.support.examples import examples
from tests.support.plain_modules import load_plain

SOURCE = Path(darvaz.gateway.websocket.__path__[0]) / "masking.py"


both = pytest.mark.parametrize("masking", [load_plain(SOURCE), running], ids=["plain", "running"])


def masked(payload: bytes, mask: bytes) -> bytes:
    return bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


@both
@examples(100)
@given(
    before=st.binary(max_size=20),
    mask=st.binary(min_size=4, max_size=4),
    payload=st.binary(max_size=300),
    after=st.binary(max_size=9),
)
def test_a_payload_at_any_position_is_unmasked(
    masking: ModuleType, before: bytes, mask: bytes, payload: bytes, after: bytes
) -> None:
    data = before + mask + masked(payload, mask) + after
    start = len(before) + 4

    assert masking.unmask(data, start, start + len(payload)) == payload


@both
@examples(100)
@given(mask=st.binary(min_size=4, max_size=4), text=st.text(max_size=300))
def test_a_text_is_unmasked(masking: ModuleType, mask: bytes, text: str) -> None:
    data = mask + masked(text.encode(), mask)

    assert masking.unmask_text(data, 4, len(data)) == text


@both
@examples(100)
@given(mask=st.binary(min_size=4, max_size=4), payload=st.binary(max_size=200))
def test_bytes_are_text_exactly_if_python_decodes_them(masking: ModuleType, mask: bytes, payload: bytes) -> None:
    data = mask + masked(payload, mask)
    try:
        expected = payload.decode()
    except UnicodeDecodeError:
        with pytest.raises(UnicodeDecodeError):
            masking.unmask_text(data, 4, len(data))
    else:
        assert masking.unmask_text(data, 4, len(data)) == expected


@pytest.mark.parametrize("given", [(b"12345678", 3, 8), (b"12345678", 4, 9), (b"12345678", 6, 5), (b"1234", -1, 4)])
def test_positions_outside_of_the_bytes_are_never_read(given: tuple[bytes, int, int]) -> None:
    try:
        unmasked = running.unmask(*given)
    except ValueError:
        return
    # In Python a slice ends where the bytes end.
    assert len(unmasked) <= len(given[0])


@pytest.mark.skipif(Path(str(running.__file__)) == SOURCE, reason="the plain module accepts what Python slices")
@pytest.mark.parametrize(
    "given", [(), (b"12345678",), (b"12345678", 4, 8, 9), ("12345678", 4, 8), (b"12345678", "4", 8)]
)
def test_arguments_of_other_kinds_are_refused_in_c(given: tuple[object, ...]) -> None:
    for function in (running.unmask, running.unmask_text):
        with pytest.raises(TypeError):
            function(*given)  # type: ignore[arg-type]
