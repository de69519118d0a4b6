"""UTF-8 by RFC 3629: MicroPython's own decoder accepts overlong forms and surrogates."""


def decode(data):
    """Returns the text of a buffer of bytes, or None if it is not UTF-8."""
    try:
        text = str(data, "utf-8")
    except UnicodeError:
        return None
    # As many characters as bytes: it is ASCII.
    return text if len(text) == len(data) or _is_strict(data) else None


def encode(text):
    """Returns the bytes of a text; raises ValueError if it holds a lone surrogate."""
    data = text.encode()
    if len(data) != len(text) and not _is_strict(data):
        raise ValueError("the text holds a lone surrogate")
    return data


def to_bytes(text):
    """Returns the bytes of a text; one with a lone surrogate, which the gateway does not accept, is escaped."""
    try:
        return encode(text)
    except ValueError:
        return repr(text).encode()


def _is_strict(data):
    # The decoder has checked how many bytes each character has; here only the first two are checked.
    lead = 0
    for byte in data:
        if byte >= 0xC0:
            if byte < 0xC2 or byte > 0xF4:
                return False
            lead = byte
        elif lead:
            # The bounds of the second byte are narrower than 80..BF for four first bytes (RFC 3629 section 4).
            low = 0xA0 if lead == 0xE0 else 0x90 if lead == 0xF0 else 0x80
            high = 0x9F if lead == 0xED else 0x8F if lead == 0xF4 else 0xBF
            if not low <= byte <= high:
                return False
            lead = 0
    return True
