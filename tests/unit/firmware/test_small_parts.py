"""The blinks of the status LED, the addresses of gateways, and the date of a gateway."""

import unittest

from firmware.lib.darvaz import device, opening, secure


def blinks(state, length_ms):
    """Returns how often the LED goes on in a time."""
    count, was_lit = 0, False
    for at_ms in range(0, length_ms, 10):
        is_lit = device.is_lit(state, at_ms)
        count += is_lit and not was_lit
        was_lit = is_lit
    return count


class Lamp(unittest.TestCase):
    """One code for each problem."""

    def test_online_is_a_steady_light(self):
        self.assertTrue(all(device.is_lit("online", at_ms) for at_ms in range(5000)))

    def test_number_of_blinks_shows_what_is_wrong(self):
        for state, count in (("joining", 1), ("connecting", 2), ("refused", 3)):
            period_ms = count * 360 + 1000
            self.assertEqual(blinks(state, period_ms * 4), count * 4)

    def test_pause_is_longer_than_the_gap_between_blinks(self):
        self.assertFalse(any(device.is_lit("refused", at_ms) for at_ms in range(3 * 360, 3 * 360 + 1000)))


class Address(unittest.TestCase):
    """ws:// and wss:// addresses parsed."""

    def test_address_is_taken_apart(self):
        self.assertEqual(
            opening.parse_url("ws://192.168.1.5:3000"), (False, "192.168.1.5:3000", "192.168.1.5", 3000, "")
        )

    def test_port_follows_the_scheme(self):
        self.assertEqual(opening.parse_url("ws://gateway.local")[3], 80)
        self.assertEqual(opening.parse_url("wss://gateway.example")[3], 443)

    def test_path_before_ours_is_kept_without_its_last_slash(self):
        self.assertEqual(opening.parse_url("wss://example.org/darvaz/")[4], "/darvaz")

    def test_anything_else_is_refused_with_an_example(self):
        for url in ("http://x:1", "192.168.1.5:3000", "ws://", "ws://:3000", "ws://x:port", ""):
            with self.assertRaises(ValueError) as raised:
                opening.parse_url(url)
            self.assertIn("ws://192.168.1.5:3000", str(raised.exception))


class Date(unittest.TestCase):
    """The Date header becomes Unix seconds."""

    def test_date_is_read(self):
        answer = "HTTP/1.1 200 OK\r\nserver: x\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"

        self.assertEqual(secure.parse_date(answer), 784111777)

    def test_leap_days_count(self):
        for text, unix_s in (
            ("Thu, 29 Feb 2024 00:00:00 GMT", 1709164800),
            ("Fri, 01 Mar 2024 00:00:00 GMT", 1709251200),
            ("Mon, 28 Feb 2101 23:59:59 GMT", 4139078399),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ):
            self.assertEqual(secure.parse_date("date: " + text), unix_s)

    def test_answer_without_a_date_has_no_time(self):
        for answer in ("", "HTTP/1.1 200 OK\r\n\r\n", "date: yesterday", "date: Sun, 06 Foo 1994 08:49:37 GMT"):
            self.assertIsNone(secure.parse_date(answer))
