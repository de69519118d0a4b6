"""A challenge is answered only by who has the token, and neither answer tells it to a listener."""

from __future__ import annotations

import hashlib
import hmac
import re

import pytest

from darvaz.gateway.access import Access, AskToken, Caller, Issued, Refused
from darvaz.gateway.access.challenge import Challenge, make_challenge
from darvaz.gateway.access.credentials import digest_of, make_credential
from firmware.lib.darvaz import handshake

NONCE = "dGhlIHNhbXBsZSBub25jZQ=="
ADDRESS = "192.0.2.7"


class Board:
    """The board's half: the firmware's own module, and what it would log."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.is_refused = False
        self.end_reason = ""

    def end(self, reason: str) -> None:
        self.end_reason = reason

    def answer(self, challenge: str | None) -> dict[str, str] | None:
        made: dict[str, str] | None = handshake.make_auth(self, self.token, True, NONCE, challenge)
        return made


def caller(issued: Issued) -> Caller:
    return Caller(ADDRESS, named_token=f"{issued.token_id} {NONCE}")


def ask_challenge(access: Access, issued: Issued, kind: str = "pico") -> AskToken:
    decision = access.admit_device(caller(issued), kind)
    assert isinstance(decision, AskToken)
    return decision


def decide(access: Access, issued: Issued, ask: AskToken, text: str) -> object:
    assert ask.challenge is not None
    return access.admit_with_proof(caller(issued), "pico", ask.challenge, text)


def test_a_board_with_the_token_is_admitted_and_the_token_is_in_no_packet(access: Access) -> None:
    issued = access.tokens.issue("pico")
    secret = issued.text.rpartition("_")[2]
    ask = ask_challenge(access, issued)

    auth = Board(issued.text).answer(ask.header)

    assert auth is not None and ask.header is not None
    decision = decide(access, issued, ask, auth["proof"])
    assert getattr(decision, "token_id", None) == issued.token_id
    assert issued.text not in str(auth) + ask.header and digest_of(secret).hex() not in str(auth) + ask.header


def test_the_form_is_the_one_of_the_schema() -> None:
    # By the words of x-headers in shared/protocol.json, without our own code.
    made = make_credential()
    secret, challenge = made.text.split("_", 2)[2], Challenge(made.identity, NONCE, "ab" * 16)
    key = hashlib.sha256(secret.encode()).digest()

    shown = hmac.new(key, f"gateway {made.identity} {NONCE} {'ab' * 16}".encode(), "sha256").hexdigest()

    assert challenge.header(made.digest) == f"{'ab' * 16} {shown}"


def test_a_listener_who_repeats_an_answer_is_refused(access: Access) -> None:
    issued = access.tokens.issue("pico")
    found = Board(issued.text).answer(ask_challenge(access, issued).header)

    assert found is not None
    assert isinstance(decide(access, issued, ask_challenge(access, issued), found["proof"]), Refused)


def test_what_is_stored_does_not_answer_a_challenge(access: Access) -> None:
    issued = access.tokens.issue("pico")
    ask = ask_challenge(access, issued)
    digest = access.tokens.live_digest(issued.token_id, "pico")
    assert digest is not None and ask.challenge is not None

    for guess in (digest.hex(), ask.challenge.header(digest)[-64:], "0" * 64):
        assert isinstance(decide(access, issued, ask, guess), Refused)


@pytest.mark.parametrize("text", ["", "00", "x" * 64, "0" * 63, "0" * 66, "é" * 64, "0" * 64])
def test_a_wrong_proof_is_refused_and_counts_as_a_wrong_token(access: Access, text: str) -> None:
    issued = access.tokens.issue("pico")
    for _ in range(12):
        refused = decide(access, issued, ask_challenge(access, issued), text)

    assert isinstance(refused, Refused) and refused.status == 429
    auth = Board(issued.text).answer(ask.header) if (ask := ask_challenge(access, issued)) else None
    assert auth is not None and not isinstance(decide(access, issued, ask, auth["proof"]), Refused)


@pytest.mark.parametrize(
    "named", ["", "abcdefghij", "abcdefghij short", f"ABCDEFGHIJ {NONCE}", f"abcdefghij {NONCE}x y"]
)
def test_a_malformed_id_or_nonce_is_refused(access: Access, named: str) -> None:
    assert make_challenge(named) is None
    assert isinstance(access.admit_device(Caller(ADDRESS, named_token=named), "pico"), Refused)


def test_an_id_that_is_revoked_unknown_or_of_another_kind_is_refused(access: Access) -> None:
    revoked, camera = access.tokens.issue("pico"), access.tokens.issue("esp32cam")
    access.tokens.revoke(revoked.token_id)
    unknown = Issued("aaaaaaaaaa", "")

    for issued in (revoked, camera, unknown):
        assert isinstance(access.admit_device(caller(issued), "pico"), Refused)


def test_a_token_revoked_during_the_handshake_is_refused(access: Access) -> None:
    issued = access.tokens.issue("pico")
    ask = ask_challenge(access, issued)
    auth = Board(issued.text).answer(ask.header)
    access.tokens.revoke(issued.token_id)

    assert auth is not None and isinstance(decide(access, issued, ask, auth["proof"]), Refused)


@pytest.mark.parametrize("found", [None, "", "x", "ab" * 16, f"{'ab' * 16} {'0' * 64}"])
def test_a_board_answers_no_gateway_that_does_not_know_its_token(found: str | None) -> None:
    board = Board(make_credential().text)

    assert board.answer(found) is None
    assert board.is_refused and "prove" in board.end_reason


def test_pads_are_never_the_same(access: Access) -> None:
    issued = access.tokens.issue("pico")
    answers = [Board(issued.text).answer(ask_challenge(access, issued).header) for _ in range(50)]

    proofs = {answer["proof"] for answer in answers if answer is not None}
    assert len(proofs) == 50 and all(re.fullmatch("[0-9a-f]{64}", text) for text in proofs)


@pytest.mark.parametrize(
    ("config", "headers", "is_shown"),
    [
        ({}, {}, False),
        ({"auth": "header"}, {"Authorization"}, False),
        ({"auth": "message"}, set(), True),
        ({"auth": "proof"}, {"Darvaz-Token"}, True),
        (None, {"Darvaz-Token"}, True),
    ],
)
def test_a_board_shows_its_token_as_its_configuration_says(
    config: dict[str, str] | None, headers: set[str], is_shown: bool
) -> None:
    token = make_credential().text
    found = {"token": token, **(config or {})} if config != {} else {}

    path, sent, shown = handshake.plan_request(found, "pico")

    assert (path, set(sent)) == ("/ws/pico", set(headers))
    assert (shown == token) is is_shown
    assert "Darvaz-Token" not in sent or token.split("_", 2)[2] not in sent["Darvaz-Token"]
