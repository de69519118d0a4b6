"""The address in the link of `darvaz signin` is one that works in a browser elsewhere, where it is known."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from darvaz.cli import cli
from tests.support.evil_server import answer, evil_server


def address_in_link(url: str, answered: str, *, is_public: bool = False) -> str:
    """Returns the address in the link of a gateway that is asked and answers with an address; PORT is its own."""
    pieces: list[bytes] = []
    with evil_server(pieces) as gateway:
        own = answered.replace("PORT", str(gateway.port))
        pieces += answer({"path": "/sign-in#dvz_link", "address": own, "is_public": is_public})
        done = CliRunner().invoke(cli, ["signin", "--gateway", url.replace("PORT", str(gateway.port))])
    assert done.exit_code == 0, done.output
    return done.stdout.partition("/sign-in#")[0].replace(str(gateway.port), "PORT")


@pytest.mark.parametrize("url", ["http://127.0.0.1:PORT", "http://localhost:PORT"])
def test_on_the_gateways_machine_it_is_the_address_in_the_network(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("container", raising=False)

    assert address_in_link(url, "http://192.0.2.7:PORT") == "http://192.0.2.7:PORT"


def test_the_setting_comes_first() -> None:
    assert (
        address_in_link("http://127.0.0.1:PORT", "https://home.example/d", is_public=True) == "https://home.example/d"
    )


def test_behind_another_port_it_is_the_address_that_was_asked() -> None:
    assert address_in_link("http://127.0.0.1:PORT", "http://192.0.2.7:9") == "http://127.0.0.1:PORT"


def test_a_container_does_not_know_the_address_of_its_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("container", "docker")

    assert address_in_link("http://127.0.0.1:PORT", "http://172.17.0.2:PORT") == "http://127.0.0.1:PORT"
