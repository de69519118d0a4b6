"""A certificate that the gateway makes for itself, for the names and addresses of this machine."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from darvaz.gateway.addresses import network_address
from darvaz.text.extras import how_to_install

CERT_NAME = "tls-cert.pem"
KEY_NAME = "tls-key.pem"
# Apple's systems refuse a certificate that is valid for longer, and others may follow.
VALID_DAYS = 825
RENEW_DAYS = 30


class CertificateError(Exception):
    """The certificate cannot be used; the text says which file and why."""


def ensure_certificate(folder: Path, names: Iterable[str] = ()) -> tuple[Path, Path]:
    """Returns the files of the certificate and its key in a folder; makes them if they are missing or will expire soon.

    It is valid for this machine's names and addresses, and for the given names. Raises `CertificateError`.
    """
    cert, key = folder / CERT_NAME, folder / KEY_NAME
    try:
        from cryptography import x509
    except ImportError:
        raise CertificateError(
            f"tls=self-signed needs one more package: {how_to_install('tls')}; or give --tls-cert and --tls-key"
        ) from None
    with contextlib.suppress(OSError, ValueError):
        left = x509.load_pem_x509_certificate(cert.read_bytes()).not_valid_after_utc - datetime.now(UTC)
        if key.exists() and left > timedelta(days=RENEW_DAYS):
            return cert, key
    try:
        cert_pem, key_pem = make_certificate(datetime.now(UTC), names)
        _write(key, key_pem)
        _write(cert, cert_pem)
    except OSError as error:
        raise CertificateError(f"no certificate can be written in {folder}: {error.strerror}") from None
    return cert, key


def expires_unix_s(cert: Path) -> float | None:
    """Returns when a certificate ends, in Unix seconds; None if the library that reads it is not installed."""
    try:
        from cryptography import x509
    except ImportError:
        return None
    try:
        return x509.load_pem_x509_certificate(cert.read_bytes()).not_valid_after_utc.timestamp()
    except (OSError, ValueError):
        return None


def make_certificate(now: datetime, names: Iterable[str]) -> tuple[bytes, bytes]:
    """Returns a new certificate and its key (P-256), in PEM; any client may use it as its own authority."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Darvaz gateway")])
    hosts = [x509.DNSName(name) for name in dict.fromkeys([*_host_names(), *names])]
    addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in _addresses()]
    cert = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A board or a machine whose clock is a little slow accepts it too.
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS - 1))
        .add_extension(x509.SubjectAlternativeName([*hosts, *addresses]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    return cert.public_bytes(encoding), key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)


def _host_names() -> list[str]:
    own = socket.gethostname().lower()
    names = ["localhost", own, f"{own}.local"] if own and own.isascii() else ["localhost"]
    return list(dict.fromkeys(names))


def _addresses() -> list[str]:
    """Returns the addresses of this machine: loopback, and those at which others reach it."""
    outside = [network_address(host) for host in ("0.0.0.0", "::")]
    return list(dict.fromkeys(["127.0.0.1", "::1", *(address.partition("%")[0] for address in outside if address)]))


def _write(path: Path, data: bytes) -> None:
    """Writes a file that only its owner can read, whole or not at all."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
