"""What a program declares and what it is called with: slips are refused in words, where they stand."""

import unittest

from firmware.lib.darvaz import declarations, declared
from firmware.lib.darvaz.declared import check_arguments

ANGLE = {"angle": {"type": "number", "min": 0, "max": 180}}


class Declaring(unittest.TestCase):
    """A wrong declaration is found when the program starts."""

    def setUp(self):
        self.commands = declared.Commands(None, None, None)

    def test_command_is_known_with_its_arguments(self):
        declarations.add_command(self.commands, "pan", print, ANGLE)

        self.assertEqual(self.commands.known["pan"][:2], (print, ANGLE))

    def test_argument_without_a_type_is_refused(self):
        with self.assertRaises(ValueError) as raised:
            declarations.add_command(self.commands, "pan", print, {"angle": {"min": 0}})

        self.assertIn("command pan, angle.type", str(raised.exception))

    def test_invalid_name_is_refused(self):
        with self.assertRaises(ValueError):
            declarations.add_command(self.commands, "two words", print, {})

    def refused(self, name="pan", function=print, arguments=None, deadline_s=1):
        with self.assertRaises((ValueError, TypeError)) as raised:
            declarations.add_command(self.commands, name, function, arguments or {}, deadline_s)
        return str(raised.exception)

    def test_name_of_the_library_is_refused(self):
        declarations.add_command(self.commands, "info", print, {})
        self.commands.own = list(self.commands.known)

        self.assertIn("command info: there is one", self.refused("info"))

    def test_second_command_of_a_name_is_refused(self):
        declarations.add_command(self.commands, "pan", print, {})

        self.assertIn("command pan: there is one", self.refused("pan"))

    def test_what_is_called_instead_of_named_is_refused(self):
        self.assertIn("leave out the ()", self.refused(function=None))

    def test_deadline_has_bounds(self):
        declarations.add_command(self.commands, "pan", print, {}, declared.DEADLINE_S_MAX)
        for deadline_s in (0, -1, declared.DEADLINE_S_MAX + 1, "10", True, None):
            self.assertIn("deadline_s", self.refused("tilt", deadline_s=deadline_s))

    def test_argument_that_contradicts_itself_is_refused(self):
        number, whole, text = {"type": "number"}, {"type": "integer"}, {"type": "string"}
        wrong = {
            "min 180 is above max 0": dict(number, min=180, max=0),
            "the default must be at most 10, not 99": dict(number, max=10, default=99),
            "the default must be at least 0, not -1": dict(number, min=0, default=-1),
            "the default must be a number, not 'fast'": dict(number, default="fast"),
            "a choice must be a whole number, not 'a'": dict(whole, choices=["a", "b"]),
            "the default must be one of 1, 2, not 3": dict(whole, choices=[1, 2], default=3),
            "min and max are for numbers": dict(text, max=10),
        }
        for sentence in wrong:
            self.assertIn("command pan, a: " + sentence, self.refused(arguments={"a": wrong[sentence]}))

    def test_command_beyond_the_limit_is_refused(self):
        for number in range(declared.COMMANDS_MAX):
            declarations.add_command(self.commands, "c%d" % number, print, {})

        with self.assertRaises(ValueError):
            declarations.add_command(self.commands, "straw", print, {})


class Arguments(unittest.TestCase):
    """What is given must be what was declared; each refusal is a sentence for the caller."""

    def refused(self, declared, given):
        with self.assertRaises(ValueError) as raised:
            check_arguments(declared, given)
        return str(raised.exception)

    def test_values_within_bounds_are_taken(self):
        for angle in (0, 90.5, 180):
            self.assertEqual(check_arguments(ANGLE, {"angle": angle}), {"angle": angle})

    def test_values_out_of_bounds_are_refused_with_the_bound(self):
        self.assertEqual(self.refused(ANGLE, {"angle": 181}), "angle must be at most 180, not 181")
        self.assertEqual(self.refused(ANGLE, {"angle": -1}), "angle must be at least 0, not -1")

    def test_missing_argument_is_named(self):
        self.assertEqual(self.refused(ANGLE, {}), "angle is missing: expected a number")

    def test_default_stands_in_for_a_missing_argument(self):
        self.assertEqual(check_arguments({"fast": {"type": "boolean", "default": True}}, {}), {"fast": True})

    def test_unknown_argument_is_refused_with_the_known_ones(self):
        self.assertIn("it takes: angle", self.refused(ANGLE, {"angle": 1, "speed": 2}))

    def test_each_type_takes_its_own_values_only(self):
        values = {"number": 1.5, "integer": 1, "string": "1", "boolean": True}
        takes = {
            "number": ("number", "integer"),
            "integer": ("integer",),
            "string": ("string",),
            "boolean": ("boolean",),
        }
        for kind in values:
            for given in values:
                rule = {"x": {"type": kind}}
                if given in takes[kind]:
                    check_arguments(rule, {"x": values[given]})
                else:
                    self.assertIn("x must be", self.refused(rule, {"x": values[given]}))

    def test_choice_must_be_one_of_the_choices(self):
        rule = {"colour": {"type": "string", "choices": ["red", "green"]}}

        self.assertEqual(check_arguments(rule, {"colour": "red"}), {"colour": "red"})
        self.assertIn("one of red, green", self.refused(rule, {"colour": "blue"}))
