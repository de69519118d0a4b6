"""Where the NATS servers of a cluster are, and how the gateway shows who it is."""

from __future__ import annotations

import re
import secrets
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from darvaz.gateway.settings import Settings

_NAME_CHARS_MAX = 32
_JWT_MARK = "BEGIN NATS USER JWT"


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """The servers in the order of the setting, TLS, who the gateway is, and its name among the others."""

    servers: tuple[str, ...]
    tls: ssl.SSLContext | None
    user: str
    """Empty without a user."""
    password: str
    """The password of `user`, or a token where there is none."""
    name: str
    """Of this gateway, as people see it."""
    node: str
    """`name`, and a part that differs at each start."""

    @classmethod
    def of(cls, settings: Settings) -> ClusterOptions:
        """Returns the options of the settings.

        Raises OSError if a file cannot be read or is not a certificate, ValueError if credentials are of a form that
        is not supported.
        """
        servers = settings.listed("cluster")
        tls = None
        if any(urlsplit(server).scheme == "tls" for server in servers):
            tls = ssl.create_default_context(cafile=settings.cluster_ca_file or None)
            if settings.cluster_cert:
                tls.load_cert_chain(settings.cluster_cert, settings.cluster_key or None)
        user, password = _credentials(settings.cluster_credentials_file)
        name = settings.cluster_node or usable_name(socket.gethostname())
        return cls(servers, tls, user, password, name, f"{name}-{secrets.token_hex(4)}")


def usable_name(host: str) -> str:
    """Returns the name of a machine as a part of a subject of NATS: Latin letters, digits and hyphens."""
    return re.sub(r"[^A-Za-z0-9]+", "-", host).strip("-")[:_NAME_CHARS_MAX] or "gateway"


def _credentials(path: str) -> tuple[str, str]:
    """Returns user and password, or no user and a token; both are empty without a file."""
    if not path:
        return "", ""
    text = Path(path).expanduser().read_text(encoding="utf-8").strip()
    if _JWT_MARK in text or not text or len(text.split()) != 1:
        raise ValueError(f"{path}: expected one line, user:password or a token")
    user, colon, password = text.partition(":")
    return (user, password) if colon else ("", text)
