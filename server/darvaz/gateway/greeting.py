"""The lines that `darvaz serve` prints at start: addresses, enrolment, sign-in."""

from __future__ import annotations

from darvaz import __version__
from darvaz.gateway.addresses import ANY_ADDRESS, is_in_container, network_address, url_of
from darvaz.gateway.parts import Parts
from darvaz.gateway.sign_in_hint import note_address, sign_in_line


def greeting(parts: Parts, host: str, port: int) -> list[str]:
    """Returns the lines for a gateway that listens on this host and port; notes its address for the command line."""
    public = parts.settings.public
    scheme = "https" if parts.settings.has_tls else "http"
    note_address(parts.access.connection, host, port, public.text, scheme)
    addresses = [*_addresses(host, port, scheme), *filter(None, [public.text])]
    last = addresses[-1]
    return [
        f"Darvaz {__version__}  data in {parts.settings.data_path.resolve()}",
        *(f"  {address}" for address in addresses),
        f"  boards: ws{last.removeprefix('http')}/ws/pico and /ws/esp32cam",
        *_container_hint(public.text),
        f"  {_encryption(parts)}",
        f"  {_enrolment(parts)}",
        f"  {sign_in_line(parts.access.connection, parts.operators.links, last)}",
        "  watch: darvaz log --follow    stop: Ctrl-C",
    ]


def _encryption(parts: Parts) -> str:
    settings = parts.settings
    if settings.offers_psk:
        return "links of boards: encrypted with their tokens, where the board can (MicroPython 1.29 or later)"
    if settings.has_tls:
        return "links of boards: encrypted with the certificate"
    remedy = "a --tls certificate" if not settings.tls_psk else "Python 3.13 or later, or a --tls certificate,"
    return f"links of boards: not encrypted; {remedy} encrypts them"


def _enrolment(parts: Parts) -> str:
    left_s = parts.access.enrolment.seconds_left()
    if parts.settings.public_tokens == "always":
        return "any client may fetch tokens at /public/tokens (public_tokens=always)"
    if parts.settings.public_tokens == "never":
        return "tokens: darvaz token issue pico (public_tokens=never)"
    if left_s > 0:
        return f"enrolment is open for {left_s / 60:.0f} min: a board fetches its token at /public/tokens"
    return "to add a board: darvaz enrol (opens /public/tokens for 15 min) or darvaz token issue pico"


def _container_hint(public_url: str) -> list[str]:
    """Returns a line where the addresses are those of a container, which others do not reach."""
    if public_url or not is_in_container():
        return []
    return ["  these are addresses in a container: set DARVAZ_PUBLIC_URL to the machine's, http://192.168.1.5:3000"]


def _addresses(host: str, port: int, scheme: str) -> list[str]:
    """Returns where the gateway is reached: this machine first, then its address in the network."""
    if host not in ANY_ADDRESS:
        return [url_of(host, port, scheme)]
    found = ["127.0.0.1", *filter(None, [network_address(host)])]
    return [url_of(address, port, scheme) for address in found]
