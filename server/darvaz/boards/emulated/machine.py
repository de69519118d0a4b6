"""One emulated Pico W: this file runs in the emulator's own environment, and imports nothing of Darvaz.

The first line of standard input has the settings, in JSON. It prints `port PATH` when the board runs, then each line of
the console after `> `. The line `copy PATH` saves the flash as it is at that moment, and is answered with `copied`.
SIGTERM is a power cut, as is the end of standard input: the flash is saved as it is then. With `record` among the
settings, what each write and erasure changes in the flash is added to that file: address, size, and the bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import secrets
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rp2040py.boards import resolve_board_spec
from rp2040py.cli.pty_repl import PtyInteractiveRepl
from rp2040py.device import MicroPythonDevice
from rp2040py.external.cyw43 import bus, nat, net
from rp2040py.utils.firmware_retrieve import MICROPYTHON

# Numbers of the radio's driver, cyw43-driver/src/cyw43_ll.c and cyw43_ctrl.c.
_SET_SSID, _SET_KEY = 26, 268
_EVENT_SET_SSID, _EVENT_KEY = 0, 46
_NO_NETWORK, _KEY_REFUSED, _HANDSHAKE_TIMEOUT = 3, 8, 15
# The group of mDNS and its port (RFC 6762, section 3), how long an answer may take, and how many may be under way.
_MDNS = ("224.0.0.251", 5353)
_ANSWER_S = 2.0
_QUERIES_MAX = 8
_DATAGRAM_BYTES_MAX = 1472
_HEADERS_BYTES = bus.SDPCM_HEADER_LEN + bus.IOCTL_HEADER_LEN
_LINE_BYTES_MAX = 4096
_COPY = "copy "
# The radio's bus: DATA and CLK (pico-sdk, src/boards/include/boards/pico_w.h).
_RADIO_PINS = (24, 29)
# How much of a board's time passes in one turn, and how much of ours: turns of a board that computes are of 5 ms.
_SLEEP_NS, _TURN_S = 8_000_000, 0.005
# What the thermometer in the chip reads, of 4095 at 3.3 V: 21 °C.
_THERMOMETER, _THERMOMETER_READS = 4, 889
# The emulator has the whole address space of a flash, a Pico W only this.
_FLASH_BYTES = 2 * 1024 * 1024
# The pin that selects the flash, among those of its bus, and what an erasure erases.
_CHIP_SELECT, _DESELECTED, _BLOCK_BYTES = 1, 1, 4096
# Where MicroPython's file system begins on a Pico W (ports/rp2/boards/RPI_PICO_W).
_FILES_AT = _FLASH_BYTES - 848 * 1024


class Radio:
    """The access point that the board finds: it refuses other names and passwords, and leads to one gateway."""

    def __init__(self, ssid: str, password: str, gateway: tuple[str, int]) -> None:
        self._ssid, self._password, self._gateway = ssid.encode(), password.encode(), gateway
        self._key = b""
        self._network = LocalNetwork(gateway[0])

    def install(self) -> None:
        """Puts it in place of the emulator's own, which takes any password and reaches any address."""
        bus._FAKE_AP_SSID = self._ssid
        nat.TcpReflector = functools.partial(nat.TcpReflector, connect_fn=self._connect)
        nat.UdpRelay = self._network.attach
        write, join = bus.GSPIBus._write_wlan, bus.GSPIBus._queue_join_events
        bus.GSPIBus._write_wlan = lambda chip, data: self._write(chip, data, write, join)
        # Decided in `_write`, where name and password are known.
        bus.GSPIBus._queue_join_events = lambda chip: None

    async def _connect(self, host: str, port: int) -> Any:
        known = {".".join(map(str, nat.GATEWAY_IP)), *self._network.answered}
        if host not in known or port != self._gateway[1]:
            raise ConnectionRefusedError(host, port)
        return await asyncio.open_connection(*self._gateway)

    def _write(self, chip: Any, data: bytes, write: Callable[..., None], join: Callable[..., None]) -> None:
        write(chip, data)
        if len(data) < _HEADERS_BYTES or data[5] & 0x0F != bus.CONTROL_HEADER:
            return
        command = int.from_bytes(data[bus.SDPCM_HEADER_LEN :][:4], "little")
        body = data[_HEADERS_BYTES:]
        if command == _SET_KEY:
            self._key = body[4 : 4 + int.from_bytes(body[:2], "little")]
        elif command == _SET_SSID:
            ssid = body[4 : 4 + int.from_bytes(body[:4], "little")]
            self._answer(chip, ssid, join)

    def _answer(self, chip: Any, ssid: bytes, join: Callable[..., None]) -> None:
        if ssid != self._ssid:
            chip.queue_rx_packet(chip._build_async_event(_EVENT_SET_SSID, _NO_NETWORK))
        elif self._key != self._password:
            chip.queue_rx_packet(chip._build_async_event(_EVENT_KEY, _KEY_REFUSED, reason=_HANDSHAKE_TIMEOUT))
        else:
            join(chip)


class LocalNetwork:
    """The datagrams of the board: questions of mDNS reach this machine's network, and nothing else leaves the emulator.

    There is no name server and no clock in it.
    """

    def __init__(self, gateway_host: str) -> None:
        self._gateway_host = gateway_host
        # The machines that answered: the board may go on to the gateway by their addresses, too.
        self.answered: set[str] = set()
        self._chip: Any = None
        self._queue: Callable[[bytes], None] = lambda frame: None
        self._open_queries = 0

    def attach(self, chip: Any, queue: Callable[[bytes], None]) -> LocalNetwork:
        """Takes the place of the emulator's relay; `queue` hands a frame to the board."""
        self._chip, self._queue = chip, queue
        return self

    def maybe_handle(self, frame: Any) -> bool:
        """Takes every datagram, and passes a question of mDNS on."""
        packet = net.parse_ipv4(frame.payload)
        datagram = net.parse_udp(packet.payload) if packet is not None else None
        if datagram is None or (".".join(map(str, packet.dst_ip)), datagram.dst_port) != _MDNS:
            return True
        if self._open_queries < _QUERIES_MAX:
            self._open_queries += 1
            self._chip.schedule_threadsafe(self._ask(frame.src_mac, packet.src_ip, datagram))
        return True

    async def _ask(self, board_mac: bytes, board_ip: bytes, query: Any) -> None:
        try:
            async with asyncio.timeout(_ANSWER_S):
                answer, host = await self._answer(query.payload)
        except (OSError, TimeoutError):
            # A network without multicast, or nobody has the name.
            return
        finally:
            self._open_queries -= 1
        self.answered.add(host)
        source = socket.inet_aton(host)
        datagram = net.pack_udp(source, board_ip, _MDNS[1], query.src_port, answer)
        packet = net.pack_ipv4(source, board_ip, net.IP_PROTO_UDP, datagram)
        self._queue(net.pack_ethernet(board_mac, nat.GATEWAY_MAC, net.ETHERTYPE_IPV4, packet))

    async def _answer(self, query: bytes) -> tuple[bytes, str]:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            # By the network that the gateway is in, where that is known; else by the usual one.
            if not self._gateway_host.startswith("127."):
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(self._gateway_host))
            await loop.sock_sendto(sock, query, _MDNS)
            answer, (host, _) = await loop.sock_recvfrom(sock, _DATAGRAM_BYTES_MAX)
            return answer, host


class QuietPins:
    """The pins of a chip, which tell Python of a change only where something listens.

    The pins of the radio's bus change four million times while its firmware is loaded, and the radio listens to them in
    machine code: the calls for nobody take a quarter of the time of a start.
    """

    def __init__(self, mcu: Any) -> None:
        bank, silent = mcu._gpio_bank, {number for number in _RADIO_PINS if not mcu.gpio[number]._listeners}
        tell = bank._world_changed

        def changed(pin: int, new: int, old: int) -> None:
            if pin not in silent:
                tell(pin, new, old)

        self._world_changed = changed
        self._bank = bank

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bank, name)


def take_longer_turns(simulator: Any) -> None:
    """Lets a board that waits sleep for some milliseconds at a time; the emulator's own turns are of one.

    Each turn looks at consoles and connections, which is a third of what a waiting board costs.
    """
    clock, take_turn = simulator.clock, simulator._execute_batch

    def take_turns() -> None:
        began_ns, until_s = clock.nanos, time.monotonic() + _TURN_S
        while not simulator.stopped and clock.nanos - began_ns < _SLEEP_NS and time.monotonic() < until_s:
            take_turn()

    simulator._execute_batch = take_turns


class FlashRecorder:
    """Adds what each write and each erasure changes in the file system to a file, at the end of its command."""

    def __init__(self, mcu: Any, path: Path) -> None:
        self._flash = mcu.flash
        self._before = self._now()
        self._file = path.open("ab")
        # The emulator carries a command out as its chip is deselected.
        mcu.qspi[_CHIP_SELECT].add_listener(lambda new, _: self._note() if new.value == _DESELECTED else None)

    def _now(self) -> bytes:
        return bytes(self._flash[_FILES_AT:_FLASH_BYTES])

    def _note(self) -> None:
        after = self._now()
        if after == self._before:
            return
        for at in range(0, len(after), _BLOCK_BYTES):
            old, new = self._before[at : at + _BLOCK_BYTES], after[at : at + _BLOCK_BYTES]
            if old != new:
                changed = [number for number in range(_BLOCK_BYTES) if old[number] != new[number]]
                data = new[changed[0] : changed[-1] + 1]
                self._file.write(struct.pack("<II", _FILES_AT + at + changed[0], len(data)) + data)
        self._file.flush()
        self._before = after


class ConsolePrinter:
    """Prints the lines of the console."""

    def __init__(self) -> None:
        self._line = bytearray()

    def add(self, data: bytes) -> None:
        """Prints what is complete; a line that is too long is cut in pieces."""
        for byte in data:
            if byte == 10 or len(self._line) >= _LINE_BYTES_MAX:
                print_line("> " + self._line.decode(errors="replace").rstrip("\r"))
                self._line.clear()
            if byte != 10:
                self._line.append(byte)


def print_line(line: str) -> None:
    """Prints a line at once, until the reader has gone."""
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def obey(flash: Any, is_off: asyncio.Event) -> None:
    """Obeys the lines of standard input; at its end the power is cut."""
    data = os.read(0, _LINE_BYTES_MAX)
    if not data:
        is_off.set()
    for line in data.decode().splitlines():
        if line.startswith(_COPY):
            save(content(flash), Path(line.removeprefix(_COPY)))
            print_line("copied")


def content(flash: Any) -> bytes:
    """Returns the part of the flash that a Pico W has."""
    return bytes(flash[:_FLASH_BYTES])


def save(flash: bytes, path: Path) -> None:
    """Writes the flash so that the old one stays until the new one is whole."""
    part = path.with_suffix(".part")
    part.write_bytes(flash)
    part.replace(path)


async def run(image: Path, kept: bytes, record: Path | None, keep: Callable[[bytes], None]) -> None:
    """Runs the board until its power is cut, with a flash that was kept, and calls `keep` with the flash."""
    device = MicroPythonDevice(board=resolve_board_spec("pico_w", MICROPYTHON, str(image)))
    # The emulator skips the time in which a board has nothing to do; its timeouts would end before anybody answers.
    device.simulator.real_io_begin()
    device.mcu.adc.channel_values[_THERMOMETER] = _THERMOMETER_READS
    # The emulator's own are the same after each start, and with them the board's id of its start.
    device.mcu.rosc.random_bit = functools.partial(secrets.randbits, 1)
    device.mcu._gpio_bank = QuietPins(device.mcu)
    take_longer_turns(device.simulator)
    device.mcu.flash[: len(kept)] = kept
    if record is not None:
        FlashRecorder(device.mcu, record)
    is_off = asyncio.Event()
    console = PtyInteractiveRepl(device.cdc, device.simulator, lambda _: is_off.set(), on_data=ConsolePrinter().add)
    await console.start()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, is_off.set)
    asyncio.get_running_loop().add_reader(0, lambda: obey(device.mcu.flash, is_off))
    await device.astart(timeout=None)
    print_line(f"port {console.slave_path}")
    waits = {asyncio.ensure_future(is_off.wait()), device.simulator._execute_task}
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    device.stop()
    # Not returned: asyncio formats the result of its task, and two megabytes take longer than all else of an end.
    keep(content(device.mcu.flash))


def main() -> None:
    """Reads the settings and runs the board."""
    settings = json.loads(sys.stdin.readline())
    gateway = (str(settings["gateway_host"]), int(settings["gateway_port"]))
    Radio(settings["ssid"], settings["password"], gateway).install()
    flash = Path(settings["flash"])
    kept = flash.read_bytes() if flash.exists() else b""
    record = Path(settings["record"]) if settings["record"] else None
    asyncio.run(run(Path(settings["image"]), kept, record, lambda data: save(data, flash)))


if __name__ == "__main__":
    main()
