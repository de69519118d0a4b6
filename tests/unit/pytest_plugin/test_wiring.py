"""The wiring file of a bench: what it has is found, what it lacks skips a test, and mistakes are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from darvaz.pytest_plugin.errors import BenchError
from darvaz.pytest_plugin.wiring import BOOT_DEADLINE_S, Wiring, load_wiring

ROOT = Path(__file__).resolve().parents[3]
FULL = """
boot_deadline_s = 90

[[jumper]]
from = 15
to = 14

[connected]
"pan servo" = 16
"soil probe" = "A0"

[power]
cycle = "uhubctl --location 1-1 --ports 2 --action cycle"
"""


def load(folder: Path, text: str) -> Wiring:
    (folder / "bench.toml").write_text(text, encoding="utf-8")
    return load_wiring(folder / "bench.toml")


def test_wires_and_parts_are_found(tmp_path: Path) -> None:
    wiring = load(tmp_path, FULL)

    assert wiring.jumper_from(15) == 14
    assert wiring.part("soil probe") == "A0"
    assert wiring.power is not None and wiring.power.cycle.startswith("uhubctl")
    assert wiring.boot_deadline_s == 90


def test_bench_without_a_file_has_nothing_wired() -> None:
    wiring = load_wiring(None)

    assert wiring == Wiring()
    assert wiring.boot_deadline_s == BOOT_DEADLINE_S


def test_missing_wire_skips_the_test_and_says_which(tmp_path: Path) -> None:
    with pytest.raises(pytest.skip.Exception, match="no wire from pin 2 on this bench"):
        load(tmp_path, FULL).jumper_from(2)


def test_missing_part_skips_the_test_and_says_which(tmp_path: Path) -> None:
    with pytest.raises(pytest.skip.Exception, match="no tilt servo on this bench"):
        load(tmp_path, FULL).part("tilt servo")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[jumper]]\nfrom = 1", "missing required field `to`"),
        ("[[jumpr]]\nfrom = 1\nto = 2", "unknown field `jumpr`"),
        ("boot_deadline_s = 601", "<= 600"),
        ("boot_deadline_s = 0", "> 0"),
        ("[power]", "missing required field `cycle`"),
        ("[[jumper", "Expected"),
    ],
)
def test_mistake_in_the_file_is_named_with_the_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BenchError, match=f"bench.toml: .*{message}"):
        load(tmp_path, text)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"nowhere.toml cannot be read: No such file"):
        load_wiring(tmp_path / "nowhere.toml")


@pytest.mark.parametrize("path", sorted((ROOT / "tests/hil/benches").glob("*.toml")), ids=lambda path: path.name)
def test_every_bench_of_ours_is_well_formed(path: Path) -> None:
    load_wiring(path)
