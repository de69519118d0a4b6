"""Device ids: what looks alike is the same, what does not show is refused, and ids of earlier versions go on."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

import pytest

from darvaz.protocol.codec import MessageCodec
from darvaz.protocol.device_ids import DeviceIds, normal_id
from darvaz.protocol.faults import Fault
from darvaz.protocol.schema import load_schema
from firmware.lib.darvaz import checking as board_checking

RULE = load_schema()["$defs"]["device_id"]
NON_JOINER, JOINER = "\u200c", "\u200d"
COMPOSED, DECOMPOSED = "K\u00fcche", "Ku\u0308che"


HIDDEN = """
    00a0 034f 115f 1680 180b 2003 200b 202e 2060 2800 3000 3164 fe0f feff ffa0 fffc 1d159 1d173 e0041 10ffff 1b 7f 85
"""


@cache
def all_letters() -> str:
    """Returns every character but the halves of a pair; made when a test wants it, not in each process."""
    return "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000))))


@pytest.mark.parametrize("letter", [chr(int(code, 16)) for code in HIDDEN.split()])
def test_a_letter_that_does_not_show_is_refused(letter: str) -> None:
    assert normal_id(f"pan-tilt{letter}") is None


def test_no_space_and_no_control_character_of_unicode_is_part_of_an_id() -> None:
    # Signs of the category Cf before a number show: they are numbers of Arabic, Syriac and Kaithi texts.
    shown = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD, ord(NON_JOINER), ord(JOINER)}
    refused = re.compile("[" + RULE["pattern"].partition("[^")[2].removesuffix("+$"))
    hidden = refused.sub("", all_letters())

    assert [char for char in hidden if unicodedata.category(char) in ("Cc", "Cf", "Zs", "Zl", "Zp", "Co")
            and ord(char) not in shown] == []  # fmt: skip


def test_a_board_refuses_the_same_letters() -> None:
    refused = re.compile("[" + RULE["pattern"].partition("[^")[2].removesuffix("+$") + "+")
    every = all_letters()
    edges = {at for found in refused.finditer(every) for at in (*found.span(), found.start() - 1, found.end() - 1)}
    letters = {every[at] for at in edges if 0 <= at < len(every)} | set("aé•ش😀.")

    assert {letter for letter in letters if board_checking._is_device_id(f"a{letter}")} == {
        letter for letter in letters if refused.match(letter) is None
    }


def test_composed_and_decomposed_are_one() -> None:
    assert normal_id(DECOMPOSED) == normal_id(COMPOSED) == COMPOSED


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        (f"pan-tilt{NON_JOINER}", "pan-tilt"),
        (f"pan{JOINER}-tilt", "pan-tilt"),
        # It shows after a letter that joins its left neighbour, and not after one that does not.
        (f"گل{NON_JOINER}خانه", f"گل{NON_JOINER}خانه"),
        (f"گل{NON_JOINER}{NON_JOINER}خانه", f"گل{NON_JOINER}خانه"),
        (f"کار{NON_JOINER}خانه", "کارخانه"),
        (f"گل{NON_JOINER}", "گل"),
        (f"क्{JOINER}ष", f"क्{JOINER}ष"),
    ],
)
def test_a_joiner_stays_where_it_shows(text: str, normal: str) -> None:
    assert normal_id(text) == normal
    assert normal_id(normal) == normal


@pytest.mark.parametrize("text", ["", NON_JOINER, ".", "..", "x" * 65, "a\n", "a/b", "\u0958" * 64])
def test_what_is_not_an_id_means_no_device(text: str) -> None:
    assert normal_id(text) is None
    assert DeviceIds().resolve(text) is None
    assert DeviceIds().find(text) == text


def test_ids_of_an_earlier_version_go_on() -> None:
    ids = DeviceIds()

    kept = ids.keep(["pico", "pan-tilt\u2003", DECOMPOSED])

    assert kept == sorted(["pan-tilt\u2003", DECOMPOSED])
    assert ids.resolve("pan-tilt\u2003") == "pan-tilt\u2003"
    assert ids.resolve("pan-tilt\u3000") is None
    # A board that now spells its name the other way is the device that was known before.
    assert ids.resolve(COMPOSED) == ids.resolve(DECOMPOSED) == DECOMPOSED


def test_two_known_spellings_stay_two_devices() -> None:
    ids = DeviceIds()

    ids.keep([COMPOSED, DECOMPOSED])

    assert (ids.resolve(COMPOSED), ids.resolve(DECOMPOSED)) == (COMPOSED, DECOMPOSED)


def test_a_board_with_a_kept_id_may_connect() -> None:
    protocol = MessageCodec()
    text = '{"type":"connect","device":"pan-tilt\u2003","version":"1"}'
    assert isinstance(protocol.parse(text), Fault)

    protocol.device_ids.keep(["pan-tilt\u2003"])

    message: Any = protocol.parse(text)
    assert (message.device, message.version) == ("pan-tilt\u2003", "1")
    assert isinstance(protocol.parse('{"type":"connect","device":"pan-tilt\u3000"}'), Fault)
    assert isinstance(protocol.parse('{"type":"connect","device":"pan-tilt\u2003","version":1}'), Fault)
