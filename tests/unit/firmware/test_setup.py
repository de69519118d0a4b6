"""The setup network's answers: names, requests and forms, also hostile ones, and the settings that come of them."""

import unittest

from firmware.lib.darvaz import setup

CONFIG = {
    "token": "pico_abc_secret",
    "networks": [{"ssid": "Old", "password": "password"}],
    "gateways": ["ws://192.168.1.5:3000"],
    "mine": 1,
}
QUERY = b"\x12\x34\x01\0\0\1\0\0\0\0\0\0\x03www\x07example\x03org\0\0\1\0\1"
HEAD = b"POST / HTTP/1.1\r\nHost: 192.168.4.1\r\nContent-Length: 3\r\n\r\n"


class Names(unittest.TestCase):
    """Whatever name a phone looks up, it gets the address of the board."""

    def test_any_name_has_the_address_of_the_board(self):
        answer = setup.answer_name(QUERY, "192.168.4.1")

        self.assertEqual(answer[:2] + answer[4:8], QUERY[:2] + b"\0\1\0\1")
        self.assertEqual((answer[2] & 0x80, answer[-4:]), (0x80, b"\xc0\xa8\x04\x01"))
        self.assertEqual(answer[12 : len(QUERY)], QUERY[12:])

    def test_other_types_have_an_answer_without_an_address(self):
        answer = setup.answer_name(QUERY[:-4] + b"\0\x1c\0\1", "192.168.4.1")

        self.assertEqual((answer[6:8], len(answer)), (b"\0\0", len(QUERY)))

    def test_what_is_no_query_has_no_answer(self):
        is_answer = QUERY[:2] + b"\x81" + QUERY[3:]
        two_questions = QUERY[:5] + b"\2" + QUERY[6:]
        endless = QUERY[:12] + b"\x3f" * 40
        too_long = QUERY + bytes(setup.QUERY_BYTES_MAX)
        for data in (b"", is_answer, two_questions, endless, too_long):
            self.assertIsNone(setup.answer_name(data, "192.168.4.1"))
        for size in range(len(QUERY)):
            self.assertIsNone(setup.answer_name(QUERY[:size], "192.168.4.1"))


class Requests(unittest.TestCase):
    """What a browser sends is read as it comes, and within bounds."""

    def refused(self, data):
        with self.assertRaises(ValueError):
            setup.parse_request(data)

    def test_request_is_whole_with_its_last_byte(self):
        data = HEAD + b"a=1"
        for size in range(len(data)):
            self.assertIsNone(setup.parse_request(data[:size]))

        self.assertEqual(setup.parse_request(data + b"more"), ("POST", "192.168.4.1", b"a=1"))

    def test_head_has_a_bound(self):
        line = b"GET / HTTP/1.1\r\nX: "
        self.assertIsNone(setup.parse_request(line + bytes(setup.HEAD_BYTES_MAX - len(line))))
        self.refused(line + bytes(setup.HEAD_BYTES_MAX + 1 - len(line)))

    def test_body_has_a_bound(self):
        head = "POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n"
        self.assertIsNone(setup.parse_request((head % setup.BODY_BYTES_MAX).encode()))
        self.refused((head % (setup.BODY_BYTES_MAX + 1)).encode())

    def test_anything_else_is_refused(self):
        for data in (
            b"\x16\x03\x01\0\r\n\r\n",
            b"GET /\r\n\r\n",
            b"GET / FTP/1.1\r\n\r\n",
            b"\xff\xfe / HTTP/1.1\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        ):
            self.refused(data)


class Forms(unittest.TestCase):
    """What a person typed comes as it was typed."""

    def test_fields_are_decoded(self):
        self.assertEqual(
            setup.parse_form(b"ssid=%D8%AE%D8%A7%D9%86%D9%87+1&password=a%26b%3D%2B"),
            {"ssid": "خانه 1", "password": "a&b=+"},
        )

    def test_what_no_browser_sends_is_refused(self):
        for body in (b"a=%", b"a=%4", b"a=%zz", b"a=%ff", b"a=\xff", b"a=%c0%80"):
            with self.assertRaises(ValueError):
                setup.parse_form(body)


class Settings(unittest.TestCase):
    """config.json with what a person chose."""

    def changed(self, ssid="Home", password="password", gateway="192.168.1.9:3000", **more):
        form = {"ssid": ssid, "password": password, "gateway": gateway}
        config = dict(CONFIG)
        config.update(more)
        return setup.change(config, form)

    def refused(self, **form):
        with self.assertRaises(ValueError) as raised:
            self.changed(**form)
        return str(raised.exception)

    def test_new_network_comes_first_and_the_rest_stays(self):
        config = self.changed()

        self.assertEqual(config["networks"], [{"ssid": "Home", "password": "password"}] + CONFIG["networks"])
        self.assertEqual((config["gateways"], config["mine"]), (["ws://192.168.1.9:3000"], 1))

    def test_first_network_needs_none_before(self):
        self.assertEqual(self.changed(networks=[])["networks"], [{"ssid": "Home", "password": "password"}])

    def test_network_that_was_there_is_replaced(self):
        self.assertEqual(self.changed(ssid="Old", password="")["networks"], [{"ssid": "Old"}])

    def test_networks_stay_within_their_number(self):
        many = [{"ssid": "n%d" % number} for number in range(setup.NETWORKS_MAX)]

        self.assertEqual(len(self.changed(networks=many)["networks"]), setup.NETWORKS_MAX)

    def test_encrypted_link_stays_encrypted(self):
        for gateway in ("ws://a:1", "a:1", "wss://a:1"):
            self.assertEqual(self.changed(psk=True, gateway=gateway)["gateways"], ["wss://a:1"])

    def test_what_cannot_be_is_refused_in_words(self):
        self.assertIn("1 to 32 bytes", self.refused(ssid=""))
        self.assertIn("1 to 32 bytes", self.refused(ssid="خ" * 17))
        self.assertIn("8 characters", self.refused(password="short"))
        self.assertIn("password", self.refused(password="x" * 65))
        self.assertIn("ws://", self.refused(gateway=""))
        self.assertIn("ws://", self.refused(gateway="http://a:1"))

    def test_texts_of_others_are_no_html(self):
        html = setup.page('<b>"', '"><br>', '"><script>', "<i>&")

        self.assertIn("<h1>&lt;b>&quot;</h1>", html)
        self.assertIn('name=ssid value="&quot;>&lt;br>"', html)
        self.assertIn('value="&quot;>&lt;script>"', html)
        self.assertIn("<b>&lt;i>&amp;</b>", html)

    def test_key_is_made_from_a_token_and_says_nothing_of_it(self):
        key = setup.network_key("pico_abc_secret")

        self.assertEqual((len(key), key), (16, setup.network_key("pico_other_secret")))
        self.assertTrue(key != setup.network_key("pico_abc_another"))
        self.assertIsNone(setup.network_key(None))
        self.assertIsNone(setup.network_key("short"))


if __name__ == "__main__":
    unittest.main()
