"""Signatures of RFC 8032 are verified, and whatever is different is not."""

import binascii
import unittest

from firmware.lib.darvaz import ed25519

# RFC 8032 section 7.1: public key, message, signature.
VECTORS = (
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
)
ORDER = (1 << 252) + 27742317777372353535851937790883648493
# FIPS 180-4, example of the standard.
ABC = (
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
)


def parts(number):
    return [binascii.unhexlify(text) for text in VECTORS[number]]


class Ed25519(unittest.TestCase):
    def test_the_vectors_of_the_standard_are_verified(self):
        for number in range(len(VECTORS)):
            self.assertTrue(ed25519.verify(*parts(number)))

    def test_a_changed_message_key_or_signature_is_not(self):
        public, message, signature = parts(1)
        changed = bytes([signature[0] ^ 1]) + signature[1:]

        self.assertFalse(ed25519.verify(public, b"other", signature))
        self.assertFalse(ed25519.verify(parts(0)[0], message, signature))
        self.assertFalse(ed25519.verify(public, message, changed))

    def test_a_second_form_of_the_same_signature_is_not(self):
        public, message, signature = parts(1)
        s = int.from_bytes(signature[32:], "little") + ORDER

        self.assertFalse(ed25519.verify(public, message, signature[:32] + s.to_bytes(32, "little")))

    def test_what_is_no_key_or_no_signature_is_not(self):
        public, message, signature = parts(1)

        self.assertFalse(ed25519.verify(public, message, signature[:63]))
        self.assertFalse(ed25519.verify(b"", message, signature))
        self.assertFalse(ed25519.verify(b"\xff" * 32, message, signature))
        self.assertFalse(ed25519.verify(b"\x02" + bytes(31), message, signature))

    def test_sha512_is_that_of_the_standard_at_the_ends_of_blocks(self):
        self.assertEqual(binascii.hexlify(ed25519.sha512(b"abc")).decode(), ABC)
        self.assertEqual(len({ed25519.sha512(bytes(size)) for size in (111, 112, 127, 128)}), 4)
