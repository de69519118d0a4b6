"""The network finds the gateway: mDNS names its address, and `darvaz doctor` uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from zeroconf import AddressResolverIPv4  # type: ignore[attr-defined]
from zeroconf.asyncio import AsyncZeroconf

from darvaz.cli import cli
from darvaz.doctor import discovery
from darvaz.doctor.target import TargetError
from darvaz.gateway.announcement import GatewayAnnouncement
from darvaz.gateway.settings import Settings
from tests.support.app import RunningApp
from tests.support.mdns import alone_in_mdns, until_found_as

_HERE = ["127.0.0.1"]


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    with alone_in_mdns():
        yield


async def test_a_gateway_is_found_while_it_runs() -> None:
    async with asyncio.timeout(60):
        async with RunningApp(mdns=True, host="127.0.0.1", port=4321, public_url="http://x.example/below"):
            found: list[str] = []
            while "http://127.0.0.1:4321/below" not in found:
                found = await discovery.find_gateways(_HERE, search_s=0.5)
        while "http://127.0.0.1:4321/below" in found:
            found = await discovery.find_gateways(_HERE, search_s=0.5)


async def test_two_gateways_have_names_of_their_own() -> None:
    async with asyncio.timeout(60):
        async with (
            RunningApp(mdns=True, host="127.0.0.1", port=4401),
            RunningApp(mdns=True, host="127.0.0.1", port=4402),
        ):
            found: list[str] = []
            while not {"http://127.0.0.1:4401", "http://127.0.0.1:4402"} <= set(found):
                found = await discovery.find_gateways(_HERE, search_s=0.5)


async def test_a_name_that_another_machine_has_is_left_to_it(caplog: pytest.LogCaptureFixture) -> None:
    first, second = (GatewayAnnouncement(Settings(host=f"127.0.0.{number}", port=4501)) for number in (1, 2))
    caplog.set_level("INFO", "darvaz.mdns")
    async with asyncio.timeout(60), AsyncZeroconf(interfaces=_HERE) as network:
        first.open()
        await until_found_as("darvaz.local", caplog)
        second.open()
        await until_found_as("darvaz-2.local", caplog)
        names = [AddressResolverIPv4(name) for name in ("darvaz.local.", "darvaz-2.local.")]
        for name in names:
            assert await name.async_request(network.zeroconf, 3_000)
        await first.close()
        await second.close()

    assert [name.parsed_addresses() for name in names] == [["127.0.0.1"], ["127.0.0.2"]]
    assert "another machine of this network is darvaz.local" in caplog.text


@pytest.mark.parametrize(
    ("found", "words"),
    [([], "no gateway answers"), (["http://a:1", "http://b:2"], "name one of http://a:1, http://b:2")],
)
def test_without_one_gateway_the_doctor_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, found: list[str], words: str
) -> None:
    async def find() -> list[str]:
        return found

    monkeypatch.setattr(discovery, "find_gateways", find)

    with pytest.raises(TargetError, match=words):
        discovery.find_gateway()
    for verb in (["doctor"], ["flash", "--gateway", "find", "--port", "/dev/null"]):
        assert words in CliRunner().invoke(cli, verb, env={"COLUMNS": "200"}).output
