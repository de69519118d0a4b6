"""The table of verbs: what each does, where help and documents list it, and which operations of the API it covers."""

from __future__ import annotations

from typing import NamedTuple


class Verb(NamedTuple):
    """One verb of `darvaz`: its line of help, its section, and the API's operations that it offers."""

    help: str
    section: str
    operations: tuple[str, ...] = ()


GATEWAY, DEVICES, CAMERAS, PEOPLE, BOARDS = "The gateway", "Devices", "Cameras", "People and tokens", "Boards on USB"
SECTIONS = (GATEWAY, DEVICES, CAMERAS, PEOPLE, BOARDS)

_PROMPT = ("POST /api/devices/{device}/prompt", "DELETE /api/devices/{device}/prompt")
# In place of the program, which is stopped for that.
_STOPPED = (
    *_PROMPT,
    "POST /api/devices/{device}/prompt/stop",
    "POST /api/devices/{device}/prompt/code",
    "POST /api/devices/{device}/prompt/input",
    "GET /api/devices/{device}/prompt/output",
)
_LIVE = ("POST /api/releases", "POST /api/rollouts", "GET /api/rollouts/{rollout}")

TABLE = {
    "alerts": Verb(
        "See what is wrong, and have people told of it.",
        DEVICES,
        (
            "GET /api/alerts",
            "GET /api/alerts/history",
            "POST /api/alerts/{alert}/acknowledgement",
            "GET /api/alert-rules",
            "POST /api/alert-rules",
            "PUT /api/alert-rules/{rule}",
            "DELETE /api/alert-rules/{rule}",
            "GET /api/alert-channels",
            "PUT /api/alert-channels/{channel}",
            "DELETE /api/alert-channels/{channel}",
            "POST /api/alert-channels/{channel}/test",
        ),
    ),
    "backup": Verb("Copy all of the gateway's data into one file, while it runs.", GATEWAY),
    "cat": Verb("Print a file of a device, through the gateway.", DEVICES, _PROMPT),
    "cluster": Verb("See the gateways that serve as one; bring data to them.", GATEWAY, ("GET /api/cluster",)),
    "completion": Verb("Print the script with which a shell completes names.", GATEWAY),
    "config": Verb("Show the value of each setting, and where it comes from.", GATEWAY),
    "cp": Verb("Copy files to a device or from it, through the gateway.", DEVICES, _PROMPT),
    "crashes": Verb(
        "List what programs of boards died of, and show a report.",
        DEVICES,
        ("GET /api/crashes", "GET /api/crashes/{crash}", "DELETE /api/crashes/{crash}"),
    ),
    "dashboards": Verb(
        "List the dashboards that people made; move them to files and back.",
        DEVICES,
        ("GET /api/layouts", "POST /api/layouts", "PUT /api/layouts/{layout}", "DELETE /api/layouts/{layout}"),
    ),
    "deploy": Verb(
        "Give a program to boards over the air, in steps.",
        DEVICES,
        ("POST /api/releases", "POST /api/rollouts", "GET /api/rollouts/{rollout}"),
    ),
    "devices": Verb(
        "List the devices: which are online, and their commands.",
        DEVICES,
        ("GET /api/devices", "GET /api/devices/{device}"),
    ),
    "doctor": Verb("Find out what is wrong with a board, or why it cannot connect.", GATEWAY, ("GET /health",)),
    "enrol": Verb(
        "Let new boards fetch their tokens for some minutes.",
        PEOPLE,
        ("GET /api/enrolment", "POST /api/enrolment", "DELETE /api/enrolment"),
    ),
    "erase": Verb("Remove all files of a board; MicroPython itself stays.", BOARDS),
    "events": Verb("Show what happens, as it happens, until Ctrl-C.", DEVICES, ("GET /api/events",)),
    "export": Verb(
        "Write the journal, or the telemetry, into a file.",
        DEVICES,
        ("GET /api/journal/export", "GET /api/telemetry/export"),
    ),
    "firmware": Verb("Install MicroPython itself, the right image for the board.", BOARDS),
    "flash": Verb(
        "Put the firmware on a board on USB, and see it online.", BOARDS, ("POST /api/devices/{device}/update-key",)
    ),
    "forget": Verb("Forget devices: their tokens, readings and frames.", DEVICES, ("DELETE /api/devices/{device}",)),
    "frames": Verb(
        "List the kept frames of a camera, or save them.",
        CAMERAS,
        ("GET /api/devices/{device}/frames", "GET /api/devices/{device}/frames/{time_ms}.jpg"),
    ),
    "group": Verb(
        "List the groups of devices, and say what is in them.",
        DEVICES,
        ("GET /api/groups", "PATCH /api/groups/{group}", "DELETE /api/groups/{group}"),
    ),
    "log": Verb("Show the journal, once or as it grows.", DEVICES, ("GET /api/journal",)),
    "login": Verb("Remember a gateway on another machine, for every other command.", PEOPLE),
    "logout": Verb("Forget the gateway of `darvaz login` and its token.", PEOPLE),
    "ls": Verb("List the files of a board, and the space that is left.", BOARDS, _PROMPT),
    "monitor": Verb("Show what a board prints on its serial port.", BOARDS),
    "motion": Verb(
        "Look for motion before a camera, or do not.",
        CAMERAS,
        ("GET /api/devices/{device}/camera", "PUT /api/devices/{device}/camera/motion"),
    ),
    "new": Verb("Make a folder for a program of your own, to keep in git.", BOARDS),
    "people": Verb(
        "See who may use the gateway, invite others, and change what they may do.",
        PEOPLE,
        (
            "GET /api/people",
            "POST /api/people",
            "PATCH /api/people/{person}",
            "DELETE /api/people/{person}",
            "POST /api/people/{person}/links",
            "GET /api/invitations",
            "POST /api/invitations",
            "DELETE /api/invitations/{invitation}",
        ),
    ),
    "picture": Verb(
        "Choose the size, quality and rate of a camera's pictures.",
        CAMERAS,
        ("GET /api/devices/{device}/camera", "PUT /api/devices/{device}/camera/picture"),
    ),
    "record": Verb("Make a film of a camera, or a time-lapse.", CAMERAS, ("GET /api/devices/{device}/stream.mjpeg",)),
    "rename": Verb("Give a device a label for people, or remove it.", DEVICES, ("PATCH /api/devices/{device}",)),
    "repl": Verb("Type at the prompt of a board, on USB or elsewhere.", BOARDS, _STOPPED),
    "rescue": Verb("Get a board back to its prompt, and keep all of its files.", BOARDS),
    "reset": Verb("Restart a board, as its reset button does.", BOARDS),
    "releases": Verb("List the releases of programs.", DEVICES, ("GET /api/releases",)),
    "restore": Verb("Put a backup into the data folder.", GATEWAY),
    "rollout": Verb(
        "List the rollouts of releases; pause, resume or end one, or go back.",
        DEVICES,
        ("GET /api/rollouts", "PATCH /api/rollouts/{rollout}"),
    ),
    "rm": Verb("Remove files of a device, through the gateway.", DEVICES, _PROMPT),
    "rules": Verb(
        "See what the gateway does by itself, switch it off, or run it at once.",
        DEVICES,
        (
            "GET /api/rules",
            "POST /api/rules",
            "PUT /api/rules/{rule}",
            "DELETE /api/rules/{rule}",
            "POST /api/rules/{rule}/runs",
        ),
    ),
    "run": Verb("Run a file on a board for once, with its log here.", DEVICES, _LIVE),
    "send": Verb(
        "Send a command to a device, or to all of a group, and print the result.",
        DEVICES,
        ("POST /api/devices/{device}/commands/{name}", "POST /api/commands/{name}"),
    ),
    "serve": Verb("Run the gateway until Ctrl-C or SIGTERM.", GATEWAY),
    "service": Verb("Install the gateway as a service of systemd.", GATEWAY),
    "sessions": Verb(
        "List the signed-in browsers, or sign one out.", PEOPLE, ("GET /api/sessions", "DELETE /api/sessions/{session}")
    ),
    "settings": Verb(
        "Show the settings of a running gateway, or change some until it stops.",
        GATEWAY,
        ("GET /api/settings", "PATCH /api/settings"),
    ),
    "signin": Verb("Print a link that signs one browser in, once.", PEOPLE, ("POST /api/sign-in-links",)),
    "simulate": Verb("Run virtual boards with the real firmware.", DEVICES, ("GET /public/tokens",)),
    "snapshot": Verb(
        "Save a picture of a camera, or one at each interval.", CAMERAS, ("GET /api/devices/{device}/snapshot.jpg",)
    ),
    "status": Verb("Tell whether a gateway is well.", GATEWAY, ("GET /api/health", "GET /api/version")),
    "telemetry": Verb(
        "Show the newest readings of a device, or those of one name over time.",
        DEVICES,
        (
            "GET /api/devices/{device}/telemetry",
            "GET /api/devices/{device}/telemetry/{name}",
            "GET /api/devices/{device}/telemetry/{name}/states",
        ),
    ),
    "token": Verb(
        "Issue, list and revoke the tokens of boards and people.",
        PEOPLE,
        ("GET /api/tokens", "POST /api/tokens", "DELETE /api/tokens/{token}"),
    ),
    "tunnel": Verb("Give the prompt of a device elsewhere a port on this machine.", DEVICES, _STOPPED),
    "upgrade-check": Verb("Say what this version does to the data, before its first start.", GATEWAY),
    "viewlink": Verb(
        "Print links that show one camera for some time, without a token.",
        CAMERAS,
        ("POST /api/devices/{device}/view-links", "GET /api/devices/{device}/camera"),
    ),
    "watch": Verb("Run a program on a board again after each save.", DEVICES, _LIVE),
}
