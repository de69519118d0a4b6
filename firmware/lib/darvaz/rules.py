# GENERATED from shared/protocol.json by `python -m tools.generate`: change that file, never this one.
"""The bounds of what a program declares and configures; loaded while it starts. Rules are as in messages.py."""

# Largest text packet, in bytes of UTF-8.
TEXT_BYTES_MAX = 16384

DEVICE_ID = ("s", 1, 64, "device_id")
NAME = ("s", 1, 32, "name")
SCALAR = ("v", None, None, 256)
ARGUMENT = (
    "o",
    None,
    None,
    (
        ("type", True, "e", None, None, ("number", "integer", "string", "boolean")),
        ("min", False, "n", None, None, None),
        ("max", False, "n", None, None, None),
        ("step", False, "n", None, None, None),
        ("unit", False, "s", 0, 16, None),
        ("choices", False, "l", 1, 32, SCALAR),
        ("default", False, "v", None, None, 256),
        ("title", False, "s", 0, 64, None),
    ),
)
ARGUMENTS = ("m", 0, 16, ARGUMENT)
MEASUREMENT = (
    "o",
    None,
    None,
    (
        ("unit", False, "s", 0, 16, None),
        ("device_class", False, "s", 0, 32, None),
        ("title", False, "s", 0, 64, None),
    ),
)
