"""Hints: what to do about each way in which a gateway refuses or ends a connection."""

from __future__ import annotations

_TOKEN = (
    "Check the token: copied whole, of the right kind, not revoked, not expired (an unused one lasts an "
    "hour). `darvaz token list` on the gateway shows which exist; `darvaz token issue` makes a new one."
)
_WINDOW = "Open the enrolment window on the gateway with `darvaz enrol`, or issue a token there."

_OF_STATUS = {
    400: "The gateway did not accept the request. If you use a name, try the gateway's IP address instead.",
    401: _TOKEN + " The header must read `Authorization: Bearer <token>`.",
    403: "This token or this address is not allowed here: use a token of this kind of board, and the "
    "gateway's IP address or a name from its list of allowed hosts (`darvaz serve --help`).",
    404: "This path does not exist: check address and port, and that a proxy in between passes /ws/.",
    421: "The gateway does not answer to this name: use its IP address, or add the name to its hosts.",
    426: "A proxy in between does not pass WebSocket connections: tell it to forward the Upgrade header.",
    429: "Too many failed attempts or connections from this address: wait five minutes, then try again.",
    502: "A proxy answers but the gateway behind it does not: start it with `darvaz serve`.",
    503: "The gateway is full or has a problem: read its log (`darvaz log`).",
}
_OF_CLOSE = {
    1002: "The two ends do not speak the same protocol: does a proxy in between change the data?",
    1006: "The connection broke without a close code: check Wi-Fi, firewall and proxies on the way.",
    1008: "Too many errors, or too many messages: check the JSON and the `type` of each message.",
    1009: "A message was too large: the limits are in docs/protocol.md.",
    1012: "The gateway is restarting: try again in a moment.",
    4401: _TOKEN,
    4403: "The token belongs to another kind of board or to another device: name that device with "
    "--device, or issue a new token with `darvaz token issue`.",
    4408: "The gateway received nothing for too long: answer its `ping` with `pong`, or raise its timeout.",
    4409: "Another device with the same id connected: give each board an id of its own.",
}


def of_status(status: int) -> str:
    """Returns what to do about an HTTP status that refused a request or a handshake."""
    if 300 <= status < 400:
        return "A board does not follow redirects: use the address that the answer points to."
    return _OF_STATUS.get(status, "Is this the gateway's port? Check the address, and read the gateway's log.")


def of_tokens_status(status: int) -> str:
    """Returns what to do when /public/tokens gives no token."""
    return _WINDOW if status in (401, 403) else of_status(status)


def of_close(code: int) -> str:
    """Returns what to do about the close code of a link."""
    return _OF_CLOSE.get(code, "Read the gateway's log (`darvaz log`): it says why it closed the connection.")
