"""The systemd unit of the gateway, for the whole machine or for one user."""

from __future__ import annotations

from collections.abc import Sequence

UNIT_NAME = "darvaz.service"
SYSTEM_COMMAND = "/usr/bin/darvaz"
SYSTEM_CONFIG = "/etc/darvaz/darvaz.toml"
SYSTEM_DATA = "/var/lib/darvaz"

# Reloading reads the certificate again. A slow disk may need long for what is left at the end, and for a large journal
# at the start. The gateway is started again as often as it fails: a house has no one who would do it.
_RUNNING = """\
Type=notify
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=5
WatchdogSec=60
TimeoutStartSec=300
TimeoutStopSec=30
LimitNOFILE=65536
UMask=0077
"""
_OF_THE_SYSTEM = """\
DynamicUser=yes
StateDirectory=darvaz
StateDirectoryMode=0700
"""
# What a gateway does not need: systemd.exec(5). PrivateUsers would take the right to ports below 1024, and ProcSubset
# the counters that /metrics shows.
_HARDENED = """\
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
"""
# A user's service manager has no right to more.
_HARDENED_FOR_A_USER = """\
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
"""


def system_unit(command: Sequence[str] = (SYSTEM_COMMAND,)) -> str:
    """Returns the unit of the machine: its own user, data in /var/lib/darvaz, and few rights."""
    started = _joined([*command, "serve", "--config", SYSTEM_CONFIG])
    service = _RUNNING.format(command=started) + _OF_THE_SYSTEM + _HARDENED
    head = "After=network-online.target time-sync.target\nWants=network-online.target\nStartLimitIntervalSec=0\n"
    return _unit(head, service, "multi-user.target")


def user_unit(command: Sequence[str], config: str) -> str:
    """Returns the unit of one user, whose service manager starts it when the user signs in, or at boot with linger."""
    started = _joined([*command, "serve", "--config", config])
    service = _RUNNING.format(command=started) + _HARDENED_FOR_A_USER
    return _unit("StartLimitIntervalSec=0\n", service, "default.target")


def _unit(head: str, service: str, wanted_by: str) -> str:
    about = "Description=Darvaz gateway for MicroPython boards\nDocumentation=man:darvaz(1)\n"
    return f"[Unit]\n{about}{head}\n[Service]\n{service}\n[Install]\nWantedBy={wanted_by}\n"


def _joined(words: Sequence[str]) -> str:
    """Returns a command line in systemd's syntax: quoted, and without its specifiers and variables."""
    return " ".join(f'"{_escaped(word)}"' if _escaped(word) != word or " " in word else word for word in words)


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
