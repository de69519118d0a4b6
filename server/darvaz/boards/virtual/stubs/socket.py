"""Stands in for `socket`: whoever is looked up lies behind the simulated air; everything else is real."""

import usocket
from _host import ask
from usocket import *  # noqa: F403 (this is all of it but one)


def getaddrinfo(host, port, *more):
    """Returns the way to a host through the air; without Wi-Fi there is none."""
    way = ask("route", host=host, port=port)
    if "errno" in way:
        raise OSError(way["errno"])
    return usocket.getaddrinfo("127.0.0.1", way["port"], *more)
