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
    token = os.environ.get("DARVAZ_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = gateway.rstrip("/") + "/" + "/".join(quote(part, safe="") for part in path)
    try:
        response = httpx.request(method, url, json=body, headers=headers, timeout=_DEADLINE_S, trust_env=False)
    except (httpx.ConnectError, httpx.ConnectTimeout):
        raise click.ClickException(
            f"no gateway answers at {gateway}: start it with `darvaz serve`, or say where it is with --gateway"
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise click.ClickException(f"{gateway}: {error}") from None
    return _read(gateway, response)


def _read(gateway: str, response: httpx.Response) -> Any:
    try:
        answer = response.json()
    except ValueError:
        raise click.ClickException(f"{gateway} answers, but is not a Darvaz gateway") from None
    if response.is_success:
        return answer
    detail = answer.get("detail", response.reason_phrase) if isinstance(answer, dict) else response.reason_phrase
    # The detail may be what a board said of its failure.
    raise click.ClickException(visible(str(detail)))
