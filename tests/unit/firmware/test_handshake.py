"""The opening handshake: the request, and which answers are accepted."""

import unittest

from firmware.lib.darvaz import handshake

ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
GOOD = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: " + ACCEPT,
]


def read(*lines):
    """Returns the content of an answer with these lines, without a challenge."""
    return handshake.read_head("\r\n".join(lines), ACCEPT)[:4]


class Request(unittest.TestCase):
    """The request is complete, and values cannot inject lines."""

    def test_request_asks_for_a_websocket(self):
        headers = {"Authorization": "Bearer dvz_x", "Darvaz-Token": "abcdefghij {}"}
        request, nonce = handshake.make_request("gateway:3000", "/ws/pico", headers)

        lines = request.decode().split("\r\n")
        self.assertEqual(lines[:2], ["GET /ws/pico HTTP/1.1", "Host: gateway:3000"])
        for line in ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"):
            self.assertIn(line, lines)
        self.assertIn("Authorization: Bearer dvz_x", lines)
        self.assertEqual(lines[-2:], ["", ""])
        (key,) = [line[19:] for line in lines if line.startswith("Sec-WebSocket-Key: ")]
        self.assertEqual(nonce, key)
        self.assertIn("Darvaz-Token: abcdefghij " + key, lines)

    def test_accept_is_that_of_the_standard(self):
        self.assertEqual(handshake.accept_of("dGhlIHNhbXBsZSBub25jZQ=="), ACCEPT)

    def test_no_key_is_used_twice(self):
        keys = [handshake.make_request("h", "/", {})[1] for _ in range(20)]

        self.assertEqual(len(set(keys)), 20)

    def test_injection_is_refused_without_telling_the_secret(self):
        for host, path, headers in (
            ("h\r\nX: y", "/", {}),
            ("h", "/\nX: y", {}),
            ("h", "/a b", {}),
            ("h x", "/", {}),
            ("h", "/", {"Authorization": "Bearer secret\r\nX: y"}),
            ("h", "/", {"X\r\nY": "secret"}),
            ("h", "/", {"X": "secret\x00"}),
            ("h", "/", {"X": "secret\x7f"}),
            ("h", "/ü", {}),
        ):
            with self.assertRaises(ValueError) as raised:
                handshake.make_request(host, path, headers)
            self.assertNotIn("secret", str(raised.exception))


class Answer(unittest.TestCase):
    """Only an answer to this very request opens the WebSocket."""

    def test_good_answer_is_believed(self):
        self.assertEqual(read(*GOOD), (101, None, 0, None))

    def test_names_and_tokens_may_be_written_in_any_case(self):
        answer = ["HTTP/1.1 101 ok", "UPGRADE: WebSocket", "connection: keep-alive, upgrade"]

        self.assertIsNone(read(*answer, "sec-websocket-accept:" + ACCEPT)[3])

    def test_each_missing_line_is_a_fault(self):
        for left_out in range(1, 4):
            lines = [GOOD[i] for i in range(4) if i != left_out]
            self.assertTrue(read(*lines)[3])

    def test_challenge_is_found_in_an_answer(self):
        found = handshake.read_head("\r\n".join(GOOD) + "\r\nDARVAZ-challenge:  ab cd ", ACCEPT)

        self.assertEqual(found[3:], (None, "ab cd"))

    def test_accept_of_another_request_is_a_fault(self):
        wrong = "Sec-WebSocket-Accept: " + ACCEPT.lower()

        self.assertIn("wrong Sec-WebSocket-Accept", read(*GOOD[:3], wrong)[3])

    def test_extension_that_was_not_offered_is_a_fault(self):
        for name in ("Sec-WebSocket-Extensions: permessage-deflate", "Sec-WebSocket-Protocol: mqtt"):
            self.assertIn("not offered", read(*GOOD, name)[3])

    def test_what_is_not_http_is_a_fault(self):
        for line in (
            "",
            "SSH-2.0-OpenSSH",
            "HTTP/2 101",
            "HTTP/1.1",
            "HTTP/1.1 abc",
            "HTTP/1.1 10",
            "HTTP/1.1 1011",
            "ICY 200",
        ):
            self.assertIn("not HTTP", read(line)[3])

    def test_malformed_header_is_a_fault(self):
        for line in ("no colon", "Upgrade : websocket", " folded: line"):
            self.assertIn("malformed", read(GOOD[0], line)[3])

    def test_refusal_has_its_wait_and_its_body(self):
        self.assertEqual(read("HTTP/1.1 503 Busy", "Retry-After: 30", "Content-Length: 12"), (503, 30, 12, None))

    def test_status_needs_no_words_behind_it(self):
        for line in ("HTTP/1.1 401", "HTTP/1.0 401 ", "HTTP/1.1 401 Not with this token"):
            self.assertEqual(read(line), (401, None, 0, None))

    def test_every_cut_of_a_good_answer_is_a_fault(self):
        head = "\r\n".join(GOOD)
        for size in range(len(head)):
            self.assertTrue(handshake.read_head(head[:size], ACCEPT)[3])

    def test_wait_is_a_bounded_number_of_seconds_or_nothing(self):
        for text, wait_s in (
            ("0", 0),
            ("999999999", handshake.RETRY_AFTER_S_MAX),
            ("9999999999", None),
            ("-1", None),
            ("Wed, 21 Oct 2026 07:28:00 GMT", None),
            ("", None),
        ):
            self.assertEqual(read("HTTP/1.1 429 Slow", "Retry-After: " + text)[1], wait_s)
