"""The names of topics: of the gateway, of one board, and of what Home Assistant discovers."""

from __future__ import annotations

from typing import NamedTuple

from darvaz.gateway.devices.names import latin_id

ONLINE, OFFLINE = "online", "offline"
_COMMAND, _INSTALL = "command", "install"


class BoardTopics(NamedTuple):
    """The topics of one board, below `<prefix>/<id>/`."""

    availability: str
    """`online` or `offline`, retained."""
    telemetry: str
    """The newest values by name, JSON, retained."""
    health: str
    """Signal, memory, uptime, reason of the last restart and version, JSON, retained."""
    commands: str
    """The arguments that each command was last carried out with, JSON, retained."""
    log: str
    """One line of the board's log, JSON."""
    picture: str
    """A JPEG, retained."""
    update: str
    """Which release there is of its program, beside the one that runs, JSON, retained."""
    config: str
    """What Home Assistant is told, JSON, retained; "" if it is not."""
    command: str
    """Where commands come in, with the name of one behind it."""
    install: str
    """Where it is asked to have the newest release of its program."""


class Topics:
    """All topics of a gateway."""

    def __init__(self, prefix: str, discovery: str) -> None:
        self.prefix = prefix
        self._discovery = discovery
        self.status = f"{prefix}/status"
        """`online` or `offline` of the gateway, retained; the broker sets it if the gateway is lost."""
        self.commands = f"{prefix}/+/{_COMMAND}/+"
        """The commands of all boards."""
        self.installs = f"{prefix}/+/{_INSTALL}"
        """That boards are to have the newest release of their program."""
        self.configs = f"{discovery}/device/+/config" if discovery else ""
        """What Home Assistant is told of all its devices; "" if it is told nothing."""

    def of(self, device: str) -> BoardTopics:
        """Returns the topics of a board."""
        base = f"{self.prefix}/{latin_id(device)}"
        return BoardTopics(
            availability=f"{base}/availability",
            telemetry=f"{base}/telemetry",
            health=f"{base}/health",
            commands=f"{base}/commands",
            log=f"{base}/log",
            picture=f"{base}/picture",
            update=f"{base}/update",
            config=f"{self._discovery}/device/{self.object_id(device)}/config" if self._discovery else "",
            command=f"{base}/{_COMMAND}/",
            install=f"{base}/{_INSTALL}",
        )

    def object_id(self, device: str) -> str:
        """Returns the id of a board for Home Assistant; another gateway has another prefix."""
        return f"{self._id_prefix}{latin_id(device)}"

    def command_of(self, topic: str) -> tuple[str, str] | None:
        """Returns the board's Latin id and the command of a topic, or None if it is of something else."""
        rest = topic.removeprefix(f"{self.prefix}/").split("/")
        if not topic.startswith(f"{self.prefix}/") or len(rest) != 3 or rest[1] != _COMMAND:
            return None
        return rest[0], rest[2]

    def install_of(self, topic: str) -> str | None:
        """Returns the board's Latin id of a topic, or None if it is of something else."""
        rest = topic.removeprefix(f"{self.prefix}/").split("/")
        is_install = topic.startswith(f"{self.prefix}/") and len(rest) == 2 and rest[1] == _INSTALL
        return rest[0] if is_install else None

    def configured(self, topic: str) -> str | None:
        """Returns the Latin id of one of our boards by a topic of discovery, or None if the device is not ours."""
        start, end = f"{self._discovery}/device/{self._id_prefix}", "/config"
        is_ours = bool(self._discovery) and topic.startswith(start) and topic.endswith(end)
        return topic[len(start) : -len(end)] if is_ours else None

    @property
    def _id_prefix(self) -> str:
        return self.prefix.replace("/", "_") + "_"
