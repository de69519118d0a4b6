"""Which gateway has the link of a device: claims in the order of the bucket, as they come in any order."""

from __future__ import annotations

import pytest

from darvaz.gateway.cluster.ownership import Outcome, Ownership
from darvaz.gateway.cluster.records import LinkRecord, device_of, token_of

D = "pump"


def entry(node: str, serial: int = 1, *, is_online: bool = True) -> LinkRecord:
    return LinkRecord(device=D, kind="pico", node=node, serial=serial, is_online=is_online)


def test_the_newest_link_wins_and_the_older_one_is_lost() -> None:
    owners = Ownership("a")
    claim = owners.claim(D)
    owners.confirm(D, claim.serial, 5)

    assert owners.hear(D, entry("b"), 4) is Outcome.NOTHING
    assert owners.hear(D, entry("b"), 6) is Outcome.LOST
    assert owners.claim_of(D) is None
    assert owners.owner_of(D) == "b"


@pytest.mark.parametrize(("own", "change"), [(7, Outcome.NOTHING), (5, Outcome.LOST)])
def test_a_rival_that_comes_before_the_own_revision_is_compared_with_it(own: int, change: Outcome) -> None:
    owners = Ownership("a")
    claim = owners.claim(D)

    assert owners.hear(D, entry("b"), 6) is Outcome.NOTHING
    assert owners.confirm(D, claim.serial, own) is change
    assert owners.owner_of(D) == (None if own > 6 else "b")


def test_the_own_entry_confirms_a_claim_whose_answer_was_lost() -> None:
    owners = Ownership("a")
    claim = owners.claim(D)

    owners.hear(D, entry("a", claim.serial), 3)

    assert claim.revision == 3
    assert owners.hear(D, entry("b"), 2) is Outcome.NOTHING


def test_a_link_that_ends_at_another_gateway_leaves_the_device_without_an_owner() -> None:
    owners = Ownership("a")

    assert owners.hear(D, entry("b"), 1) is Outcome.CHANGED
    assert owners.owner_of(D) == "b"
    assert owners.hear(D, entry("b", is_online=False), 2) is Outcome.CHANGED
    assert owners.owner_of(D) is None
    assert owners.revision_of(D) == 2


def test_the_end_of_an_older_link_elsewhere_does_not_touch_the_one_here() -> None:
    owners = Ownership("a")
    owners.hear(D, entry("b"), 1)
    claim = owners.claim(D)

    assert claim.base == 1
    assert owners.hear(D, entry("b", is_online=False), 2) is Outcome.NOTHING
    assert owners.claim_of(D) is claim


def test_a_deleted_entry_forgets_the_device_unless_its_link_is_newer() -> None:
    owners = Ownership("a")
    old, new = owners.claim(D), owners.claim("other")
    owners.confirm(D, old.serial, 5)
    owners.confirm("other", new.serial, 9)

    assert owners.hear(D, None, 6) is Outcome.FORGOTTEN
    assert owners.hear("other", None, 8) is Outcome.NOTHING
    assert owners.hear("unknown", None, 10) is Outcome.FORGOTTEN


def test_a_new_bucket_lacks_all_claims() -> None:
    owners = Ownership("a")
    claim = owners.claim(D)
    owners.confirm(D, claim.serial, 5)
    owners.hear("other", entry("b"), 6)

    owners.reset()

    assert (owners.claimed, claim.revision, claim.base) == ([D], None, 0)
    assert owners.owner_of("other") is None and not owners.knows("other")


@pytest.mark.parametrize("device", ["pan-tilt", "a b", "دما.۱", "=odd", "x" * 128, "*", ">", "a.b", "é"])
def test_an_id_becomes_one_part_of_a_subject_and_back(device: str) -> None:
    token = token_of(device)

    assert device_of(token) == device
    assert not set(token) & set(".*> \t") and token.isascii()


@pytest.mark.parametrize("token", ["", "=", "a.b", "=!!", "=YQ==", "=cGFu", "=__8"])
def test_what_is_not_made_of_an_id_is_refused(token: str) -> None:
    assert device_of(token) is None
