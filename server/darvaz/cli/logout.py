"""`darvaz logout`: forgets the gateway of `darvaz login` and its token."""

from __future__ import annotations

import click

from darvaz.cli.remote import explained_errors
from darvaz.cli.verb_options import json_option
from darvaz.client.config import login_path, recall
from darvaz.text.terminal import visible, visible_json


@click.command()
@json_option
def logout(as_json: bool) -> None:
    """Forget the gateway of `darvaz login` and its token.

    The token itself stays valid: `darvaz token revoke` ends it.
    """
    path = login_path()
    with explained_errors():
        login = recall(path)
    if login is not None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise click.ClickException(f"{path} cannot be removed: {error.strerror}") from None
    url = None if login is None else login.url
    if as_json:
        click.echo(visible_json({"forgotten": url}))
    else:
        click.echo("No gateway is remembered." if url is None else f"{visible(url)} is forgotten.")
