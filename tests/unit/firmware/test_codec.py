"""Text to message and back: what the tables of the protocol let through, and what they do not."""

import json
import random
import sys
import unittest

from firmware.lib.darvaz import checking, declared, messages, rules, session

# Values by name, as arguments and results hold them.
VALUES = ("m", 0, 64, messages.SCALAR)


def text_of(fields):
    """Returns the text of a message as a gateway sends it."""
    return json.dumps(fields)


def command(name="pan", number=7, **args):
    """Returns the text of a command."""
    return text_of({"type": "command", "id": number, "name": name, "args": args})


class Plainness(unittest.TestCase):
    """The usual messages are taken without the tables, by the same bounds."""

    def test_bounds_are_those_of_the_tables(self):
        fields = {field[0]: field for field in messages.FROM_GATEWAY["command"]}
        self.assertEqual((fields["id"][4], fields["name"][4], fields["args"][4]), (session.ID_MAX, 32, 16))
        self.assertEqual(messages.FROM_GATEWAY["ping"][0][4], session.TIME_S_MAX)
        self.assertEqual(messages.SCALAR, ("v", None, None, declared.CHARS_MAX))
        for number, is_good in ((session.NUMBER_MAX, True), (session.NUMBER_MAX + 1, False)):
            self.assertEqual(checking.check_value(-number, messages.SCALAR) is None, is_good)
        self.assertEqual(messages.DEPTH_MAX, session.DEPTH_MAX)

    def test_every_message_is_judged_as_by_the_tables(self):
        values = (0, -1, 7, 1.5, True, None, "x", "0x", "x" * 33, "y" * 257, 1073741824, 10**16, [], {}, {"a": 1})
        for kind in ("command", "ping", "pong"):
            for field in ("id", "name", "args", "time"):
                for value in values:
                    message = {"type": kind, "id": 7, "name": "pan", "args": {"a": 1}, "time": 3, field: value}
                    is_good = checking.check(message, messages.FROM_GATEWAY[kind]) is None
                    self.assertEqual(isinstance(session.parse(text_of(message)), dict), is_good)
                    message = {"type": "command", "id": 7, "name": "pan", "args": {"a": value}}
                    is_good = checking.check(message, messages.FROM_GATEWAY["command"]) is None
                    self.assertEqual(isinstance(session.parse(text_of(message)), dict), is_good)


class Receiving(unittest.TestCase):
    """A text of the gateway becomes a message or a fault, and never raises."""

    def refused(self, text):
        fault = session.parse(text)
        self.assertTrue(isinstance(fault, session.Fault))
        return fault

    def test_command_is_understood(self):
        message = session.parse(command(angle=90, name_of="دروازه", fast=True))

        self.assertEqual(message["name"], "pan")
        self.assertEqual(message["args"], {"angle": 90, "name_of": "دروازه", "fast": True})

    def test_unknown_fields_are_ignored(self):
        self.assertEqual(session.parse(text_of({"type": "ping", "colour": "red"}))["type"], "ping")

    def test_text_that_is_not_a_json_object_is_a_fault(self):
        for text in ("", "{", "[]", "null", '"ping"', "7", '{"type": "ping"} x', "\x00", '{"type": tru}'):
            self.assertEqual(self.refused(text).code, "not_json")

    def test_deep_nesting_does_not_raise(self):
        self.assertEqual(self.refused("[" * 2000).code, "not_json")

    def test_type_that_is_not_a_string_is_invalid(self):
        for kind in ("null", "7", "[]", "{}"):
            self.assertEqual(self.refused('{"type": %s}' % kind).code, "invalid")

    def test_type_that_only_devices_send_is_unknown(self):
        self.assertEqual(self.refused(text_of({"type": "telemetry", "values": {}})).code, "unknown_type")

    def test_missing_field_is_named(self):
        fault = self.refused(text_of({"type": "command", "id": 7, "name": "pan"}))

        self.assertEqual((fault.code, fault.text), ("invalid", "args: expected a value"))

    def test_faulty_command_can_still_be_answered(self):
        fault = self.refused(command(angle=[1]))

        self.assertEqual(fault.message["id"], 7)
        self.assertTrue(fault.text.startswith("args.angle: expected a number"))

    def test_bounds_are_held_on_both_sides(self):
        for number, is_good in ((0, True), (1073741823, True), (-1, False), (1073741824, False)):
            self.assertEqual(isinstance(session.parse(command(number=number)), dict), is_good)

    def test_truth_value_and_fraction_are_not_integers(self):
        for number in (True, 7.5, "7", None):
            self.assertEqual(self.refused(command(number=number)).text, "id: expected an integer from 0 to 1073741823")

    def test_names_are_those_a_maker_writes(self):
        for name in ("p", "_pan2", "azAZ_09", "x" * 32):
            self.assertTrue(isinstance(session.parse(command(name)), dict))
        for name in ("", "0pan", "9pan", "pan-tilt", "pän", "a{", "a`", "a:", "a/", "a[", "x" * 33):
            self.refused(command(name))

    def test_arguments_have_names_of_the_same_kind(self):
        self.assertTrue(isinstance(session.parse(command(**{"x" * 32: 1})), dict))
        for name in ("", "2x", "x y", "x" * 33):
            self.assertTrue(self.refused(command(**{name: 1})).text.startswith("args: expected names"))

    def test_sixteen_arguments_are_accepted_and_seventeen_are_not(self):
        self.assertTrue(isinstance(session.parse(command(**{"a%d" % n: n for n in range(16)})), dict))
        self.refused(command(**{"a%d" % n: n for n in range(17)}))

    def test_infinite_number_is_refused(self):
        self.refused('{"type": "command", "id": 7, "name": "pan", "args": {"angle": 1e999}}')

    def test_text_with_random_faults_never_raises(self):
        text = command(angle=-90.5, name_of="دروازه", fast=True, nothing=None, more={"a": [1, "x"]})
        splinters = ["", "{", "}", "[", "]", ":", ",", '"', "-", "\\", "1e999", "null", "\x00", '"type":']
        if sys.implementation.name == "micropython":
            # CPython does not encode half a character; what a board makes of one is a board's business.
            splinters.append("\\ud800")
        for seed in range(400):
            random.seed(seed)
            spoiled = text
            for _ in range(random.randrange(1, 4)):
                at = random.randrange(len(spoiled) + 1)
                spoiled = (
                    spoiled[:at] + splinters[random.randrange(len(splinters))] + spoiled[at + random.randrange(5) :]
                )

            message = session.parse(spoiled)

            self.assertTrue(isinstance(message, (dict, session.Fault)))
            if isinstance(message, session.Fault):
                self.assertIn(message.code, ("not_json", "invalid", "unknown_type"))

    def test_welcome_is_understood(self):
        welcome = {"type": "connection_ack", "status": "success", "message": "hello", "time": 1790000000}

        self.assertEqual(session.parse(text_of(welcome)), welcome)
        self.refused(text_of(dict(welcome, status="failure")))


class Saying(unittest.TestCase):
    """What the board sends is JSON, whatever a maker's function returned."""

    def refused(self, **message):
        with self.assertRaises(ValueError) as caught:
            session.dump(message)
        return str(caught.exception)

    def test_message_comes_back_as_it_was(self):
        for message in (
            {"type": "pong", "rssi_dbm": -61},
            {"type": "log", "message": "سلام", "level": "info", "uptime_ms": 61000},
            {"type": "ack", "id": 7, "status": "ok", "result": {"angle": 90, "list": [1, None, "x", [True]]}},
            {"type": "telemetry", "values": {"temperature": 21.5, "door": "open", "dark": False}},
        ):
            self.assertEqual(json.loads(session.dump(message)), message)

    def test_text_has_no_needless_spaces(self):
        self.assertNotIn(" ", session.dump({"type": "pong", "uptime_s": 5}))

    def test_numbers_that_json_lacks_are_refused(self):
        for value in (float("nan"), float("inf"), -float("inf")):
            self.refused(type="telemetry", values={"x": value})
            self.refused(type="ack", result=[value])

    def test_result_that_is_not_json_is_refused(self):
        for value in (object(), b"bytes", {1: 2}, {"x": {"y": object}}):
            self.assertTrue(self.refused(type="ack", result=value).startswith("result: expected JSON"))

    def test_characters_that_json_escapes_come_back(self):
        text = "".join([chr(code) for code in range(0x80)]) + "\u2028 😀"

        self.assertEqual(json.loads(session.dump({"type": "log", "message": text}))["message"], text)

    def test_result_is_nested_as_deep_as_allowed_and_no_deeper(self):
        deepest = 7
        for _ in range(messages.DEPTH_MAX - 1):
            deepest = [deepest]

        session.dump({"type": "ack", "result": deepest})
        self.refused(type="ack", result=[deepest])
        self.refused(type="ack", result={"deepest": deepest})


class Declaring(unittest.TestCase):
    """What a maker declares is checked by the rules, at every depth."""

    def trouble(self, value, rule):
        found = checking.check_value(value, rule)
        return None if found is None else "%s: expected %s" % found

    def test_declaration_of_arguments_is_checked_to_its_leaves(self):
        angle = {"type": "number", "min": 0, "max": 180, "unit": "°"}

        self.assertIsNone(self.trouble({"angle": angle}, rules.ARGUMENTS))
        self.assertEqual(
            self.trouble({"angle": {"type": "float"}}, rules.ARGUMENTS),
            "angle.type: expected one of number, integer, string, boolean",
        )

    def test_choices_are_checked_one_by_one(self):
        mode = {"type": "string", "choices": ["slow", {}]}

        trouble = self.trouble({"mode": mode}, rules.ARGUMENTS)

        self.assertTrue(trouble.startswith("mode.choices.1: expected a number"))

    def test_thirty_two_choices_are_allowed_and_one_more_is_not(self):
        for count, is_good in ((0, False), (1, True), (32, True), (33, False)):
            rule = {"mode": {"type": "integer", "choices": list(range(count))}}
            self.assertEqual(self.trouble(rule, rules.ARGUMENTS) is None, is_good)

    def test_device_id_keeps_the_pattern(self):
        for device in ("pico_device", "a", "دروازه", "x" * 64, "..."):
            self.assertIsNone(self.trouble(device, rules.DEVICE_ID))
        for device in (
            "",
            "a b",
            "a/b",
            "a\\b",
            "a?b",
            "a#b",
            "a%b",
            "a\nb",
            "a\x7fb",
            "a\x85b",
            "a\xa0b",
            ".",
            "..",
            "x" * 65,
        ):
            self.assertTrue(self.trouble(device, rules.DEVICE_ID) is not None)

    def test_truth_value_is_nothing_else(self):
        rule = ("b", None, None, None)

        self.assertIsNone(self.trouble(False, rule))
        for value in (0, 1, "true", None):
            self.assertEqual(self.trouble(value, rule), ": expected true or false")

    def test_name_that_is_not_a_text_is_refused(self):
        self.assertTrue(self.trouble({1: 2}, VALUES).startswith(": expected names"))

    def test_values_are_numbers_strings_or_truth_values(self):
        self.assertIsNone(self.trouble({"a": 1, "b": 2.5, "c": "x" * 256, "d": True}, VALUES))
        for value in (None, [1], {}, "x" * 257, 1e16, float("nan")):
            self.assertTrue(self.trouble({"a": value}, VALUES) is not None)
