"""Texts that are and are not UTF-8: the corners of the encoding, after Markus Kuhn's stress test."""

from __future__ import annotations

_HEX_GOOD = """
    ceba e1bdb9 cf83cebcceb5
    00 c280 e0a080 f0908080
    7f dfbf efbfbf f48fbfbf
    ed9fbf ee8080 efbfbd f4 8fbfbf
    efbfbe efbfbf f09fbfbe f09fbfbf f0afbfbe f48fbfbe
    f3a08081
"""
_HEX_BAD = """
    cebae1bdb9cf83cebcceb5eda080656469746564
    80 bf 80bf 80bf80 808182838485868788898a8b8c8d8e8f909192
    c0 c1 c020c120c220 df20 e020e120 ef20 f020f120 f720 f820 fc20
    c2 e0 e080 e0a0 f0 f08080 f09080 f4 f48fbf f880808080 fc8080808080
    dfc0 efbf f7bfbf fbbfbfbf fdbfbfbfbf
    c2c2 e0a0c2 f09080c2
    fe ff fefeffff
    c0af e080af f08080af f8808080af fc80808080af
    c1bf e09fbf f08fbfbf f887bfbfbf fc83bfbfbfbf
    c080 e08080 f0808080 f880808080
    eda080 edadbf edae80 edafbf edb080 edbe80 edbfbf
    eda080edb080 eda080edbfbf edadbfedb080 edafbfedbfbf
    f4908080 f7bfbfbf f888808080 fbbfbfbfbf fc8480808080 fdbfbfbfbfbf
"""


def _read(text: str) -> list[bytes]:
    return [bytes.fromhex(word) for word in text.split()]


# Single code points make whole texts of the first table, line by line.
GOOD = [bytes.fromhex(line) for line in _HEX_GOOD.strip().splitlines()]
BAD = _read(_HEX_BAD)
