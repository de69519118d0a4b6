"""The certificate of HTTPS: read at the start, and again when its files change; open connections go on."""

from __future__ import annotations

import contextlib
import logging
import os
import ssl
from pathlib import Path

from darvaz.gateway.http.self_signed import CertificateError, ensure_certificate, expires_unix_s
from darvaz.gateway.settings import Settings, option_name

log = logging.getLogger("darvaz.http")

# How often the files are looked at; a renewed certificate is used within this time.
LOOK_EVERY_S = 60.0


class Certificates:
    """A certificate, at `path`, and its key, as the TLS context for new connections."""

    def __init__(self, cert: Path, key: Path) -> None:
        self.path = cert
        self._key = key
        # What `refresh` last found of the files: their times and sizes.
        self._seen = _look(cert, key)
        # What was wrong with the files at the last look, so that it is logged once.
        self._problem: str | None = None
        # The context of the certificate that is in use; `refresh` replaces it.
        self._current = _load(cert, key)
        # When it ends, by the wall clock; None without the library that reads certificates.
        self.expires_unix_s = expires_unix_s(cert)
        self.context = _new_context()
        # Each handshake takes the context that is then current, so that a new certificate is used as a whole.
        self.context.sni_callback = self._choose

    def refresh(self, *, is_forced: bool = False) -> str | None:
        """Reads the files again if they have changed; returns what is wrong with them, and keeps the old ones then.

        Reads from the disk: not for the event loop.
        """
        seen = _look(self.path, self._key)
        if seen == self._seen and not is_forced:
            return None
        try:
            self._current = _load(self.path, self._key)
        except CertificateError as error:
            if str(error) != self._problem:
                log.error("= the old certificate stays in use: %s", error)
            self._problem = str(error)
            return self._problem
        self._problem = None
        self._seen, self.expires_unix_s = seen, expires_unix_s(self.path)
        log.info("= the certificate %s was read again", self.path)
        return None

    def _choose(self, connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        connection.context = self._current


def open_certificates(settings: Settings) -> Certificates | None:
    """Returns the certificate that the settings name or ask for; None if the gateway serves without TLS.

    Raises `CertificateError`.
    """
    if settings.tls == "off":
        return None
    if settings.tls == "self-signed":
        names = [entry.partition(":")[0] for entry in settings.listed("allowed_hosts")]
        return Certificates(*ensure_certificate(settings.data_path, names))
    if not settings.tls_cert:
        if settings.tls_key:
            raise CertificateError(f"{option_name('tls_key')} needs {option_name('tls_cert')}")
        return None
    cert = Path(settings.tls_cert).expanduser()
    return Certificates(cert, Path(settings.tls_key).expanduser() if settings.tls_key else cert)


def _new_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Older versions are deprecated (RFC 8996); MicroPython has 1.2.
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _load(cert: Path, key: Path) -> ssl.SSLContext:
    for path in (cert, key):
        try:
            path.open("rb").close()
        except OSError as error:
            raise CertificateError(f"{path} cannot be read: {error.strerror}") from None
    context = _new_context()
    try:
        # Without a password, OpenSSL would ask for one on the terminal.
        context.load_cert_chain(cert, key, password=_no_password)
    except _EncryptedError:
        raise CertificateError(f"{key} is protected by a password: give a key without one") from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise CertificateError(f"{key} is not the key of {cert}") from None
        raise CertificateError(f"{cert} and {key} are not a certificate and its key in PEM") from None
    except OSError as error:
        raise CertificateError(f"{cert} cannot be read: {error.strerror}") from None
    return context


class _EncryptedError(Exception):
    """A password was asked for."""


def _no_password() -> str:
    raise _EncryptedError


def _look(*paths: Path) -> list[tuple[int, int, int] | None]:
    found: list[tuple[int, int, int] | None] = []
    for path in paths:
        status: os.stat_result | None = None
        with contextlib.suppress(OSError):
            status = path.stat()
        found.append(None if status is None else (status.st_mtime_ns, status.st_ino, status.st_size))
    return found
