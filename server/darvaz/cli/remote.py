"""How the command line talks to a running gateway over HTTP."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import click
import httpx

from darvaz.visible import visible

_DEADLINE_S = 90.0


def gateway_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the option that says which gateway it means."""
    return click.option(
        "--gateway",
        envvar="DARVAZ_GATEWAY",
        show_envvar=True,
        default="http://127.0.0.1:3000",
        show_default=True,
        help="Address of the gateway. From elsewhere an operator token is needed, in DARVAZ_TOKEN.",
    )(function)


def call(gateway: str, method: str, *path: str, body: Any = None) -> Any:
    """Returns the JSON answer of the gateway; raises a `ClickException` with a sentence otherwise."""
    return read(gateway, _request(gateway, method, *path, body=body))


def fetch(gateway: str, *path: str) -> httpx.Response:
    """Returns a good answer of the gateway that is not JSON; raises a `ClickException` with a sentence otherwise."""
    response = _request(gateway, "GET", *path)
    if not response.is_success:
        read(gateway, response)
    return response


def address(gateway: str, *path: str) -> str:
    """Returns the URL of something at the gateway."""
    return gateway.rstrip("/") + "/" + "/".join(quote(part, safe="") for part in path)


def credentials() -> dict[str, str]:
    """Returns the headers that let somebody in from elsewhere."""
    token = os.environ.get("DARVAZ_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def explain(gateway: str, error: httpx.HTTPError | httpx.InvalidURL) -> click.ClickException:
    """Returns what to say when no answer came."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return click.ClickException(
            f"no gateway answers at {gateway}: start it with `darvaz serve`, or say where it is with --gateway"
        )
    return click.ClickException(f"{gateway}: {error}")


def _request(gateway: str, method: str, *path: str, body: Any = None) -> httpx.Response:
    try:
        return httpx.request(
            method,
            address(gateway, *path),
            json=body,
            headers=credentials(),
            timeout=_DEADLINE_S,
            trust_env=False,
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise explain(gateway, error) from None


def read(gateway: str, response: httpx.Response) -> Any:
    """Returns the JSON in an answer; raises a `ClickException` with the gateway's own sentence if it is a refusal."""
    try:
        answer = response.json()
    except ValueError:
        raise click.ClickException(f"{gateway} answers, but is not a Darvaz gateway") from None
    if response.is_success:
        return answer
    detail = answer.get("detail", response.reason_phrase) if isinstance(answer, dict) else response.reason_phrase
    # The detail may be what a board said of its failure.
    raise click.ClickException(visible(str(detail)))
