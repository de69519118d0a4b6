"""TLS-PSK: which first bytes offer it, and the key that both ends make of a token."""

from __future__ import annotations

import hashlib
import random

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from darvaz.gateway.http.board_tls import offers_psk, psk_of


def hello(*suites: int, session: bytes = b"") -> bytes:
    """Returns the start of a ClientHello (RFC 5246, section 7.4.1.2)."""
    listed = b"".join(suite.to_bytes(2, "big") for suite in suites)
    body = (
        b"\x03\x03" + bytes(32) + bytes([len(session)]) + session + len(listed).to_bytes(2, "big") + listed + b"\x01\0"
    )
    return b"\x16\x03\x01" + (len(body) + 4).to_bytes(2, "big") + b"\x01\0" + len(body).to_bytes(2, "big") + body


@pytest.mark.parametrize("suite", [0xA8, 0xA9, 0x8C, 0xAE, 0xCCAC, 0xC037])
def test_a_suite_with_a_shared_key_is_seen_wherever_it_is(suite: int) -> None:
    for session in (b"", bytes(32)):
        assert offers_psk(hello(0xC02F, 0x1301, suite, 0xFF, session=session))


def test_what_browsers_offer_has_no_shared_key() -> None:
    # Chromium's and OpenSSL's suites, with one that means nothing (RFC 8701).
    assert not offers_psk(hello(0x1A1A, 0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xCCA8, 0xCCA9, 0x009C, 0x35, 0xFF))


def test_no_first_bytes_raise() -> None:
    whole = hello(0xA8, session=bytes(32))
    for size in range(len(whole)):
        assert offers_psk(whole[:size]) in (True, False)
    chance = random.Random(17)
    for _ in range(500):
        assert offers_psk(b"\x16" + chance.randbytes(chance.randrange(200))) in (True, False)


def test_the_key_is_that_of_the_standard() -> None:
    digest = hashlib.sha256(b"secret").digest()

    assert psk_of(digest) == HKDFExpand(SHA256(), 32, b"darvaz tls-psk").derive(digest)
