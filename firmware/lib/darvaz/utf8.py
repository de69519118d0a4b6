"""UTF-8 as RFC 3629 has it: MicroPython's own decoder lets overlong forms and surrogates pass."""


def decode(data):
    """Returns the text of a buffer of bytes, or None where it is not UTF-8."""
    try:
        text = str(data, "utf-8")
    except UnicodeError:
        return None
    # As many characters as bytes is ASCII: nothing to look for.
    return text if len(text) == len(data) or _is_strict(data) else None


def encode(text):
    """Returns the bytes of a text; raises ValueError where it holds half a character."""
    data = text.encode()
    if len(data) != len(text) and not _is_strict(data):
        raise ValueError("the text holds a lone surrogate")
    return data


def cut(data, size_bytes):
    """Returns how many bytes, at most so many, hold whole characters only."""
    if len(data) <= size_bytes:
        return len(data)
    while size_bytes and data[size_bytes] & 0xC0 == 0x80:
        size_bytes -= 1
    return size_bytes


def _is_strict(data):
    # The decoder has counted the bytes of each character; here only the first two are judged.
    lead = 0
    for byte in data:
        if byte >= 0xC0:
            if byte < 0xC2 or byte > 0xF4:
                return False
            lead = byte
        elif lead:
            if byte < _LOWEST.get(lead, 0x80) or byte > _HIGHEST.get(lead, 0xBF):
                return False
            lead = 0
    return True


# First byte of a character: the bounds of its second, where they are narrower than 80..BF.
_LOWEST = {0xE0: 0xA0, 0xF0: 0x90}
_HIGHEST = {0xED: 0x9F, 0xF4: 0x8F}
