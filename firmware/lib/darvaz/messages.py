# GENERATED from shared/protocol.json by `python -m tools.generate`: change that file, never this one.
"""The protocol as constant tables: what a board receives.

A rule is (kind, low, high, of):
  "s"  string: low..high characters; of: the definition whose pattern it follows, or None
  "i"  integer: low..high
  "n"  number: low..high; None and None are -1e15..1e15, also for "v"
  "b"  truth value
  "v"  number in low..high, truth value, or string of at most `of` characters
  "e"  one of the strings `of`
  "l"  list of low..high items; of: the rule of an item
  "m"  map of low..high entries whose keys follow NAME; of: the rule of a value
  "o"  object; of: its fields
A field is (name, is_required, kind, low, high, of). Fields that are not listed are ignored.
"""

# Deepest nesting of a JSON text: arrays and objects.
DEPTH_MAX = 16
# Largest binary packet: one JPEG frame.
FRAME_BYTES_MAX = 524288
# Close codes after which connecting again soon is useless.
REFUSALS = (4401, 4403, 4409)

SCALAR = ("v", None, None, 256)

# Messages of a gateway: type -> fields besides type.
FROM_GATEWAY = {
    "connection_ack": (
        ("status", True, "e", None, None, ("success",)),
        ("message", True, "s", 0, 256, None),
        ("protocol", False, "i", 1, 1000, None),
        ("time", False, "n", 0, 99999999999, None),
        ("heartbeat_s", False, "n", 0, 86400, None),
        ("device", False, "s", 1, 64, "device_id"),
    ),
    "ping": (("time", False, "n", 0, 99999999999, None),),
    "pong": (("time", False, "n", 0, 99999999999, None),),
    "command": (
        ("id", True, "i", 0, 1073741823, None),
        ("name", True, "s", 1, 32, "name"),
        ("args", True, "m", 0, 16, SCALAR),
    ),
    "prompt": (
        ("id", True, "i", 0, 1073741823, None),
        ("step", True, "e", None, None, ("part", "run", "value", "stop", "input", "interrupt", "close")),
        ("code", False, "s", 0, 1400, None),
        ("data", False, "s", 0, 1368, None),
    ),
    "update": (
        ("id", True, "i", 0, 1073741823, None),
        ("step", True, "e", None, None, ("offer", "data", "next", "commit", "abandon")),
        ("header", False, "s", 0, 768, None),
        ("mac", False, "s", 0, 64, None),
        ("file", False, "i", -1, 500, None),
        ("at", False, "i", 0, 16777216, None),
        ("data", False, "s", 0, 1368, None),
    ),
    "error": (
        ("message", True, "s", 0, 512, None),
        ("code", False, "s", 0, 32, None),
        ("field", False, "s", 0, 128, None),
        ("retry_after_s", False, "n", 0, 86400, None),
    ),
}
