"""Web Push without a network: the example of RFC 8291, the size of messages, and which addresses are used."""

from __future__ import annotations

import base64

import msgspec
import pytest

from darvaz.gateway.alerts.outbox import MESSAGES_PER_BROWSER_MAX, AlertOutbox
from darvaz.gateway.alerts.push_addresses import (
    ENDPOINT_CHARS_MAX,
    EndpointError,
    check_addresses,
    is_public,
    parse_endpoint,
)
from darvaz.gateway.alerts.push_encryption import MESSAGE_BYTES_MAX, RECORD_BYTES, decode, encode, encrypt, public_of
from darvaz.gateway.alerts.push_payload import IDS_MAX, Payload, dump_payload
from darvaz.gateway.alerts.records import Message
from tests.support.push_service import Subscriber

ENDPOINT = "https://push.example.org/send/secret"


def message(title: str = "t", body: str = "b", **fields: list[str]) -> Message:
    return Message(id="1", channel="browser/1", unix_s=0.0, title=title, body=body, language="fa", **fields)


def test_the_example_of_the_rfc_is_encrypted_to_the_same_bytes() -> None:
    private = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
    browser = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"

    body = encrypt(
        b"When I grow up, I want to be a watermelon", decode(browser), decode("BTBZMqHH6r4Tts7J_aSIgg"), private,
        decode("DGv6ra1nlYgDCS1FRnbzlw"),
    )  # fmt: skip

    assert encode(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
        "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    assert public_of(private) == (
        "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
    )


def test_a_message_of_the_largest_size_is_one_record_and_one_byte_more_is_refused() -> None:
    browser = Subscriber("https://push.example.org")
    secret = decode(browser.as_json()["keys"]["auth"])

    body = encrypt(b"x" * MESSAGE_BYTES_MAX, browser.point, secret)

    assert len(body) == RECORD_BYTES
    assert browser.read(body) == b"x" * MESSAGE_BYTES_MAX
    with pytest.raises(ValueError, match="3993 bytes"):
        encrypt(b"x" * (MESSAGE_BYTES_MAX + 1), browser.point, secret)


@pytest.mark.parametrize(
    ("title", "body"),
    [("دما", "سرد است\n" * 1_000), ("t", '"\\\x01' * 4_000), ("🌡" * 3_000, ""), ("ع" * 120, "x" * 9_999)],
)
def test_a_long_text_is_cut_to_what_a_push_message_holds(title: str, body: str) -> None:
    data = dump_payload(message(title, body, began=[f"{number:012x}" for number in range(IDS_MAX + 1)]))

    payload = msgspec.json.decode(data, type=Payload)
    assert len(data) <= MESSAGE_BYTES_MAX
    assert title.startswith(payload.title.removesuffix("…")) and body.startswith(payload.body.removesuffix("…"))
    assert (payload.body or payload.title).endswith("…")
    assert len(payload.began) == IDS_MAX


def test_a_text_that_fits_by_a_byte_is_whole() -> None:
    empty = len(dump_payload(message("t", "")))

    whole = msgspec.json.decode(dump_payload(message("t", "x" * (MESSAGE_BYTES_MAX - empty))), type=Payload)
    cut = msgspec.json.decode(dump_payload(message("t", "x" * (MESSAGE_BYTES_MAX - empty + 1))), type=Payload)

    assert not whole.body.endswith("…") and cut.body.endswith("…")


def test_messages_that_waited_are_one_about_what_is_still_so() -> None:
    outbox = AlertOutbox()
    outbox.add([message("a", began=["1", "2"]), message("b", ended=["1"]), message("c", began=["3"])])

    (joined,) = outbox.take(0.0)

    assert (joined.began, joined.ended, joined.language) == (["2", "3"], ["1"], "fa")
    assert joined.title == "۳ پیام از دروازه"


def test_a_browser_keeps_the_newest_messages() -> None:
    outbox = AlertOutbox()
    added = [message(str(number)) for number in range(MESSAGES_PER_BROWSER_MAX + 1)]

    dropped = outbox.add(added, MESSAGES_PER_BROWSER_MAX)

    assert [each.title for each in dropped] == ["0"]


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::", "::1", "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1",
        "2002:7f00:1::", "no address",
    ],
)  # fmt: skip
def test_an_address_of_a_network_of_its_own_is_not_public(address: str) -> None:
    assert not is_public(address)


def test_a_host_of_which_one_address_is_private_is_not_sent_to() -> None:
    with pytest.raises(EndpointError):
        check_addresses(parse_endpoint(ENDPOINT, ()), ["8.8.8.8", "192.168.1.1"])


def test_a_host_that_the_operator_allows_may_be_in_the_own_network_at_any_port() -> None:
    endpoint = parse_endpoint("https://Push.lan:8443/x", ["push.lan"])

    check_addresses(endpoint, ["192.168.1.1"])
    assert (endpoint.origin, endpoint.path) == ("https://push.lan:8443", "/x")


def test_an_address_is_taken_up_to_its_length() -> None:
    longest = ENDPOINT + "x" * (ENDPOINT_CHARS_MAX - len(ENDPOINT))

    assert parse_endpoint(longest, ()).host == "push.example.org"
    with pytest.raises(EndpointError):
        parse_endpoint(longest + "x", ())


@pytest.mark.parametrize("text", ["a b", "ä", "YQ==="])
def test_another_alphabet_than_that_of_keys_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        decode(text)


def test_an_error_about_an_address_and_the_address_itself_show_no_secret() -> None:
    assert "secret" not in repr(parse_endpoint(ENDPOINT, ()))
    with pytest.raises(EndpointError) as refused:
        parse_endpoint(ENDPOINT.replace("https", "http"), ())
    assert "secret" not in str(refused.value)
    assert base64.urlsafe_b64decode(encode(b"\xff\xfe") + "=") == b"\xff\xfe"
