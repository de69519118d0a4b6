"""config.json: what is accepted, and the errors for the rest."""

import json
import os
import unittest

from firmware.lib.darvaz import assembly

GOOD = {"networks": [{"ssid": "Home", "password": "secret-word"}], "gateways": ["ws://192.168.1.5:3000"]}
# Below the folder that the tests run in.
TEMPORARY_PATH = "test-configuration.tmp"
EXAMPLES = ("firmware/pico/config.example.json", "firmware/esp32cam/config.example.json")


def trouble(**changes):
    """Returns the error of a good configuration with these changes, or None."""
    config = dict(GOOD)
    config.update(changes)
    try:
        assembly.check_config(config)
    except assembly.ConfigError as error:
        return str(error)
    return None


class Checking(unittest.TestCase):
    """Every field has its limits, and every error names its field."""

    def test_least_configuration_is_enough(self):
        self.assertEqual(assembly.check_config(GOOD), GOOD)

    def test_examples_can_be_used(self):
        for path in EXAMPLES:
            assembly.load(path)

    def test_setting_of_the_maker_is_left_alone(self):
        self.assertIsNone(trouble(my_threshold=[1, 2]))

    def test_each_refusal_names_the_field(self):
        wrong = {
            "device": "two words",
            "token": "",
            "networks": "Home",
            "gateways": "ws://192.168.1.5:3000",
            "country": "Germany",
            "auth": "cookie",
            "watchdog": 1,
            "grace_s": -1,
            "log_level": "loud",
            "outbox_bytes": 4095,
        }
        for name in wrong:
            self.assertIn("config.json, " + name, trouble(**{name: wrong[name]}))

    def test_outbox_has_a_least_and_a_largest_size(self):
        self.assertIsNone(trouble(outbox_bytes=4096))
        self.assertIsNone(trouble(outbox_bytes=65536))
        self.assertIn("outbox_bytes", trouble(outbox_bytes=65537))

    def test_ninth_network_is_one_too_many(self):
        # Its setup network asks for one.
        self.assertIsNone(trouble(networks=[]))
        self.assertIsNone(trouble(networks=GOOD["networks"] * 8))
        self.assertIn("networks", trouble(networks=GOOD["networks"] * 9))

    def test_network_without_name_is_refused(self):
        self.assertIn("networks.0.ssid", trouble(networks=[{"password": "secret-word"}]))

    def test_name_in_capitals_is_found(self):
        self.assertIn("is written token", trouble(Token="dvz_x"))

    def test_refusal_never_shows_a_secret(self):
        self.assertNotIn("secret-word", trouble(networks=[{"ssid": "", "password": "secret-word"}]))
        self.assertNotIn("secret-word", trouble(networks=[{"ssid": "Home", "password": "secret-word" * 9}]))

    def test_key_of_a_network_has_64_hexadecimal_digits(self):
        self.assertIsNone(trouble(networks=[{"ssid": "Home", "password": "0aF" * 21 + "0"}]))
        self.assertIn("64 hex", trouble(networks=[{"ssid": "Home", "password": "x" * 64}]))

    def test_list_is_not_a_configuration(self):
        with self.assertRaises(assembly.ConfigError):
            assembly.check_config([])


class Loading(unittest.TestCase):
    """A file that is not there, or not JSON, or as an editor wrote it."""

    def load(self, data):
        with open(TEMPORARY_PATH, "wb") as file:
            file.write(data)
        try:
            return assembly.load(TEMPORARY_PATH)
        except assembly.ConfigError as error:
            return str(error)
        finally:
            os.remove(TEMPORARY_PATH)

    def test_byte_order_mark_is_read_over(self):
        self.assertEqual(self.load(b"\xef\xbb\xbf" + json.dumps(GOOD).encode()), GOOD)

    def test_what_is_wrong_with_the_file_is_named(self):
        text = json.dumps(GOOD)
        for data, words in (
            (b"", "is empty"),
            (b" \r\n", "is empty"),
            (b"\xff\xfe" + bytes([byte for char in text.encode() for byte in (char, 0)]), "UTF-8"),
            (text.replace("Home", "Caf#").encode().replace(b"#", b"\xe9"), "UTF-8"),
            (b"// mine\n" + text.encode(), "comment"),
        ):
            self.assertIn(words, self.load(data))

    def test_missing_file_is_reported_with_what_to_do(self):
        with self.assertRaises(assembly.ConfigError) as raised:
            assembly.load("/nowhere/config.json")

        self.assertIn("make flash", str(raised.exception))

    def test_file_that_is_not_json_is_reported(self):
        with self.assertRaises(assembly.ConfigError) as raised:
            assembly.load("README.md")

        self.assertIn("not JSON", str(raised.exception))
