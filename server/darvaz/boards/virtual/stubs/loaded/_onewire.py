"""The bits of a bus on one wire, as a test's thermometers answer them."""

from _host import exchange


def reset(pin):
    """Begins a conversation; returns whether anything answers."""
    return bool(_ask(pin, is_reset=True)[0])


def readbit(pin):
    """Returns a bit."""
    return _ask(pin, read=1)[0]


def readbyte(pin):
    """Returns a byte, which comes with its lowest bit first."""
    return sum(bit << number for number, bit in enumerate(_ask(pin, read=8)))


def writebit(pin, value):
    """Sends a bit."""
    _ask(pin, write=[1 if value else 0])


def writebyte(pin, value):
    """Sends a byte with its lowest bit first."""
    _ask(pin, write=[value >> number & 1 for number in range(8)])


def crc8(data):
    """Returns the checksum of bytes: 0 if they end with theirs."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
    return crc


def _ask(pin, is_reset=False, read=0, write=()):
    reply, data = exchange("onewire", id=pin.id, is_reset=is_reset, read=read, write=write)
    if "errno" in reply:
        raise OSError(reply["errno"])
    return data
