"""What push services receive: a message that only one browser can read (RFC 8291), and who sends it (RFC 8292)."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import struct
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

# A push service takes 4,096 bytes (RFC 8030, section 7.2), of which 103 are not the message.
RECORD_BYTES = 4_096
MESSAGE_BYTES_MAX = 3_993
PUBLIC_KEY_BYTES, SECRET_BYTES, SALT_BYTES = 65, 16, 16
# How long a push service may take the same signature; it refuses more than a day.
_SIGNED_FOR_S = 12 * 3_600
_LAST_RECORD = b"\x02"


def can_encrypt() -> bool:
    """Returns whether the package for it is installed."""
    return find_spec("cryptography") is not None


def encode(data: bytes) -> str:
    """Returns bytes as base64url without padding, as browsers and push services write them."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: str) -> bytes:
    """Returns the bytes of base64url; raises `ValueError` for another text."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def make_key() -> str:
    """Returns a new private key of a gateway."""
    ec, _ = _cryptography()
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return encode(number.to_bytes(32, "big"))


@lru_cache(maxsize=4)
def public_of(private: str) -> str:
    """Returns the public key that browsers are given."""
    return encode(_point(_private(private).public_key()))


def is_public_key(data: bytes) -> bool:
    """Returns whether bytes are a point of the curve, uncompressed."""
    ec, _ = _cryptography()
    if len(data) != PUBLIC_KEY_BYTES:
        return False
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data)
    except ValueError:
        return False
    return True


def encrypt(message: bytes, browser: bytes, secret: bytes, private: str | None = None, salt: bytes = b"") -> bytes:
    """Returns a message as the body of a push message (aes128gcm) for the public key and the secret of a browser.

    The key and the salt are of this message alone; only tests give them. Raises `ValueError` for a message that is too
    long.
    """
    if len(message) > MESSAGE_BYTES_MAX:
        raise ValueError(f"a push message has up to {MESSAGE_BYTES_MAX} bytes")
    ec, aead = _cryptography()
    own = _private(private or make_key())
    salt = salt or secrets.token_bytes(SALT_BYTES)
    point = _point(own.public_key())
    shared = own.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), browser))
    key = _derive(secret, shared, b"WebPush: info\0" + browser + point, 32)
    content_key = _derive(salt, key, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(salt, key, b"Content-Encoding: nonce\0", 12)
    head = salt + struct.pack("!LB", RECORD_BYTES, len(point)) + point
    return head + bytes(aead.AESGCM(content_key).encrypt(nonce, message + _LAST_RECORD, None))


def authorization(private: str, audience: str, contact: str, unix_s: float) -> str:
    """Returns the header that proves to a push service, an origin, that the gateway sends a message."""
    claims: dict[str, Any] = {"aud": audience, "exp": int(unix_s) + _SIGNED_FOR_S}
    if contact:
        claims["sub"] = contact
    signed = ".".join(encode(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "ES256"}, claims))
    return f"vapid t={signed}.{encode(_sign(private, signed.encode()))},k={public_of(private)}"


def _sign(private: str, signed: bytes) -> bytes:
    ec, _ = _cryptography()
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    numbers = decode_dss_signature(_private(private).sign(signed, ec.ECDSA(SHA256())))
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def _derive(salt: bytes, key: bytes, info: bytes, length: int) -> bytes:
    """Returns HKDF-SHA-256 (RFC 5869) of up to one block."""
    return hmac.digest(hmac.digest(salt, key, "sha256"), info + b"\x01", "sha256")[:length]


def _private(text: str) -> Any:
    ec, _ = _cryptography()
    return ec.derive_private_key(int.from_bytes(decode(text), "big"), ec.SECP256R1())


def _point(public: Any) -> bytes:
    numbers = public.public_numbers()
    return b"\x04" + bytes(numbers.x.to_bytes(32, "big")) + bytes(numbers.y.to_bytes(32, "big"))


def load() -> None:
    """Loads the package, which takes long: in a thread, before the event loop needs it."""
    if can_encrypt():
        _cryptography()


def _cryptography() -> tuple[Any, Any]:
    """Returns the modules for curves and ciphers, which are an extra."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.ciphers import aead

    return ec, aead
