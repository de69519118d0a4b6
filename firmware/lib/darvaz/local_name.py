"""The address of a host in `.local`: asked of the network by mDNS, else the one that last led to a gateway.

Loaded while such a host is opened. One question of RFC 6762, section 5.1: `getaddrinfo` would block the event loop for
up to 7 s on an RP2040, whose watchdog waits 8, and not every system knows these names.
"""

import asyncio
import os
import socket

from . import unload

PATH = "/gateway_address"
# The question is repeated this often, then the last good address is taken.
ASKS = 3
_ASK_MS = 700
_LOOK_MS = 20
# An answer with the addresses of a machine of many networks.
_ANSWER_BYTES = 1500
# Names are shorter (RFC 1035, section 2.3.4), and compressed ones may go round in circles.
_LABELS_MAX = 128


async def find(device, host):
    """Returns the address of a host, or the host itself where neither the network nor the flash knows it.

    Another address than the one on the flash is kept there, once a gateway has welcomed the device.
    """
    for greeter in device.greeters[:]:
        # Loaded again, the module has another class of this name.
        if type(greeter).__name__ == "_Keeper":
            device.greeters.remove(greeter)
    kept = _kept(host)
    address = await _ask(host)
    if address and address != kept:
        device.greeters.append(_Keeper(device, host, address))
    unload("local_name")
    return address or kept or host


class _Keeper:
    # Only where the address is new: a loaded module and a function of it take heap.
    __name__ = "keep"

    def __init__(self, device, host, address):
        self._device = device
        self._text = "%s %s" % (host, address)

    def __call__(self):
        self._device.greeters.remove(self)
        with open(PATH + ".new", "w") as file:
            file.write(self._text)
        os.rename(PATH + ".new", PATH)


def _kept(host):
    try:
        with open(PATH) as file:
            name, address = file.read(300).split()
    except (OSError, ValueError):
        return None
    return address if name == host else None


async def _ask(host):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        group = socket.getaddrinfo("224.0.0.251", 5353)[0][-1]
        identity = os.urandom(2)
        query = dump_query(identity, host)
        for _ in range(ASKS):
            sock.sendto(query, group)
            for _ in range(_ASK_MS // _LOOK_MS):
                await asyncio.sleep_ms(_LOOK_MS)
                found = _receive(sock, identity, host)
                if found:
                    return found
    except OSError:
        # A network without multicast.
        pass
    finally:
        sock.close()
    return None


def _receive(sock, identity, host):
    try:
        data, source = sock.recvfrom(_ANSWER_BYTES)
    except OSError:
        return None
    if data[:2] != identity:
        return None
    try:
        addresses = parse_answer(data, host)
    except IndexError:
        return None
    for address in addresses:
        # A machine of many networks answers from the one that both are in; some ports return packed bytes.
        if (show(address) if isinstance(source, tuple) else address) in source:
            return show(address)
    return show(addresses[0]) if addresses else None


def show(address):
    """Returns four bytes as an address in text."""
    return ".".join(str(part) for part in address)


def dump_query(identity, host):
    """Returns the packet that asks for the IPv4 address of a host; `identity` is two bytes that the answer repeats."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in host.split("."))
    return identity + b"\0\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1"


def parse_answer(data, host):
    """Returns the IPv4 addresses of a host in a packet, four bytes each; raises IndexError for one that is cut off."""
    if not data[2] & 0x80:
        return []
    at, found, host = 12, [], host.lower().encode()
    for _ in range(_number(data, 4)):
        at = _name(data, at)[1] + 4
    for _ in range(_number(data, 6) + _number(data, 8) + _number(data, 10)):
        name, at = _name(data, at)
        size = _number(data, at + 8)
        # Type A; the highest bit of the class says that other answers are outdated.
        if _number(data, at) == 1 and _number(data, at + 2) & 0x7FFF == 1 and size == 4 and name == host:
            data[at + 13]
            found.append(data[at + 10 : at + 14])
        at += 10 + size
    return found


def _number(data, at):
    return data[at] << 8 | data[at + 1]


def _name(data, at):
    """Returns the name that begins at a byte, and where the next field begins."""
    labels, end = [], 0
    for _ in range(_LABELS_MAX):
        size = data[at]
        if size >= 0xC0:
            end = end or at + 2
            at = _number(data, at) & 0x3FFF
        elif size:
            labels.append(bytes(data[at + 1 : at + 1 + size]))
            at += 1 + size
        else:
            return b".".join(labels).lower(), end or at + 1
    raise IndexError
