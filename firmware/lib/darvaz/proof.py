"""Shows the gateway that the board has its token, without sending it (protocol.json, x-headers). Loaded for that only.

The gateway shows first that it knows the token. Like SCRAM (RFC 5802), with the SHA-256 of the secret as stored key.
"""

import binascii
import hashlib

from . import hmac

HEADER = "Darvaz-Token"
_SECRET_CHARS = 43


def make_request(config, kind):
    """Returns path and headers of the handshake, and the token that the `auth` message is made from, or None.

    Without `auth` in the configuration the token is proven, if it has the form of one.
    """
    token, how, path = config.get("token"), config.get("auth", "proof"), "/ws/" + kind
    if not token or how == "message":
        return path, {}, token
    parts = token.split("_", 2)
    if how == "header" or len(parts) != 3 or len(parts[2]) != _SECRET_CHARS:
        return path, {"Authorization": "Bearer " + token}, None
    return path, {HEADER: parts[1] + " {}"}, token


def make_auth(link, token, is_proof, nonce, challenge):
    """Returns the `auth` message; None and the end of the link where the gateway does not know the token."""
    if not is_proof:
        return {"type": "auth", "token": token}
    _, name, secret = token.split("_", 2)
    key = hashlib.sha256(secret.encode()).digest()
    gateway_nonce, _, shown = (challenge or "").partition(" ")
    tail = " %s %s %s" % (name, nonce, gateway_nonce)
    if hmac.digest(key, ("gateway" + tail).encode()) != shown:
        link.is_refused = True
        link.end(
            "the gateway does not prove that it knows this token: it is older, or not yours;"
            ' "auth": "header" in config.json sends it the token'
        )
        return None
    pad = binascii.unhexlify(hmac.digest(key, ("device" + tail).encode()))
    masked = binascii.a2b_base64(secret.replace("-", "+").replace("_", "/") + "=")
    return {"type": "auth", "proof": binascii.hexlify(bytes(a ^ b for a, b in zip(masked, pad))).decode()}
