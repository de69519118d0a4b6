"""A push service of the tests: it checks who sends (RFC 8292), and reads messages as a browser does (RFC 8291).

Written from these documents, without the gateway's own code.
"""

from __future__ import annotations

import base64
import json
import secrets
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.support.post_server import PostServer

BODY_BYTES_MAX = 4_096
_DAY_S = 86_400
_POINT = (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(frozen=True)
class Received:
    """One message as a browser reads it, with what the push service was told of it."""

    payload: dict[str, Any]
    headers: dict[str, str]
    claims: dict[str, Any]
    body: bytes = field(repr=False)


class Subscriber:
    """One browser at the push service."""

    def __init__(self, origin: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._secret = secrets.token_bytes(16)
        self.point = self._key.public_key().public_bytes(*_POINT)
        self.path = f"/send/{secrets.token_urlsafe(24)}"
        self.endpoint = origin + self.path
        self.messages: list[Received] = []
        self.status = 201
        """What is answered to a message for it."""

    def as_json(self, language: str = "en") -> dict[str, Any]:
        """Returns it as `PushSubscription.toJSON()`, with a language, as the page sends it."""
        keys = {"p256dh": encode(self.point), "auth": encode(self._secret)}
        return {"endpoint": self.endpoint, "keys": keys, "language": language}

    def read(self, body: bytes) -> bytes:
        """Returns the text of a message."""
        salt, record_bytes, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        point, sealed = body[21 : 21 + length], body[21 + length :]
        assert (record_bytes, length) == (4096, 65) and len(sealed) <= record_bytes
        shared = self._key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point))
        key = _hkdf(self._secret, b"WebPush: info\x00" + self.point + point, 32, shared)
        content_key = _hkdf(salt, b"Content-Encoding: aes128gcm\x00", 16, key)
        nonce = _hkdf(salt, b"Content-Encoding: nonce\x00", 12, key)
        text, _, padding = AESGCM(content_key).decrypt(nonce, sealed, None).rpartition(b"\x02")
        assert not padding.strip(b"\x00")
        return text


class PushService(PostServer):
    """Serves HTTPS on a free port of this machine until the block ends; `authority` is the file for SSL_CERT_FILE."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.authority = folder / "push-authority.pem"
        authority.cert_pem.write_to_path(str(self.authority))
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(tls)
        self.subscribers: dict[str, Subscriber] = {}
        self.refusals: list[str] = []
        """Why messages were not taken that no browser may get."""
        super().__init__(tls)

    @property
    def origin(self) -> str:
        return f"https://localhost:{self._server.server_port}"

    def subscribe(self) -> Subscriber:
        """Returns a new browser."""
        made = Subscriber(self.origin)
        self.subscribers[made.path] = made
        return made

    def wait_for(self, subscriber: Subscriber, messages: int = 0, tries: int = 0) -> list[Received]:
        """Returns the messages of a browser once there are as many, or as many tries for all browsers."""
        with self._arrived:
            done = self._arrived.wait_for(lambda: len(subscriber.messages) >= messages and self.tries >= tries, 60)
        assert done, f"{len(subscriber.messages)} messages, {self.tries} tries, {self.refusals}"
        return list(subscriber.messages)

    def _take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """Returns the status of the answer to a message."""
        subscriber = self.subscribers.get(path)
        if subscriber is None:
            return 404
        try:
            claims = check_sender(headers["authorization"], self.origin)
            assert headers["content-encoding"] == "aes128gcm"
            assert 0 < int(headers["ttl"]) <= _DAY_S and headers["urgency"] in ("high", "normal")
            assert set(headers.get("topic", "")) <= set("0123456789abcdef") and len(headers.get("topic", "")) <= 32
            payload = json.loads(subscriber.read(body))
        except (AssertionError, InvalidSignature, KeyError, ValueError) as error:
            self.refusals.append(repr(error))
            return 403
        if len(body) > BODY_BYTES_MAX:
            self.refusals.append(f"{len(body)} bytes")
            return 413
        if subscriber.status == 201:
            subscriber.messages.append(Received(payload, headers, claims, body))
        return subscriber.status


def check_sender(header: str, origin: str) -> dict[str, Any]:
    """Returns the claims of a header of RFC 8292; raises if a push service would refuse it."""
    scheme, _, rest = header.partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    signed, _, signature = parts["t"].rpartition(".")
    head, claims = (json.loads(decode(part)) for part in signed.split("."))
    raw = decode(signature)
    assert (scheme, head["alg"], len(raw)) == ("vapid", "ES256", 64)
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decode(parts["k"]))
    numbers = (int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key.verify(encode_dss_signature(*numbers), signed.encode(), ec.ECDSA(hashes.SHA256()))
    assert claims["aud"] == origin
    assert time.time() < claims["exp"] <= time.time() + _DAY_S
    return {**claims, "key": parts["k"]}


def _hkdf(salt: bytes, info: bytes, length: int, key: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(key)
