"""Runs a soak: boards come, talk and vanish in every way, and nothing acknowledged may be lost.

The gateway is killed once and restarted once meanwhile. Exit status 1 and sentences if anything is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from tools.soak.course import Course
from tools.soak.gateway import GatewayError

FINDINGS_SHOWN_MAX = 20


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (10)")
    parser.add_argument("--links", type=int, default=200, help="how many boards (200)")
    parser.add_argument("--seed", type=int, default=0, help="the seed of what the boards do (0)")
    options = parser.parse_args()
    if not 0.05 <= options.minutes <= 600 or not 1 <= options.links <= 2000:
        parser.error("--minutes is from 0.05 to 600, --links from 1 to 2000")
    with tempfile.TemporaryDirectory(prefix="darvaz-soak-") as folder:
        course = Course(Path(folder), options.minutes * 60, options.links, options.seed, say)
        try:
            asyncio.run(course.run())
        except KeyboardInterrupt:
            say("stopped")
            return 130
        except GatewayError as error:
            say(str(error))
            return 1
    return tell(course)


def tell(course: Course) -> int:
    """Prints what happened and what is wrong, and returns the exit status."""
    for name, count in sorted(course.tale.counts.items()):
        say(f"  {name}: {count}")
    say(f"  pings answered: {len(course.tale.answered)}, commands executed: {len(course.tale.executed)}")
    say("  " + ", ".join(f"{name} {value}" for name, value in course.figures.items()))
    for sentence in course.findings[:FINDINGS_SHOWN_MAX]:
        say(f"wrong: {sentence}")
    say(f"{len(course.findings)} things are wrong" if course.findings else "nothing wrong")
    return 1 if course.findings else 0


def say(sentence: str) -> None:
    print(sentence, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
