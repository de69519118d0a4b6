"""Which certificates our programs trust when they ask a gateway."""

from __future__ import annotations

import ssl


def trusting_context() -> ssl.SSLContext:
    """Returns a context for TLS that trusts the usual authorities, the system's, and those of `SSL_CERT_FILE`."""
    # Here, because few gateways have TLS.
    import certifi

    context = ssl.create_default_context(cafile=certifi.where())
    # Gateways at home have an authority of their own.
    context.load_default_certs()
    return context
