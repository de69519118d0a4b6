# GENERATED from shared/protocol.json by `python -m tools.generate`: change that file, never this one.
"""The protocol as constant tables: what a board may say and hear, when, and within which bounds.

A rule is (kind, low, high, of):
  "s"  string: low..high characters; of: the definition whose pattern it follows, or None
  "i"  integer: low..high
  "n"  number: low..high
  "b"  truth value
  "v"  number in low..high, truth value, or string of at most `of` characters
  "e"  one of the strings `of`
  "l"  list of low..high items; of: the rule of an item
  "m"  map of low..high entries whose keys follow NAME; of: the rule of a value
  "o"  object; of: its fields
  "a"  any JSON value
A field is (name, is_required, kind, low, high, of). Fields that are not listed are ignored.
"""

PROTOCOL = 1
# Seconds between two pings of the gateway.
HEARTBEAT_S = 120
# Seconds of silence after which the gateway closes a link.
IDLE_TIMEOUT_S = 300
# Seconds that a client without a header has to send auth.
AUTH_DEADLINE_S = 10
# Largest packet before a token was accepted.
AUTH_BYTES_MAX = 1024
# Largest text packet, in bytes of UTF-8.
TEXT_BYTES_MAX = 16384
# Largest binary packet: one JPEG frame.
FRAME_BYTES_MAX = 524288
# Deepest nesting of a JSON text: arrays and objects.
DEPTH_MAX = 16
# Faulty packets in a row that end a link.
FAULTS_MAX = 10

# Too many faults in a row, or too fast.
CLOSE_MISBEHAVED = 1008
# A packet was larger than allowed.
CLOSE_TOO_LARGE = 1009
# The gateway is restarting: come back soon.
CLOSE_RESTARTING = 1012
# The gateway cannot decide now: try again later.
CLOSE_UNAVAILABLE = 1013
# No token, or not a good one.
CLOSE_NOT_AUTHORISED = 4401
# Let in, but not as this: the token or the id belongs to another device.
CLOSE_NOT_ALLOWED = 4403
# Nothing was heard for the idle timeout.
CLOSE_IDLE = 4408
# A newer link of the same device took over.
CLOSE_REPLACED = 4409

ERROR_CODES = (
    "not_json",
    "invalid",
    "unknown_type",
    "wrong_sender",
    "wrong_state",
    "too_large",
    "not_a_frame",
    "too_fast",
    "too_many_faults",
    "not_authorised",
    "not_allowed",
    "unavailable",
    "idle",
    "replaced",
    "restarting",
)

# Kind of board: its path, and whether it sends frames.
KINDS = {"pico": ("/ws/pico", False), "esp32cam": ("/ws/esp32cam", True)}

# The name a device is known by: nothing that a URL would eat, and nothing that cannot be seen.
# That is, a device id is not . or .. and has 1 to 64 characters: no spaces, no invisible ones, none of / \ ? # %:
# ^(?!\.{1,2}$)[^\u0000-\u0020\u007f-\u00a0\u00ad\u061c\u200b\u200e\u200f\u2028-\u202f\u2060-\u206f\ufeff/\\?#%]+$
DEVICE_ID = ("s", 1, 64, "device_id")
# The name of a command, an argument or a measurement, as a maker writes it in Python.
# That is, a name has 1 to 32 Latin letters, digits and underscores, and does not begin with a digit:
# ^[A-Za-z_][A-Za-z0-9_]*$
NAME = ("s", 1, 32, "name")
# A number, a string or a truth value.
SCALAR = ("v", -1000000000000000, 1000000000000000, 256)
# What one argument of a command accepts.
ARGUMENT = (
    "o",
    None,
    None,
    (
        ("type", True, "e", None, None, ("number", "integer", "string", "boolean")),
        ("min", False, "n", -1000000000000000, 1000000000000000, None),
        ("max", False, "n", -1000000000000000, 1000000000000000, None),
        ("step", False, "n", -1000000000000000, 1000000000000000, None),
        ("unit", False, "s", 0, 16, None),
        ("choices", False, "l", 1, 32, SCALAR),
        ("default", False, "v", -1000000000000000, 1000000000000000, 256),
        ("title", False, "s", 0, 64, None),
    ),
)
# The arguments of one command, by name.
ARGUMENTS = ("m", 0, 16, ARGUMENT)
# What one reported value means.
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

# Shows a token.
_AUTH = (("token", True, "s", 1, 256, None),)
# Introduces the device.
_CONNECT = (
    ("device", True, "s", 1, 64, "device_id"),
    ("version", False, "s", 0, 32, None),
    ("board", False, "s", 0, 128, None),
    ("commands", False, "m", 0, 32, ARGUMENTS),
    ("telemetry", False, "m", 0, 64, MEASUREMENT),
    ("heap_free_bytes", False, "i", 0, 4294967295, None),
    ("reset_cause", False, "s", 0, 32, None),
    ("boot_id", False, "s", 0, 32, None),
    ("ip", False, "s", 0, 45, None),
)
# Welcomes the device.
_CONNECTION_ACK = (
    ("status", True, "e", None, None, ("success",)),
    ("message", True, "s", 0, 256, None),
    ("protocol", False, "i", 1, 1000, None),
    ("time", False, "i", 0, 99999999999, None),
    ("heartbeat_s", False, "n", 0, 86400, None),
    ("device", False, "s", 1, 64, "device_id"),
)
# Asks for a sign of life.
_PING = (("time", False, "i", 0, 99999999999, None),)
# Gives a sign of life.
_PONG = (
    ("time", False, "i", 0, 99999999999, None),
    ("heap_free_bytes", False, "i", 0, 4294967295, None),
    ("rssi_dbm", False, "i", -128, 20, None),
    ("uptime_s", False, "i", 0, 9007199254740, None),
)
# Asks the device to do something.
_COMMAND = (
    ("id", True, "i", 0, 1073741823, None),
    ("name", True, "s", 1, 32, "name"),
    ("args", True, "m", 0, 16, SCALAR),
)
# Answers a command.
_ACK = (
    ("message", False, "s", 0, 1024, None),
    ("id", False, "i", 0, 1073741823, None),
    ("status", False, "e", None, None, ("ok", "error")),
    ("result", False, "a", None, None, None),
)
# Reports measured values.
_TELEMETRY = (
    ("values", True, "m", 0, 64, SCALAR),
    ("uptime_ms", False, "i", 0, 9007199254740991, None),
)
# Says a line of the device's log.
_LOG = (
    ("message", True, "s", 0, 12288, None),
    ("level", False, "e", None, None, ("debug", "info", "warning", "error", "critical")),
    ("uptime_ms", False, "i", 0, 9007199254740991, None),
)
# Says what was wrong.
_ERROR = (
    ("message", True, "s", 0, 512, None),
    ("code", False, "s", 0, 32, None),
    ("field", False, "s", 0, 128, None),
    ("retry_after_s", False, "n", 0, 86400, None),
)

# What a device says: message type -> fields besides type.
FROM_DEVICE = {
    "auth": _AUTH,
    "connect": _CONNECT,
    "ping": _PING,
    "pong": _PONG,
    "ack": _ACK,
    "telemetry": _TELEMETRY,
    "log": _LOG,
}

# What a gateway says: message type -> fields besides type.
FROM_GATEWAY = {
    "connection_ack": _CONNECTION_ACK,
    "ping": _PING,
    "pong": _PONG,
    "command": _COMMAND,
    "error": _ERROR,
}

# The states of a session, first to last, and those in which each message is heard.
STATES = ("waiting_for_token", "waiting_for_connect", "open", "closed")
HEARD_IN = {
    "auth": ("waiting_for_token", "waiting_for_connect"),
    "connect": ("waiting_for_connect", "open"),
    "connection_ack": ("open",),
    "ping": ("waiting_for_connect", "open"),
    "pong": ("waiting_for_connect", "open"),
    "command": ("open",),
    "ack": ("open",),
    "telemetry": ("open",),
    "log": ("open",),
    "error": ("waiting_for_token", "waiting_for_connect", "open"),
}

# The message that answers each message which asks for one.
REPLIES = {"connect": "connection_ack", "ping": "pong", "command": "ack"}
