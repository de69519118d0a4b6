"""TLS: the gateway's certificate is checked when the configuration names an authority.

A certificate cannot be checked without the time, and a board without a battery starts in the past: the
gateway is asked for its Date first, on a connection without secrets. Imported for wss:// only.
"""

import ssl
import time

from . import unload
from .opening import open_connection

ANSWER_BYTES_MAX = 1024
# A clock before this year was not set.
CLOCK_YEAR_LEAST = 2025
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


async def make_tls(device, authority, host, port):
    """Returns the SSLContext for a gateway; sets the clock first where a certificate is to be checked."""
    if device.config.get("psk"):
        return make_psk_context(device.config.get("token", ""))
    ca_path = device.config.get("ca")
    if ca_path is not None and not is_clock_set():
        unix_s = await ask_time(authority, host, port)
        if unix_s is not None:
            device.board.set_clock(unix_s)
    return make_context(ca_path)


def make_context(ca_path):
    """Returns an SSLContext that trusts the authority in a DER file; without a file it trusts every certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_path is None:
        context.verify_mode = ssl.CERT_NONE  # type: ignore[attr-defined]
    else:
        context.verify_mode = ssl.CERT_REQUIRED  # type: ignore[attr-defined]
        with open(ca_path, "rb") as file:
            context.load_verify_locations(cadata=file.read())
    return context


def make_psk_context(token):
    """Returns an SSLContext whose key is made from a token: no certificate, and a gateway that has the same key."""
    import binascii
    import hashlib

    # `ssl.SSLContext` of MicroPython would keep these attributes to itself.
    import tls

    from .handshake import digest

    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    parts = token.split("_", 2)
    if not hasattr(context, "psk_key") or len(parts) != 3:
        raise OSError("psk in config.json needs MicroPython 1.29 and a token: run `make flash` again")
    context.verify_mode = tls.CERT_NONE  # type: ignore[attr-defined]
    context.psk_identity = parts[1]  # type: ignore[attr-defined]
    # HKDF-Expand (RFC 5869) of what the gateway stores of the token.
    stored = hashlib.sha256(parts[2].encode()).digest()
    context.psk_key = binascii.unhexlify(digest(stored, b"darvaz tls-psk\x01"))
    unload("handshake")
    return context


def is_clock_set():
    """Whether the board's clock was set."""
    return time.gmtime()[0] >= CLOCK_YEAR_LEAST


async def ask_time(authority, host, port):
    """Returns the gateway's time as Unix seconds, without proof, or None; the caller sets the deadline."""
    connection = await open_connection(host, port, make_context(None), host)
    try:
        await connection.write(b"HEAD /health HTTP/1.0\r\nHost: " + authority.encode() + b"\r\n\r\n")
        answer = bytearray(ANSWER_BYTES_MAX)
        view, size = memoryview(answer), 0
        while size < ANSWER_BYTES_MAX:
            count = await connection.read_into(lambda size=size: view[size:])
            if not count:
                break
            size += count
        return parse_date(bytes(view[:size]).decode())
    finally:
        connection.close()


def parse_date(answer):
    """Returns the Date of an HTTP answer (RFC 9110 section 5.6.7) as Unix seconds, or None."""
    for line in answer.split("\r\n"):
        name, _, value = line.partition(":")
        words = value.split()
        if name.lower() == "date" and len(words) == 6:
            try:
                return _unix_s(words[1], words[2], words[3], words[4].split(":"))
            except ValueError:
                return None
    return None


def _unix_s(day, month, year, clock):
    month = _MONTHS.index(month) // 3 + 1
    # Years from March on, so that the leap day is the last; "days_from_civil" of Howard Hinnant's date algorithms.
    year = int(year) - (month < 3)
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * ((month + 9) % 12) + 2) // 5 + int(day)
    hours, minutes, seconds = clock
    return (days - 719469) * 86400 + int(hours) * 3600 + int(minutes) * 60 + int(seconds)
