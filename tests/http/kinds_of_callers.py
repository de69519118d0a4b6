"""Every kind of caller, from nobody to an owner's page, and what each may: by hand from docs/security.md."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from darvaz.gateway.access import Grant, Role
from darvaz.gateway.layouts import Card, LayoutFields
from tests.support.app import RunningApp

# What a route is for.
OPEN, FETCH, VIEW, SEE, USE, CAMERA, ADMINISTER, CHANGE, OWN, GOVERN, LEAVE, BOARD, WATCH, ASSIST, SUBSCRIBE = range(15)
IN = 0
# Of each caller: open, fetch, view, see, use, camera, administer, change, own, govern, leave, board, watch, assist,
# subscribe.
NOBODY = (IN, 403, 401, 401, 401, 401, 401, 401, 401, 401, 401, IN, 401, 401, 401)
WRONG = (IN, 403, 401, 401, 401, 401, 401, 401, 401, 401, 401, 401, 401, 401, 401)
FOREIGN = (IN, 403, 403, 403, 403, 403, 403, 403, 403, 403, 403, 403, 403, 403, 403)
VIEWER = (IN, 403, IN, IN, 403, IN, 403, 403, 403, 403, IN, 401, IN, 403, IN)
# Of boards that it may not see, a user is told that they do not exist: test_people.py.
USER = (IN, 403, 403, IN, IN, IN, 403, 403, 403, 403, IN, 401, IN, 403, 403)
OPERATOR = (IN, 403, IN, IN, IN, IN, IN, IN, 403, 403, IN, 401, IN, IN, IN)
OWNER = (IN, 403, IN, IN, IN, IN, IN, IN, IN, IN, IN, 401, IN, IN, IN)
HERE = (IN, IN, IN, IN, IN, IN, IN, IN, IN, IN, IN, IN, IN, IN, IN)


def in_page(outcomes: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the same for a cookie in place of a header, which a board's path does not look at."""
    return (*outcomes[:BOARD], IN, *outcomes[BOARD + 1 :])


OUTCOMES: dict[str, tuple[int, ...]] = {
    "another machine": NOBODY,
    "another machine that says it is localhost": NOBODY,
    "a program of this machine": HERE,
    "an address of this machine alone": NOBODY,
    "this machine behind a proxy": NOBODY,
    "this machine by a foreign name": NOBODY,
    "a browser of this machine by a foreign name": (
        IN,
        403,
        403,
        403,
        403,
        403,
        403,
        403,
        403,
        403,
        403,
        IN,
        403,
        403,
        403,
    ),
    "a foreign page in a browser of this machine": FOREIGN,
    "a picture of a foreign page in a browser of this machine": (
        IN,
        403,
        IN,
        IN,
        403,
        IN,
        IN,
        403,
        IN,
        403,
        403,
        IN,
        IN,
        403,
        403,
    ),
    "the local token": (IN, IN, IN, IN, IN, IN, IN, IN, IN, IN, IN, 401, IN, IN, IN),
    "the local token from another machine": WRONG,
    "a viewer": VIEWER,
    "an operator": OPERATOR,
    "an owner": OWNER,
    "a user": USER,
    "a person who is a viewer": VIEWER,
    "a removed person": WRONG,
    "an operator whose author was removed": WRONG,
    "an operator whose author is a viewer now": WRONG,
    "an assistant": (IN, 403, 403, 403, 403, 403, 403, 403, 403, 403, 403, 401, 403, IN, 403),
    "an assistant by password": WRONG,
    "a viewer by password": VIEWER,
    "an operator by password": WRONG,
    "an expired viewer": WRONG,
    "an expired operator": WRONG,
    "a revoked viewer": WRONG,
    "a revoked operator": WRONG,
    "a board": (IN, 403, 401, 401, 401, 401, 401, 401, 401, 401, 401, IN, 401, 401, 401),
    "a board of another kind": WRONG,
    "an unknown token": WRONG,
    "a malformed token": WRONG,
    "an operator's token without a scheme": WRONG,
    "an operator's token in the address": WRONG,
    "the password of a proxy": NOBODY,
    "an operator's page": in_page(OPERATOR),
    "an operator's session without an origin": (IN, 403, IN, IN, 403, IN, IN, 403, 403, 403, 403, IN, IN, 403, 403),
    "an operator's session in a foreign page": FOREIGN,
    "an owner's page": in_page(OWNER),
    "a user's page": in_page(USER),
    "a user's session without an origin": (IN, 403, 403, IN, 403, IN, 403, 403, 403, 403, 403, IN, IN, 403, 403),
    "a viewer's page": in_page(VIEWER),
    "a page that shows one dashboard": in_page(USER),
    "a page whose invitation was revoked": NOBODY,
    "a page of a removed person": NOBODY,
    "a page whose session was ended": NOBODY,
    "a page whose token was revoked": NOBODY,
    "a view link": (IN, 403, 401, 401, 401, IN, 401, 401, 401, 401, 401, IN, IN, 401, 401),
    "a view link of another camera": NOBODY,
}
UNPROVEN = "127.66."
BROWSER = {"User-Agent": "Mozilla/5.0", "Accept-Language": "fa"}


@dataclass
class Calling:
    """What a caller sends, and the beginning of its addresses: each request has another, so that none is blocked."""

    headers: dict[str, str] = field(default_factory=dict)
    network: str = "10.9."
    query: str = ""


def made_callers(gateway: RunningApp) -> dict[str, Calling]:
    """Returns every caller, with tokens, sessions and links of its own."""
    tokens, operators = gateway.parts.access.tokens, gateway.parts.operators
    token = {kind: tokens.issue(kind).text for kind in ("viewer", "operator", "owner", "assistant", "pico", "esp32cam")}
    expired = {kind: tokens.issue(kind, expires_in_s=-1).text for kind in ("viewer", "operator")}
    revoked = {kind: tokens.issue(kind) for kind in ("viewer", "operator")}
    people = gateway.parts.operators.people
    user = people.add("Sara", "user", [Grant("hall", ("pan",))])
    reader = people.add("Ali", "viewer")
    removed, author, demoted = (people.add(name, "owner") for name in ("Bob", "Eve", "Dan"))
    of_person = {each.name: tokens.issue("person", person=each.person_id).text for each in (user, reader, removed)}
    made_by = {each.name: tokens.issue("operator", author=each.person_id).text for each in (author, demoted)}
    page_of = {
        each.name: operators.sessions.open("owner", None, "", None, person=each.person_id) for each in (user, removed)
    }
    bare_user = operators.sessions.open("user", None, "", None, person=user.person_id)
    people.remove(removed.person_id)
    people.remove(author.person_id)
    people.change(demoted.person_id, "Dan", "viewer", ())
    layout = gateway.parts.layouts.put(LayoutFields(title="Hall", cards=[Card(kind="camera", group="hall")]))
    shown = [operators.invitations.issue("user", layout=layout.id) for _ in range(2)]
    shared = [operators.sessions.open("user", None, "", None, invitation=each.identity) for each in shown]
    operators.invitations.revoke(shown[1].identity)
    opener = tokens.issue("operator")
    roles: tuple[Role, ...] = ("viewer", "operator", "owner")
    session = {role: operators.sessions.open(role, None, "", None) for role in roles}
    bare, foreign, ended = (operators.sessions.open("operator", None, "", None) for _ in range(3))
    of_revoked = operators.sessions.open("operator", None, "", opener.token_id)
    operators.sessions.close(ended.identity)
    for issued in (opener, *revoked.values()):
        tokens.revoke(issued.token_id)
    local: Any = {"network": "127.0."}
    page = {**BROWSER, "Origin": gateway.url}
    return {
        "another machine": Calling(),
        "another machine that says it is localhost": Calling({"X-Forwarded-For": "127.0.0.1", "Host": "localhost"}),
        "a program of this machine": Calling(**local),
        "an address of this machine alone": Calling(network=UNPROVEN),
        "this machine behind a proxy": Calling({"Via": "1.1 proxy"}, **local),
        "this machine by a foreign name": Calling({"Host": "attacker.example"}, **local),
        "a browser of this machine by a foreign name": Calling({"Host": "attacker.example", **BROWSER}, **local),
        "a foreign page in a browser of this machine": Calling({"Origin": "http://attacker.example"}, **local),
        "a picture of a foreign page in a browser of this machine": Calling(
            {"Sec-Fetch-Site": "cross-site", **BROWSER}, **local
        ),
        "the local token": Calling(bearer(operators.local_token.text), UNPROVEN),
        "the local token from another machine": Calling(bearer(operators.local_token.text)),
        "a viewer": Calling(bearer(token["viewer"])),
        "an operator": Calling(bearer(token["operator"])),
        "an owner": Calling(bearer(token["owner"])),
        "a user": Calling(bearer(of_person["Sara"])),
        "a person who is a viewer": Calling(bearer(of_person["Ali"])),
        "a removed person": Calling(bearer(of_person["Bob"])),
        "an operator whose author was removed": Calling(bearer(made_by["Eve"])),
        "an operator whose author is a viewer now": Calling(bearer(made_by["Dan"])),
        "an assistant": Calling(bearer(token["assistant"])),
        "an assistant by password": Calling(password(token["assistant"])),
        "a viewer by password": Calling(password(token["viewer"])),
        "an operator by password": Calling(password(token["operator"])),
        "an expired viewer": Calling(bearer(expired["viewer"])),
        "an expired operator": Calling(bearer(expired["operator"])),
        "a revoked viewer": Calling(bearer(revoked["viewer"].text)),
        "a revoked operator": Calling(bearer(revoked["operator"].text)),
        "a board": Calling(bearer(token["pico"])),
        "a board of another kind": Calling(bearer(token["esp32cam"])),
        "an unknown token": Calling(bearer("dvz_aaaaaaaaaa_" + "A" * 43)),
        "a malformed token": Calling(bearer("hello")),
        "an operator's token without a scheme": Calling({"Authorization": token["operator"]}),
        "an operator's token in the address": Calling(query=f"token={token['operator']}"),
        "the password of a proxy": Calling(password("of-the-proxy")),
        "an operator's page": Calling({**page, **cookie(gateway, session["operator"].text)}),
        "an operator's session without an origin": Calling({**BROWSER, **cookie(gateway, bare.text)}),
        "an operator's session in a foreign page": Calling(
            {**BROWSER, **cookie(gateway, foreign.text), "Origin": f"http://{gateway.host.partition(':')[0]}:8080"}
        ),
        "an owner's page": Calling({**page, **cookie(gateway, session["owner"].text)}),
        "a user's page": Calling({**page, **cookie(gateway, page_of["Sara"].text)}),
        "a user's session without an origin": Calling({**BROWSER, **cookie(gateway, bare_user.text)}),
        "a page that shows one dashboard": Calling({**page, **cookie(gateway, shared[0].text)}),
        "a page whose invitation was revoked": Calling({**page, **cookie(gateway, shared[1].text)}),
        "a page of a removed person": Calling({**page, **cookie(gateway, page_of["Bob"].text)}),
        "a viewer's page": Calling({**page, **cookie(gateway, session["viewer"].text)}),
        "a page whose session was ended": Calling({**page, **cookie(gateway, ended.text)}),
        "a page whose token was revoked": Calling({**page, **cookie(gateway, of_revoked.text)}),
        "a view link": Calling(query=view_link(gateway, "eye")),
        "a view link of another camera": Calling(query=view_link(gateway, "other")),
    }


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def password(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"any:{text}".encode()).decode()}


def cookie(gateway: RunningApp, text: str) -> dict[str, str]:
    return {"Cookie": f"{gateway.parts.operators.cookie_name}={text}"}


def view_link(gateway: RunningApp, camera: str) -> str:
    known = gateway.parts.devices.get(camera)
    assert known is not None
    until_s, signature = gateway.parts.operators.signer.sign(camera, since_s=known.first_seen_s)
    return f"until={until_s}&signature={signature}"
