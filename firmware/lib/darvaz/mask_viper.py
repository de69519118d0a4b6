# ruff: noqa: F821 (ptr8 and ptr32 are names of the viper compiler)
"""Masking as machine code. In a file of its own, shipped as .py: compiled code is bound to one processor."""

import micropython


@micropython.viper
def xor_words(data: ptr32, key: ptr32, words: int):
    """XORs whole words in place; `data` and `key` must be aligned to four bytes."""
    word = key[0]
    for i in range(words):
        data[i] = data[i] ^ word


@micropython.viper
def xor_bytes(data: ptr8, key: ptr8, start: int, end: int):
    """XORs the bytes start..end in place, each with the key byte of its position."""
    for i in range(start, end):
        data[i] = data[i] ^ key[i & 3]
