"""The rules for settings that are texts: networks, origins, commands, topics and so on."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import NamedTuple


class ListRule(NamedTuple):
    """The rule for each part of a comma-separated setting."""

    is_valid: Callable[[str], bool]
    expected: str
    is_single: bool = False
    """The setting is one value, not a list."""


def _is_network(part: str) -> bool:
    try:
        ipaddress.ip_network(part)
    except ValueError:
        return False
    return True


def _is_address(part: str) -> bool:
    return "/" not in part and _is_network(part)


def _is_origin(part: str) -> bool:
    return re.fullmatch(r"https?://[^/\s]+/?", part) is not None


def _is_command(part: str) -> bool:
    return re.fullmatch(r"[^/\s]+/[A-Za-z0-9_*?]+", part) is not None


def _is_host(part: str) -> bool:
    return re.fullmatch(r"[^/\s]+", part) is not None


def _is_broker(part: str) -> bool:
    # A password would be shown wherever the setting is.
    return re.fullmatch(r"mqtts?://(\[[0-9a-fA-F:.]+\]|[^/:@\s\[\]]+)(:\d{1,5})?/?", part) is not None


def _is_nats_server(part: str) -> bool:
    # As above: the user has a file.
    return re.fullmatch(r"(nats|tls)://(\[[0-9a-fA-F:.]+\]|[^/:@\s\[\]]+)(:\d{1,5})?/?", part) is not None


def _is_node_name(part: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9-]{1,32}", part) is not None


def _is_topic(part: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,3}", part) is not None


# A proxy by name, or `*` for any, would let clients choose the address that the gateway sees.
NETWORKS = ListRule(_is_network, "an IP address or a network such as 192.168.1.0/24")
ADDRESSES = ListRule(_is_address, "an IP address of this machine")
ORIGINS = ListRule(_is_origin, "an origin such as https://boards.example.org")
COMMANDS = ListRule(_is_command, "device/command, where * stands for any characters")
BROKER = ListRule(_is_broker, "mqtt://host or mqtts://host:port; the user has settings of its own", is_single=True)
TOPIC = ListRule(_is_topic, "a topic of Latin letters, digits, _ and -, with / between levels", is_single=True)
HOSTS = ListRule(_is_host, "a host name such as boards.example.org, without scheme and path")
NATS_SERVERS = ListRule(_is_nats_server, "nats://host or tls://host:4222; user and password have a file of their own")
NODE_NAME = ListRule(_is_node_name, "up to 32 Latin letters, digits and hyphens", is_single=True)
