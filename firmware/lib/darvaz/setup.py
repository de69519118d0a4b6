"""The setup network: a Wi-Fi of the board's own, with one page that asks for a Wi-Fi and a gateway. Loaded while open.

WPA2 with a key that is made from the token: what is typed here is the password of a home, and who is let in chooses the
gateway. Each name is answered with the board's address, so that phones show the page by themselves (captive portal).
"""

import asyncio
import binascii
import hashlib
import json
import os
import socket

from . import assembly, facts, opening
from .assembly import PATH
from .handshake import digest
from .session import decode

OPEN_MS = 600000
HTTP_PORT = 80
DNS_PORT = 53
QUERY_BYTES_MAX = 512
HEAD_BYTES_MAX = 2048
BODY_BYTES_MAX = 1024
CLIENTS_MAX = 4
CLIENT_MS = 10000
NETWORKS_MAX = 8
# What the phone is told is read by then.
_RESTART_MS = 1500
_LOOK_MS = 200
_READ_BYTES = 512
_KEY_DIGITS = 16
_NAME_CHARS = 24
_A_IN = b"\0\1\0\1"
# The id of the device, and the form or what was done.
_PAGE = """<!DOCTYPE html><meta charset=utf-8><meta name=viewport content="width=device-width"><title>Darvaz</title>
<h1>%s</h1>%s"""
# What is wrong with what was typed, the name of the Wi-Fi, and the gateway.
_FORM = """<b>%s</b><form method=post>
<p><label>Wi-Fi (2.4 GHz) · نام وای‌فای<br><input name=ssid value="%s" required></label>
<p><label>Password · رمز وای‌فای<br><input name=password type=password></label>
<p><label>Gateway · نشانی دروازه<br><input name=gateway value="%s" required></label>
<p><button>Save · ذخیره</button></form>"""
_SAVED = "<p>Saved. The board restarts.<p dir=rtl lang=fa>ذخیره شد. برد از نو راه می‌افتد."


def network_key(token):
    """Returns the key of the network, by HKDF-Expand (RFC 5869) of what is stored of a token; None without one."""
    parts = (token or "").split("_", 2)
    if len(parts) != 3:
        return None
    return digest(hashlib.sha256(parts[2].encode()).digest(), b"darvaz setup\x01")[:_KEY_DIGITS]


# Names (RFC 1035)


def answer_name(query, address):
    """Returns the packet that answers a query for any name with an IPv4 address; None for anything else."""
    if not 17 <= len(query) <= QUERY_BYTES_MAX or query[2] & 0xF8 or query[4:6] != b"\0\1":
        return None
    at = 12
    while query[at]:
        at += 1 + query[at]
        if at + 5 > len(query):
            return None
    entry = query[12 : at + 5]
    has_address = entry[-4:] == _A_IN
    answer = b"\xc0\x0c\0\1\0\1\0\0\0\x0a\0\4" + bytes([int(part) for part in address.split(".")])
    head = query[:2] + b"\x84\0\0\1\0" + (b"\1" if has_address else b"\0") + b"\0\0\0\0"
    return head + entry + (answer if has_address else b"")


# Requests (RFC 9112)


def parse_request(data):
    """Returns (method, host, body) of a request, or None while more must come; raises ValueError for anything else."""
    head_bytes = data.find(b"\r\n\r\n")
    if head_bytes < 0 and len(data) <= HEAD_BYTES_MAX:
        return None
    lines = (decode(data[:head_bytes]) or "").split("\r\n")
    method, host, size = lines[0].partition(" ")[0], "", "0"
    is_good = head_bytes >= 0 and " HTTP/1." in lines[0]
    for line in lines[1:]:
        name, _, value = line.lower().partition(":")
        if name == "host":
            host = value.partition(":")[0].strip()
        elif name == "content-length":
            size = value.strip()
        is_good = is_good and name != "transfer-encoding"
    if not is_good or not size.isdigit() or len(size) > 4 or int(size) > BODY_BYTES_MAX:
        raise ValueError("not HTTP, or more than a form")
    body = data[head_bytes + 4 :]
    return (method, host, body[: int(size)]) if len(body) >= int(size) else None


def parse_form(body):
    """Returns the fields of a form as texts by name; raises ValueError for what no browser sends."""
    found = {}
    for field in body.split(b"&"):
        name, _, value = field.partition(b"=")
        found[_text(name)] = _text(value)
    return found


def _text(data):
    parts = data.replace(b"+", b" ").split(b"%")
    out = parts[0] + b"".join([binascii.unhexlify(part[:2]) + part[2:] for part in parts[1:]])
    text = decode(out)
    if text is None or len(out) != len(data) - 2 * (len(parts) - 1):
        raise ValueError("not UTF-8")
    return text


# Settings


def change(config, form):
    """Returns config.json with what a person chose; raises ValueError with a sentence that says what is wrong."""
    ssid, password, gateway = [form.get(name, "").strip() for name in ("ssid", "password", "gateway")]
    if not 1 <= len(ssid.encode()) <= 32:
        raise ValueError("The name of a Wi-Fi has 1 to 32 bytes")
    if 0 < len(password) < 8:
        raise ValueError("The password of a Wi-Fi has 8 characters or more")
    scheme, _, rest = gateway.rpartition("://")
    scheme = "wss" if config.get("psk") else scheme or "ws"
    gateway = scheme + "://" + rest
    opening.parse_url(gateway)
    network = {"ssid": ssid}
    if password:
        network["password"] = password
    others = [each for each in config["networks"] if each["ssid"] != ssid]
    changed = dict(config)
    changed["networks"] = [network] + others[: NETWORKS_MAX - 1]
    changed["gateways"] = [gateway]
    # Where this is wrong too, the network opens again after the next start.
    changed["by_setup"] = True
    return assembly.check_config(changed)


def page(title, ssid, gateway, problem):
    """Returns the HTML of the form."""
    return _PAGE % (_escape(title), _FORM % (_escape(problem), _escape(ssid), _escape(gateway)))


def _escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


# The network


async def serve(device, wifi):
    """Opens the network for `OPEN_MS`, or until somebody has saved settings: then the board restarts."""
    key = network_key(device.config.get("token"))
    if key is None:
        return
    wifi.leave()
    port, name = wifi.port, "darvaz-" + facts.hostname(device)[:_NAME_CHARS]
    settings = {"ssid": name, "key": key}
    security = getattr(port.WLAN, "SEC_WPA2", None)
    if security is not None:
        # The esp32 port would open it to everybody; the rp2 port has WPA2 from the start.
        settings["security"] = security
    point = port.WLAN(port.AP_IF)
    # The rp2 port reads them when the radio goes on (micropython issue 8858).
    point.config(**settings)
    point.active(True)
    address = point.ifconfig()[0]
    setup = _Setup(device, address)
    names = asyncio.create_task(setup.answer_names())
    server = await asyncio.start_server(setup.on_client, address, HTTP_PORT)
    try:
        await asyncio.sleep_ms(0)
        device.log.warning("setup: the Wi-Fi %s is open for %d s: http://%s" % (name, OPEN_MS // 1000, address))
        for _ in range(OPEN_MS // _LOOK_MS):
            await asyncio.sleep_ms(_LOOK_MS)
            if setup.is_saved:
                await asyncio.sleep_ms(_RESTART_MS)
                break
    finally:
        names.cancel()
        server.close()
        await server.wait_closed()
        point.active(False)
    device.log.info("setup: the Wi-Fi is closed")
    if setup.is_saved:
        device.outbox.save()
        device.board.reset()


class _Setup:
    """What those in the network ask for."""

    def __init__(self, device, address):
        self._device = device
        self._address = address
        # Connections that are open.
        self._clients = 0
        # Whether settings were written.
        self.is_saved = False

    async def answer_names(self):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.bind(socket.getaddrinfo(self._address, DNS_PORT)[0][-1])
            while True:
                await asyncio.sleep_ms(_LOOK_MS // 4)
                try:
                    query, source = sock.recvfrom(QUERY_BYTES_MAX + 1)
                    answer = answer_name(query, self._address)
                    if answer is not None:
                        sock.sendto(answer, source)
                except (OSError, MemoryError):
                    # Nothing has arrived.
                    pass
        finally:
            sock.close()

    async def on_client(self, reader, writer):
        self._clients += 1
        try:
            if self._clients <= CLIENTS_MAX:
                await asyncio.wait_for_ms(self._converse(reader, writer), CLIENT_MS)
        except (OSError, asyncio.TimeoutError, MemoryError):
            # It went away, or is too slow.
            pass
        finally:
            self._clients -= 1
            writer.close()
            await writer.wait_closed()

    async def _converse(self, reader, writer):
        data, request = b"", None
        try:
            while request is None:
                piece = await reader.read(_READ_BYTES)
                if not piece:
                    return
                data += piece
                request = parse_request(data)
            status, text = self._answer(request)
        except ValueError as error:
            status, text = "400 Bad Request", str(error)
        text = text.encode()
        head = "HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n" % status
        writer.write(("%sContent-Length: %d\r\nConnection: close\r\n\r\n" % (head, len(text))).encode() + text)
        await writer.drain()

    def _answer(self, request):
        method, host, body = request
        config = self._device.config
        if host != self._address:
            # What a phone asks for to find out whether there is an Internet.
            return "302 Found\r\nLocation: http://%s:%d/" % (self._address, HTTP_PORT), ""
        if method != "POST":
            return "200 OK", page(self._device.id, "", config["gateways"][0], "")
        form = parse_form(body)
        try:
            _write(change(config, form))
        except (ValueError, OSError) as error:
            return "200 OK", page(self._device.id, form.get("ssid", ""), form.get("gateway", ""), str(error))
        self.is_saved = True
        return "200 OK", _PAGE % (_escape(self._device.id), _SAVED)


def _write(config):
    with open(PATH + ".new", "w") as file:
        json.dump(config, file)
    os.rename(PATH + ".new", PATH)
