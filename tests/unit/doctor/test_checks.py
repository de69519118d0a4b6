"""The doctor's steps against small servers, each with one known problem."""

from __future__ import annotations

import ssl
from typing import Any

import httpx
import pytest
from websockets.asyncio.server import ServerConnection

from darvaz.doctor import DoctorOptions, Finding, StepOutcome, parse_target, run_checks
from darvaz.doctor import http as plain_http
from darvaz.doctor.token_steps import SourcedToken
from tests.support.ill_gateway import SECRET, SmallGateway, plain_server, reply, running


async def findings(url: str, token: SourcedToken | None = None, **more: Any) -> dict[str, Finding]:
    options = DoctorOptions(parse_target(url), token, idle_s=0.05, deadline_s=0.5, **more)
    return {finding.step: finding async for finding in run_checks(options)}


async def findings_of(gateway: SmallGateway, token: SourcedToken | None = None, **options: Any) -> dict[str, Finding]:
    async with running(gateway):
        return await findings(f"127.0.0.1:{gateway.port}", token, **options)


# The form of the token.


@pytest.mark.parametrize(
    "text",
    ["", f"Bearer {SECRET}", f'"{SECRET}"', f"<{SECRET}>", "dvz_a b", "dvz_a\nb", "dvz_توکن", "d" * 257],
)
async def test_token_that_does_not_fit_into_the_header_is_never_sent(text: str) -> None:
    gateway = SmallGateway()

    found = await findings_of(gateway, SourcedToken(text, "the prompt", True))

    assert found["header"].outcome is StepOutcome.FAILED
    assert found["handshake"].outcome is StepOutcome.SKIPPED
    assert gateway.headers == []


# A gateway without problems.


async def test_gateway_without_problems_passes_every_step() -> None:
    gateway = SmallGateway()

    found = await findings_of(gateway)

    assert list(found) == ["name", "port", "http", "token", "header", "handshake", "connect", "ping", "idle"]
    assert {finding.outcome for finding in found.values()} == {StepOutcome.OK}
    assert gateway.headers == [f"Bearer {SECRET}"]
    assert gateway.received == ["connect", "ping", "ping"]


async def test_given_token_is_used_instead_of_a_fetched_one() -> None:
    gateway = SmallGateway(pages={"/public/tokens": (403, "")})

    await findings_of(gateway, SourcedToken("dvz_mine_secret", "the prompt", True), device="pan-tilt")

    assert gateway.headers == ["Bearer dvz_mine_secret"]


async def test_token_of_a_board_is_not_bound_to_the_doctor() -> None:
    gateway = SmallGateway()

    found = await findings_of(gateway, SourcedToken(SECRET, "the prompt", False))

    assert found["connect"].outcome is StepOutcome.SKIPPED
    assert found["idle"].outcome is StepOutcome.OK
    assert "connect" not in gateway.received


async def test_doctor_answers_the_ping_of_the_gateway() -> None:
    async def ask_first(link: ServerConnection, message: dict[str, Any]) -> None:
        if message["type"] == "connect":
            await link.send('{"type":"ping"}')
        await reply(link, message)

    gateway = SmallGateway(script=ask_first)

    found = await findings_of(gateway)

    assert found["idle"].outcome is StepOutcome.OK
    assert "pong" in gateway.received


# Gateways that refuse.


@pytest.mark.parametrize(
    ("status", "remedy"),
    [(401, "Check the token"), (403, "not allowed here"), (404, "path"), (429, "wait five minutes")],
)
async def test_refused_handshake_has_a_remedy(status: int, remedy: str) -> None:
    found = await findings_of(SmallGateway(handshake=(status, "Not authorised.", {})))

    assert found["handshake"].outcome is StepOutcome.FAILED
    assert f"HTTP {status}: Not authorised." in found["handshake"].detail
    assert remedy in found["handshake"].remedy
    assert found["idle"].detail == "not reached"


@pytest.mark.parametrize(
    ("code", "remedy"),
    [(4401, "Check the token"), (4403, "--device"), (4409, "id of its own"), (1012, "try again"), (4999, "log")],
)
async def test_close_code_has_a_remedy(code: int, remedy: str) -> None:
    async def close(link: ServerConnection, message: dict[str, Any]) -> None:
        await link.close(code, "because")

    found = await findings_of(SmallGateway(script=close))

    assert found["connect"].detail == f"the gateway closed the connection with {code}: because"
    assert remedy in found["connect"].remedy


async def test_error_before_the_close_is_quoted() -> None:
    async def refuse(link: ServerConnection, message: dict[str, Any]) -> None:
        await link.send('{"type":"error","message":"a token\\u001b[31m is needed"}')
        await link.close(4401)

    found = await findings_of(SmallGateway(script=refuse))

    assert found["connect"].detail == "the gateway says: a token [31m is needed"
    assert "Check the token" in found["connect"].remedy


async def test_link_that_closes_during_the_silence_is_found() -> None:
    async def close_after_pong(link: ServerConnection, message: dict[str, Any]) -> None:
        await reply(link, message)
        if message["type"] == "ping":
            await link.close(4408)

    found = await findings_of(SmallGateway(script=close_after_pong))

    assert found["ping"].outcome is StepOutcome.OK
    assert found["idle"].outcome is StepOutcome.FAILED
    assert "raise its timeout" in found["idle"].remedy


async def test_wait_for_the_answer_to_connect_has_a_deadline() -> None:
    async def stay_silent(link: ServerConnection, message: dict[str, Any]) -> None: ...

    found = await findings_of(SmallGateway(script=stay_silent))

    assert found["connect"].detail == "no connection_ack within 0.5 s"


async def test_number_of_other_messages_has_a_limit() -> None:
    async def send_nonsense(link: ServerConnection, message: dict[str, Any]) -> None:
        for _ in range(20):
            await link.send("[1, 2")

    found = await findings_of(SmallGateway(script=send_nonsense))

    assert found["connect"].outcome is StepOutcome.FAILED


async def test_redirect_is_not_followed() -> None:
    other = SmallGateway()
    async with running(other):
        headers = {"Location": f"ws://127.0.0.1:{other.port}/ws/pico"}
        found = await findings_of(SmallGateway(handshake=(301, "", headers)))

    assert "does not follow redirects" in found["handshake"].remedy
    assert other.headers == []


# No public tokens.


async def test_closed_enrolment_window_needs_no_token_on_localhost() -> None:
    gateway = SmallGateway(pages={"/public/tokens": (403, "closed")})

    found = await findings_of(gateway)

    assert found["token"].outcome is StepOutcome.SKIPPED
    assert found["connect"].outcome is StepOutcome.OK
    assert gateway.headers == [None]


async def test_too_many_requests_for_tokens_end_the_checks() -> None:
    found = await findings_of(SmallGateway(pages={"/public/tokens": (429, "slow down")}))

    assert found["token"].detail == "/public/tokens answers 429: slow down"
    assert found["handshake"].outcome is StepOutcome.SKIPPED


@pytest.mark.parametrize("body", ["not json", "[]", "{}", '{"pico_tokens": []}', '{"pico_tokens": 7}'])
async def test_answer_without_tokens_is_a_failure(body: str) -> None:
    found = await findings_of(SmallGateway(pages={"/public/tokens": (200, body)}))

    assert found["token"].outcome is StepOutcome.FAILED


# Ports of other programs.


async def test_port_where_nothing_listens_is_named() -> None:
    with plain_server(b"") as port:
        pass

    found = await findings(f"127.0.0.1:{port}")

    assert found["port"].detail == f"nothing listens on port {port}"
    assert "darvaz serve" in found["port"].remedy
    assert found["http"].outcome is StepOutcome.SKIPPED


async def test_name_that_does_not_exist_is_the_first_failure() -> None:
    found = await findings("ws://nowhere.invalid:3000")

    assert found["name"].outcome is StepOutcome.FAILED
    assert found["port"].outcome is StepOutcome.SKIPPED


async def test_port_of_another_protocol_is_recognised() -> None:
    with plain_server(b"SSH-2.0-OpenSSH_9.9\r\nInvalid SSH identification string.\r\n\r\n") as port:
        found = await findings(f"127.0.0.1:{port}")

    assert "does not speak HTTP" in found["http"].detail
    assert "Another program" in found["http"].remedy


async def test_wait_for_a_silent_port_has_a_deadline() -> None:
    with plain_server(b"") as port:
        found = await findings(f"127.0.0.1:{port}")

    assert found["http"].detail == "no HTTP answer within 0.5 s"


async def test_plain_address_of_a_tls_port_is_recognised() -> None:
    with plain_server(b"", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)) as port:
        found = await findings(f"ws://127.0.0.1:{port}")

    assert found["http"].detail == "the port speaks TLS, the address does not"
    assert f"wss://127.0.0.1:{port}" in found["http"].remedy


async def test_tls_address_of_a_plain_port_is_recognised() -> None:
    with plain_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        found = await findings(f"wss://127.0.0.1:{port}")

    assert found["http"].detail.startswith("the port does not speak TLS")
    assert f"ws://127.0.0.1:{port}" in found["http"].remedy


async def test_wrong_health_page_does_not_end_the_checks() -> None:
    found = await findings_of(SmallGateway(pages={"/health": (404, "{}")}))

    assert found["http"].outcome is StepOutcome.FAILED
    assert found["idle"].outcome is StepOutcome.OK


# Limits.


async def test_endless_page_is_read_to_its_limit_only() -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + b"x" * 100_000
    with plain_server(page) as port:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            answer = await plain_http.get(http, "/health", 5)

    assert len(answer.body) == 64 * 1024
