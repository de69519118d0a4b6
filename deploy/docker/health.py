"""Ends with 0 if the gateway of this container is healthy, else with 1 and a sentence."""

from __future__ import annotations

import os
import ssl
import sys
import urllib.error
import urllib.request

DEADLINE_S = 4


def main() -> int:
    """Asks /health, over TLS where the gateway speaks that."""
    port = os.environ.get("DARVAZ_PORT", "3000")
    try:
        return _ask(f"http://127.0.0.1:{port}/health")
    except urllib.error.HTTPError as error:
        if b"tls_needed" in error.read():
            return _ask(f"https://127.0.0.1:{port}/health")
        print(f"the gateway is not healthy: {error.code}")
    except OSError as error:
        print(f"the gateway does not answer: {error}")
    return 1


def _ask(url: str) -> int:
    # The certificate is for names of the network; here the gateway is asked at its own loopback address.
    tls = ssl.create_default_context()
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
    # Not by way of a proxy of the environment.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls))
    with opener.open(url, timeout=DEADLINE_S) as answer:
        answer.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
