"""How the command line talks to a running gateway: through the client, with errors as sentences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import httpx
from click.core import ParameterSource

from darvaz.client.config import DEFAULT_URL, URL_VARIABLE, Place, file_path, find_place, recall
from darvaz.client.errors import GatewayError, Unreachable
from darvaz.client.requests import Question
from darvaz.client.synchronous import Gateway
from darvaz.client.transport import DEADLINE_S, refusal, trusted, unreachable
from darvaz.gateway.storage.database import DATABASE_NAME
from darvaz.text.terminal import visible

_SAID = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)


def gateway_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the option that says which gateway it means."""
    return click.option(
        "--gateway",
        envvar=URL_VARIABLE,
        show_envvar=True,
        callback=_find_url,
        help=f"Address of the gateway [default: the one of `darvaz login`, else {DEFAULT_URL}]. From elsewhere an "
        "operator token is needed, in DARVAZ_TOKEN.",
    )(function)


def remote_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command that works on the data folder the option to work on a running gateway instead."""
    return click.option(
        "--gateway",
        envvar=URL_VARIABLE,
        show_envvar=True,
        callback=_remote_url,
        help="Ask the gateway at this address, instead of looking into the data folder of this machine [default: the "
        "one of `darvaz login`, if there is one].",
    )(function)


def call(gateway: str, method: str, *path: str, body: Any = None) -> Any:
    """Returns the JSON answer of the gateway; raises a `ClickException` with a sentence otherwise."""
    try:
        with Gateway(gateway) as client:
            return client.ask(Question(method, _path(path), body=body))
    except GatewayError as error:
        raise explain(gateway, error) from None


def fetch(gateway: str, *path: str) -> httpx.Response:
    """Returns a good answer of the gateway that is not JSON; raises a `ClickException` with a sentence otherwise."""
    try:
        response = httpx.get(
            address(gateway, *path),
            headers=credentials(gateway),
            timeout=DEADLINE_S,
            trust_env=False,
            verify=trusted(gateway),
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise explain(gateway, error) from None
    if not response.is_success:
        refuse(gateway, response)
    return response


def address(gateway: str, *path: str) -> str:
    """Returns the URL of something at the gateway."""
    return gateway.rstrip("/") + _path(path)


def credentials(gateway: str | None) -> dict[str, str]:
    """Returns the headers that let somebody in from elsewhere."""
    try:
        token = find_place(gateway).token
    except GatewayError as error:
        raise click.ClickException(str(error)) from None
    return {"Authorization": f"Bearer {token}"} if token else {}


def refuse(gateway: str, response: httpx.Response) -> None:
    """Raises a `ClickException` with the gateway's own sentence for an answer that is a refusal, read to its end."""
    raise explain(gateway, refusal(response))


def explain(gateway: str, error: Exception) -> click.ClickException:
    """Returns what to say when no answer came, or one that refuses."""
    if isinstance(error, httpx.HTTPError | httpx.InvalidURL):
        error = unreachable(Place(gateway), error)
    if isinstance(error, Unreachable):
        return click.ClickException(visible(str(error).replace(URL_VARIABLE, f"--gateway, or {URL_VARIABLE}")))
    # What is said may be what a board said of its failure.
    return click.ClickException(visible(str(error)))


def _path(words: tuple[str, ...]) -> str:
    return "/" + "/".join(quote(word, safe="") for word in words)


def _remote_url(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    # Whoever names a folder means it, whatever the environment or a login says.
    is_asked = context.get_parameter_source("gateway") is ParameterSource.COMMANDLINE
    if not is_asked and context.get_parameter_source("data") in _SAID:
        return None
    return _remembered_url(context) if value is None else _find_url(context, parameter, value)


def _remembered_url(context: click.Context) -> str | None:
    """Returns the address of `darvaz login`, if any, and says so where a data folder might have been meant."""
    try:
        known = recall(file_path())
    except GatewayError as error:
        raise click.ClickException(str(error)) from None
    if known is None:
        return None
    folder = Path(context.params["data"])
    if (folder.expanduser() / DATABASE_NAME).exists():
        click.echo(f"This is {known.url}, as `darvaz login` remembered; for {folder} say --data {folder}", err=True)
    return known.url


def _find_url(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
    try:
        return find_place(value).url
    except GatewayError as error:
        raise click.ClickException(str(error)) from None
