"""How the command line uses a running gateway: the option that says which, and a client whose errors are sentences."""

from __future__ import annotations

import atexit
import contextlib
import gc
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from darvaz.cli.data_folder import is_named, service_folder
from darvaz.client.config import DEFAULT_URL, URL_VARIABLE, find_gateway, login_path, recall
from darvaz.client.errors import GatewayError
from darvaz.client.running_gateway import LOCAL_TOKEN_NAME, running_gateways
from darvaz.text.terminal import visible

# As in gateway.storage, which would load SQLite.
DATABASE_NAME = "darvaz.sqlite3"

if TYPE_CHECKING:
    from darvaz.client.requests import ApiRequest
    from darvaz.client.synchronous import Gateway


def gateway_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the option that says which gateway it means."""
    return click.option(
        "--gateway",
        envvar=URL_VARIABLE,
        show_envvar=True,
        callback=_find_url,
        help="Address of the gateway [default: the one of `darvaz login`, else the one that runs on this machine, else "
        f"{DEFAULT_URL}]. From another machine an operator token is needed, in DARVAZ_TOKEN.",
    )(function)


def remote_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command that works on the data folder the option to work on a running gateway instead."""
    return click.option(
        "--gateway",
        envvar=URL_VARIABLE,
        show_envvar=True,
        callback=_remote_url,
        help="Ask the gateway at this address [default: the one of `darvaz login`, else one that runs on this machine, "
        "else its data folder].",
    )(function)


def ask(gateway: str, request: ApiRequest) -> Any:
    """Returns the result of a request; raises a `ClickException` with the reason otherwise."""
    with client_of(gateway) as client:
        return client.ask(request)


@contextlib.contextmanager
def client_of(gateway: str, token: str | None = None) -> Iterator[Gateway]:
    """Lends a client of the gateway; a `GatewayError` becomes a `ClickException`."""
    # Here, because httpx takes a tenth of a second to load: without its own command line, two thirds of that.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    from darvaz.client.synchronous import Gateway

    # At the end Python would look through all modules for garbage: a tenth of the time of a verb.
    atexit.register(gc.freeze)
    with explained_errors():
        # Root finds a service, which runs as another user, and its local token in the folder that its file names.
        data = service_folder()
        with Gateway(config=replace(find_gateway(gateway or None, token, data=data), data=data)) as client:
            yield client


@contextlib.contextmanager
def explained_errors() -> Iterator[None]:
    """Turns a `GatewayError` into a `ClickException`."""
    try:
        yield
    except GatewayError as error:
        raise click.ClickException(sentence_of(error)) from None


def sentence_of(error: GatewayError) -> str:
    """Returns what to show of an error: parts of it may be a board's words."""
    return visible(str(error).replace(f"in {URL_VARIABLE}", f"with --gateway or in {URL_VARIABLE}"))


def _remote_url(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    # A data folder that was given wins over the environment and the login.
    if context.get_parameter_source("gateway") is not ParameterSource.COMMANDLINE and is_named(context):
        return None
    if value is not None:
        return _find_url(context, parameter, value)
    return _login_url(context) or _running_url(Path(context.params["data"]))


def _login_url(context: click.Context) -> str | None:
    """Returns the address of `darvaz login`, if any."""
    with explained_errors():
        login = recall(login_path())
    if login is None:
        return None
    _mention_folder(Path(context.params["data"]), f"{login.url}, the gateway of `darvaz login`")
    return login.url


def _running_url(folder: Path) -> str | None:
    """Returns the address of the one gateway that this user runs here; None without any."""
    found = running_gateways(folder.expanduser())
    if DEFAULT_URL in found:
        found = [DEFAULT_URL]
    if len(found) > 1:
        raise click.ClickException(f"several gateways run here: choose one with --gateway {' or '.join(found)}")
    if found and not (folder.expanduser() / LOCAL_TOKEN_NAME).exists():
        _mention_folder(folder, f"{found[0]}, which runs on this machine")
    return next(iter(found), None)


def _mention_folder(folder: Path, used: str) -> None:
    """Says which gateway is used, where a data folder may have been meant."""
    if (folder.expanduser() / DATABASE_NAME).exists():
        click.echo(f"This is {used}; for {folder} use --data {folder}", err=True)


def _find_url(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
    if isinstance(context.command, click.Group) or "port" in (option.name for option in context.command.params):
        # Its own commands may be of no gateway, or of a board on USB: `client_of` finds it where one is meant.
        return value or ""
    return _find(value)


def _find(value: str | None) -> str:
    with explained_errors():
        return find_gateway(value, data=service_folder()).url
