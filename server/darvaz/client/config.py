"""Which gateway, and which token for it: from arguments, the environment, or the file of `darvaz login`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from darvaz.client.errors import GatewayError
from darvaz.text.private_files import NotPrivateError, config_folder, read_private, write_private

URL_VARIABLE = "DARVAZ_GATEWAY"
TOKEN_VARIABLE = "DARVAZ_TOKEN"
DEFAULT_URL = "http://127.0.0.1:3000"
_SCHEMES = ("http://", "https://")


@dataclass(frozen=True)
class GatewayConfig:
    """A gateway's address, and the token for it if one is needed."""

    url: str
    token: str | None = field(default=None, repr=False)
    # The data folder of a gateway on this machine, where it is known.
    data: Path | None = None


def login_path() -> Path:
    """Returns where a login is remembered on this system."""
    return config_folder() / "gateway.json"


def find_gateway(
    url: str | None = None,
    token: str | None = None,
    environment: Mapping[str, str] | None = None,
    data: Path | None = None,
) -> GatewayConfig:
    """Returns which gateway is meant: the argument, else the environment, else the login, else the one that runs here.

    The token of a login goes only to the gateway of that login. Of several that run here, it is that of `data`.
    Raises `GatewayError` for a login file that others may read, an address that is not one or has a password in it,
    a token that is not one, and several gateways that run here, none of them at the usual address.
    """
    environment = os.environ if environment is None else environment
    url = url or environment.get(URL_VARIABLE) or None
    token = checked_token(token or environment.get(TOKEN_VARIABLE))
    if url is not None:
        _refuse_secret(url)
        _refuse_without_scheme(url)
    login = None if url and token else recall(login_path())
    if login is None:
        return GatewayConfig((url or _url_here(data)).rstrip("/"), token)
    if url is None or url.rstrip("/") == login.url:
        return GatewayConfig(login.url, token or login.token)
    return GatewayConfig(url.rstrip("/"), token)


def _url_here(data: Path | None) -> str:
    """Returns the address of the one gateway that is known to run here, else the usual one."""
    # Here, because with a named gateway none is looked for.
    from darvaz.client.running_gateway import noted_gateways, running_gateways

    found = noted_gateways(data)
    if len(found) > 1 and DEFAULT_URL not in found:
        # One that was killed is none.
        found = running_gateways(data or Path("data"))
    if len(found) > 1 and DEFAULT_URL not in found:
        raise GatewayError(f"several gateways run here, {' and '.join(found)}: choose one in {URL_VARIABLE}")
    return found[0] if len(found) == 1 else DEFAULT_URL


def _refuse_secret(url: str) -> None:
    """Raises `GatewayError` for an address with a name or a password in it."""
    # Addresses end up in logs, shell histories and messages, so this message does not repeat it either.
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise GatewayError(
            f"an address is not secret: leave out the part before the @, and put a token into {TOKEN_VARIABLE}"
            " or let `darvaz login` remember it"
        )


def _refuse_without_scheme(url: str) -> None:
    """Raises `GatewayError` for an address without http:// or https://."""
    if not url.lower().startswith(_SCHEMES):
        host = url.rpartition("//")[2] or "192.168.1.5:3000"
        raise GatewayError(
            f"an address begins with http:// or https://: did you mean http://{host} instead of {url!r}?"
        )


def checked_token(token: str | None) -> str | None:
    """Returns a token without blanks around it; raises `GatewayError`, without the text, for what is not a token."""
    token = (token or "").strip()
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise GatewayError(f"this is not a token: one is a single word that begins with dvz_; check {TOKEN_VARIABLE}")
    return token or None


def recall(path: Path) -> GatewayConfig | None:
    """Returns the login that was remembered; None if there is none."""
    try:
        login = read_private(path)
        return GatewayConfig(str(login["gateway"]), str(login["token"]))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except NotPrivateError:
        raise GatewayError(f"others may read {path}: chmod 600 it, or delete it and log in again") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GatewayError(f"{path} cannot be read ({error}): delete it and log in again") from None


def remember(path: Path, config: GatewayConfig) -> None:
    """Writes a login into a file that only its owner can read, whole or not at all; raises `OSError`."""
    write_private(path, {"gateway": config.url, "token": config.token})
