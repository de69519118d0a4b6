"""TLS on the gateway's own port: handshakes of real clients, limits before them, plain HTTP, and renewal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvloop

from darvaz.gateway.http.certificates import Certificates, open_certificates
from darvaz.gateway.http.connection_slots import ConnectionSlots, Slot
from darvaz.gateway.http.connections import NewConnection, Tls
from darvaz.gateway.http.self_signed import CertificateError
from darvaz.gateway.http.tls_start import plain_answer
from darvaz.gateway.settings import Settings

DEADLINE_S = 10.0


class Server:
    """What uvicorn gives to a protocol."""

    def __init__(self) -> None:
        self.connections: set[object] = set()


class Slots(ConnectionSlots):
    """Slots that tell when the last one is left."""

    def __init__(self, deadline_s: float) -> None:
        super().__init__(deadline_s)
        self.empty = asyncio.Event()

    def enter(self, address: str | None, connection: Any) -> Slot | None:
        self.empty.clear()
        return super().enter(address, connection)

    def leave(self, slot: Slot) -> None:
        super().leave(slot)
        if not self.total:
            self.empty.set()


class Echo(asyncio.Protocol):
    """Takes the place of the HTTP protocol: sends back what it reads."""

    def __init__(self, **arguments: Any) -> None: ...

    def take_over(self, slot: object) -> None: ...

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)  # type: ignore[attr-defined]


class Authority:
    """Issues certificates into files, and the context of a client that trusts them."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self.cert, self.key = folder / "cert.pem", folder / "key.pem"
        self.renew()

    def renew(self) -> None:
        issued = self._authority.issue_cert("localhost", "127.0.0.1")
        issued.private_key_pem.write_to_path(str(self.key))
        with self.cert.open("wb") as file:
            for part in issued.cert_chain_pems:
                file.write(part.bytes())

    def client(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self._authority.configure_trust(context)
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def on_loop(request: pytest.FixtureRequest) -> Callable[[Any], None]:
    """Runs a test on both event loops: the gateway uses uvloop where there is one."""

    def run(awaitable: Any) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(asyncio.wait_for(awaitable, DEADLINE_S))

    return run


@contextlib.asynccontextmanager
async def serving(certificates: Certificates, deadline_s: float = DEADLINE_S) -> AsyncIterator[tuple[int, Slots]]:
    slots = Slots(deadline_s)
    config = type("Config", (), {"ws_protocol_class": None})()
    arguments = {"config": config, "server_state": Server(), "app_state": {}, "_loop": None}
    tls = Tls(certificates.context, lambda host: host.startswith("localhost"))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: NewConnection(slots, Echo, dict(arguments), tls), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], slots
    finally:
        server.close()


async def echoed(port: int, client: ssl.SSLContext | None, data: bytes = b"hello", name: str | None = None) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname=name)
    writer.write(data)
    answer = await reader.read(1_024)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return answer


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_client_by_name_or_address_is_served(
    authority: Authority, on_loop: Callable[[Any], None], version: ssl.TLSVersion, name: str
) -> None:
    async def visit() -> None:
        client = authority.client()
        client.minimum_version = client.maximum_version = version
        async with serving(Certificates(authority.cert, authority.key)) as (port, _):
            assert await echoed(port, client, name=name) == b"hello"

    on_loop(visit())


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_an_old_version_of_tls_is_refused(authority: Authority, on_loop: Callable[[Any], None]) -> None:
    async def visit() -> None:
        client = authority.client()
        client.set_ciphers("ALL:@SECLEVEL=0")
        client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
        async with serving(Certificates(authority.cert, authority.key)) as (port, _):
            with pytest.raises(OSError):
                await echoed(port, client, name="localhost")

    on_loop(visit())


def test_a_renewed_certificate_is_used_and_open_connections_go_on(
    authority: Authority, on_loop: Callable[[Any], None]
) -> None:
    async def certificate_of(port: int) -> tuple[Any, Any, bytes]:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=authority.client(), server_hostname="localhost"
        )
        return reader, writer, writer.get_extra_info("ssl_object").getpeercert(binary_form=True)

    async def visit() -> None:
        certificates = Certificates(authority.cert, authority.key)
        async with serving(certificates) as (port, _):
            reader, writer, old = await certificate_of(port)
            authority.renew()
            os.utime(authority.cert, ns=(1, 1))
            assert certificates.refresh() is None
            _, other, new = await certificate_of(port)
            writer.write(b"still here")
            assert await reader.read(100) == b"still here"
            other.close()
            writer.close()
        assert old != new

    on_loop(visit())


def test_half_a_renewal_keeps_the_old_certificate(authority: Authority) -> None:
    certificates = Certificates(authority.cert, authority.key)
    old_key = authority.key.read_bytes()
    authority.renew()
    authority.key.write_bytes(old_key)
    os.utime(authority.key, ns=(1, 1))

    problem = certificates.refresh()

    assert problem == f"{authority.key} is not the key of {authority.cert}"
    assert certificates.refresh() == problem
    authority.renew()
    assert certificates.refresh() is None


def test_a_client_that_never_shakes_hands_has_a_slot_and_a_deadline(
    authority: Authority, on_loop: Callable[[Any], None]
) -> None:
    async def visit() -> None:
        async with serving(Certificates(authority.cert, authority.key), deadline_s=0.2) as (port, slots):
            for data in (b"", b"\x16\x03\x01"):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(data)
                with contextlib.suppress(ConnectionResetError):
                    assert await reader.read() == b""
                writer.close()
            await slots.empty.wait()

    on_loop(visit())


def test_deadlines_of_many_handshakes_at_once_give_back_every_slot(
    authority: Authority, on_loop: Callable[[Any], None]
) -> None:
    async def stop_halfway(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x16\x03\x01")
        with contextlib.suppress(ConnectionResetError):
            await reader.read()
        writer.close()

    async def visit() -> None:
        async with serving(Certificates(authority.cert, authority.key), deadline_s=0.05) as (port, slots):
            await asyncio.gather(*(stop_halfway(port) for _ in range(16)))
            await slots.empty.wait()

    on_loop(visit())


def test_garbage_instead_of_a_handshake_ends_the_connection(
    authority: Authority, on_loop: Callable[[Any], None]
) -> None:
    async def visit() -> None:
        async with serving(Certificates(authority.cert, authority.key)) as (port, slots):
            for data in (b"\x16" + b"\xff" * 200, b"\x16\x03\x01\x00\x05hello"):
                with contextlib.suppress(ConnectionResetError):
                    await echoed(port, None, data)
            await slots.empty.wait()

    on_loop(visit())


def test_plain_http_is_told_to_use_tls(authority: Authority, on_loop: Callable[[Any], None]) -> None:
    async def visit() -> None:
        async with serving(Certificates(authority.cert, authority.key)) as (port, slots):
            answer = await echoed(port, None, b"GET /api/devices HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
            assert b'"code":"tls_needed"' in answer
            await slots.empty.wait()

    on_loop(visit())


BROWSER = b"GET /devices/a?b=1 HTTP/1.1\r\nHost: %s\r\nAccept: text/html,*/*\r\n\r\n"


def test_a_browser_is_sent_to_https_only_at_names_of_the_gateway() -> None:
    own = plain_answer(BROWSER % b"boards.lan:3000", lambda host: host == "boards.lan:3000")
    other = plain_answer(BROWSER % b"evil.example", lambda host: False)

    assert own.startswith(b"HTTP/1.1 307 Temporary Redirect\r\n")
    assert b"\r\nlocation: https://boards.lan:3000/devices/a?b=1\r\n" in own.lower()
    assert other.startswith(b"HTTP/1.1 400 ") and b"evil" not in other


def test_the_answer_to_head_has_no_body() -> None:
    answer = plain_answer(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n", lambda host: True)

    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("request_", [b"\x00", b"", b"SSH-2.0-x\r\n", b"GET /\x00 HTTP/1.1\r\n\r\n"])
def test_what_is_not_http_gets_a_sentence_too(request_: bytes) -> None:
    assert plain_answer(request_, lambda host: True).startswith(b"HTTP/1.1 400 ")


# The settings


def test_without_settings_there_is_no_tls(authority: Authority) -> None:
    assert open_certificates(Settings()) is None
    assert open_certificates(Settings(tls="off", tls_cert=str(authority.cert))) is None
    assert not Settings(tls="off", tls_cert=str(authority.cert)).has_tls


def test_one_file_may_have_certificate_and_key(authority: Authority, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(authority.key.read_bytes() + authority.cert.read_bytes())

    assert open_certificates(Settings(tls_cert=str(both))) is not None


def test_files_that_cannot_be_used_are_a_sentence(authority: Authority, tmp_path: Path) -> None:
    def refusal(**settings: str) -> str:
        with pytest.raises(CertificateError) as refused:
            open_certificates(Settings(**settings))  # type: ignore[arg-type]
        return str(refused.value)

    (tmp_path / "text.pem").write_text("hello")
    assert refusal(tls_cert=str(tmp_path / "no.pem")) == f"{tmp_path}/no.pem cannot be read: No such file or directory"
    assert "needs --tls-cert" in refusal(tls_key=str(authority.key))
    assert "are not a certificate and its key in PEM" in refusal(tls_cert=str(tmp_path / "text.pem"))
    assert "in PEM" in refusal(tls_cert=str(authority.cert))


def test_a_key_with_a_password_is_a_sentence(authority: Authority) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(authority.key.read_bytes(), None)
    authority.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )

    with pytest.raises(CertificateError, match="protected by a password"):
        Certificates(authority.cert, authority.key)


def test_a_certificate_of_its_own_is_kept_and_trusted_as_its_own_authority(
    tmp_path: Path, on_loop: Callable[[Any], None]
) -> None:
    settings = Settings(tls="self-signed", data=str(tmp_path), allowed_hosts="boards.example.org:3000")
    certificates = open_certificates(settings)
    first = (tmp_path / "tls-cert.pem").read_bytes()
    open_certificates(settings)

    async def visit() -> None:
        assert certificates is not None
        client = ssl.create_default_context(cafile=str(tmp_path / "tls-cert.pem"))
        async with serving(certificates) as (port, _):
            for name in ("localhost", "127.0.0.1", "boards.example.org"):
                assert await echoed(port, client, name=name) == b"hello"

    on_loop(visit())
    assert (tmp_path / "tls-cert.pem").read_bytes() == first
    assert (tmp_path / "tls-key.pem").stat().st_mode & 0o777 == 0o600
