"""Two machines at each kind of IPv6 address: neighbours are limited one by one, those of another network together."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from darvaz import Gateway
from darvaz.gateway.access.rules import FAILURES_ALLOWED
from tests.support.gateway import GatewayProcess
from tests.support.netns import Outside, outside
from tests.support.rawsocket import REQUEST

pytestmark = [pytest.mark.netns, pytest.mark.xdist_group("netns")]

_DEADLINE_S = 30.0
WRONG = "dvz_aaaaaaaaaa_" + "A" * 43
Network = dict[str, tuple[str, str, str]]


@pytest.fixture(scope="module")
def external() -> Iterator[Outside]:
    with outside() as made:
        yield made


@pytest.fixture(scope="module")
def network(external: Outside) -> Network:
    return external.add_ipv6()


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess("--host", "::") as running:
        yield running


@pytest.mark.parametrize(
    ("kind", "of_the_other"), [("link-local", 401), ("unique local", 401), ("on-link", 401), ("elsewhere", 429)]
)
def test_a_board_with_an_old_token_keeps_out_no_neighbour(
    external: Outside, network: Network, gateway: GatewayProcess, kind: str, of_the_other: int
) -> None:
    inside, one, other = network[kind]
    with Gateway(f"http://127.0.0.1:{gateway.port}") as client:
        token = client.issue_token("pico")

    def status_of(source: str, shown: str) -> int:
        """Returns the status of a board's handshake with a token."""
        with external.dial_ipv6(source, inside, gateway.port) as link:
            link.settimeout(_DEADLINE_S)
            link.sendall(REQUEST.format(path="/ws/pico", more=f"Authorization: Bearer {shown}\r\n").encode())
            return int(link.recv(64).split()[1])

    refused = [status_of(one, WRONG) for _ in range(FAILURES_ALLOWED + 2)]

    assert refused == [401] * (FAILURES_ALLOWED + 1) + [429]
    assert status_of(other, WRONG) == of_the_other
    assert (status_of(one, token), status_of(other, token)) == (101, 101)
