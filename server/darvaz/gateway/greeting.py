"""The lines that `darvaz serve` prints at start: addresses, enrolment, sign-in."""

from __future__ import annotations

import contextlib
import socket

from darvaz import __version__
from darvaz.gateway.parts import Parts
from darvaz.gateway.sign_in_hint import sign_in_line


def greeting(parts: Parts, host: str, port: int) -> list[str]:
    """Returns the lines for a gateway that listens on this host and port; notes its address for the command line."""
    addresses = _addresses(host)
    last = f"{addresses[-1]}:{port}"
    return [
        f"Darvaz {__version__}  data in {parts.settings.data_path.resolve()}",
        *(f"  http://{address}:{port}" for address in addresses),
        f"  boards: ws://{last}/ws/pico and /ws/esp32cam",
        f"  {_enrolment(parts)}",
        f"  {sign_in_line(parts.access.connection, parts.operators.links, f'http://{last}')}",
        "  watch: darvaz log --follow    stop: Ctrl-C",
    ]


def _enrolment(parts: Parts) -> str:
    left_s = parts.access.enrolment.seconds_left()
    if parts.settings.public_tokens == "always":
        return "any client may fetch tokens at /public/tokens (public_tokens=always)"
    if parts.settings.public_tokens == "never":
        return "tokens: darvaz token issue pico (public_tokens=never)"
    if left_s > 0:
        return f"enrolment is open for {left_s / 60:.0f} min: a board fetches its token at /public/tokens"
    return "to add a board: darvaz enrol (opens /public/tokens for 15 min) or darvaz token issue pico"


def _addresses(host: str) -> list[str]:
    """Returns where the gateway is reached: this machine first, then its address in the network."""
    if host not in ("0.0.0.0", "::"):
        return [f"[{host}]" if ":" in host else host]
    found = ["127.0.0.1"]
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # Connecting a datagram socket sends nothing: the system only chooses the address that it would use.
        probe.connect(("192.0.2.1", 9))
        found.append(probe.getsockname()[0])
    return list(dict.fromkeys(found))
