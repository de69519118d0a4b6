"""The last seconds of a gateway that is stopped in order: its boards go to others, and no command is lost.

New commands for its boards wait until these are at another gateway; those that were sent are answered first. Then the
boards are told of a restart, and what the disk has goes into the stream of journals. Requests are answered meanwhile,
until a proxy that asks for the health of gateways sends them to others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from darvaz.gateway.cluster.journal_sender import JournalSender
from darvaz.gateway.cluster.moves import MOVE_S
from darvaz.gateway.cluster.shared_links import SharedLinks
from darvaz.gateway.parts import Parts

# For the answers of boards, and for the journal.
ANSWERS_S, JOURNAL_S = 5.0, 5.0
# In which a proxy that asks every second sees twice that this gateway is not well.
PROXY_S = 2.5
_LOOK_S = 0.02
# Between as many links, others have their turn.
_SLICE = 100


async def hand_over(parts: Parts, links: SharedLinks, journal: JournalSender) -> None:
    """Has the boards of this gateway go to others; takes `ANSWERS_S`, `MOVE_S` and `JOURNAL_S` at most."""
    end_s = asyncio.get_running_loop().time() + PROXY_S
    links.moves.is_handing_over = True
    hub, commands = parts.hub, links.commands
    await _until(lambda: not any(presence.pending for presence in hub.presences()), ANSWERS_S)
    for number, presence in enumerate(hub.presences(), 1):
        presence.link.close("restarting", "the gateway is restarting")
        if number % _SLICE == 0:
            await asyncio.sleep(0)
    await _until(lambda: not (len(links.writes) or commands.are_waiting), MOVE_S)
    await journal.send_all(JOURNAL_S)
    await asyncio.sleep(max(0.0, end_s - asyncio.get_running_loop().time()))


async def _until(is_done: Callable[[], bool], deadline_s: float) -> None:
    """Returns once something is so, or after the deadline."""
    end_s = asyncio.get_running_loop().time() + deadline_s
    # Nobody tells of each.
    while not is_done() and asyncio.get_running_loop().time() < end_s:  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_S)
