"""Which certificates our programs trust when they ask a gateway."""

from __future__ import annotations

import ssl
from pathlib import Path


def trusting_context() -> ssl.SSLContext:
    """Returns a context for TLS that trusts the usual authorities, the system's, and those of `SSL_CERT_FILE`."""
    # Here, because few gateways have TLS.
    import certifi

    context = ssl.create_default_context(cafile=certifi.where())
    # Gateways at home have an authority of their own.
    context.load_default_certs()
    return context


def only_trusting(certificate: Path) -> ssl.SSLContext:
    """Returns a context that trusts one certificate alone, of any issuer and for any name.

    Raises `OSError`, of which `ssl.SSLError` is one, if it cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(certificate)
    return context
