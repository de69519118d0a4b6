"""Answers in pages: the client puts them together."""

from __future__ import annotations

from typing import Any

from darvaz.client import requests
from darvaz.client.requests import Page


def test_a_page_names_the_next_one() -> None:
    page = requests.devices().read({"devices": [{"id": "a"}], "next": "a"})

    assert isinstance(page, Page) and page.following is not None
    assert (page.items, page.following.query) == ([{"id": "a"}], {"after": "a"})


def test_the_last_page_and_the_list_of_an_earlier_gateway_name_none() -> None:
    answers: list[Any] = [{"devices": [], "next": None}, {"devices": []}]

    assert [requests.devices("a").read(answer).following for answer in answers] == [None, None]
