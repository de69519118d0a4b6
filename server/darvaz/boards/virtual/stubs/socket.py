"""A stub of `socket`: hosts are looked up through the board's network; everything else is real."""

import usocket
from _host import ask
from usocket import *  # noqa: F403 (this is all of it but one)


def getaddrinfo(host, port, *more):
    """Returns the loopback address that leads to a host; raises OSError without Wi-Fi."""
    route = ask("route", host=host, port=port)
    if "errno" in route:
        raise OSError(route["errno"])
    return usocket.getaddrinfo("127.0.0.1", route["port"], *more)
