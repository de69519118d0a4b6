"""The decisions of `access` as data, and the policy that they follow."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Literal

from darvaz.gateway.access.challenge import Challenge
from darvaz.gateway.access.roles import CallerLimits, Role


class Need(enum.Enum):
    """What a person or a program needs to be allowed to do."""

    VIEW = "view"
    """Read what all devices report: viewers may."""
    SEE = "see"
    """Read what devices report, which the operation limits to those of the caller: viewers and users may."""
    USE = "use"
    """Send commands, which the operation limits to those of the caller: users may, and operators."""
    ADMINISTER = "administer"
    """Read tokens, sessions and settings: operators only."""
    CHANGE = "change"
    """Change something: operators only, and of pages the gateway's own only."""
    OWN = "own"
    """Read people and invitations: owners only."""
    GOVERN = "govern"
    """Change people and invitations: owners only, and of pages the gateway's own only."""
    ASSIST = "assist"
    """Use the tools of assistants: assistants and operators, and of pages the gateway's own only."""
    SUBSCRIBE = "subscribe"
    """Have one's own browser told of what all devices report: viewers may, from the gateway's own pages only."""
    LEAVE = "leave"
    """End one's own browser session: every signed-in user, from the gateway's own pages only."""

    @property
    def changes(self) -> bool:
        return self in (Need.USE, Need.CHANGE, Need.GOVERN, Need.ASSIST, Need.SUBSCRIBE, Need.LEAVE)

    @property
    def is_limited(self) -> bool:
        """Whether the operation itself keeps a caller to its own boards and commands."""
        return self in (Need.SEE, Need.USE, Need.LEAVE)

    @property
    def roles(self) -> frozenset[Role]:
        """Returns the roles that may."""
        return _ROLES[self]


_OWNERS: frozenset[Role] = frozenset({"owner"})
_OPERATORS: frozenset[Role] = _OWNERS | {"operator"}
_USERS: frozenset[Role] = _OPERATORS | {"user"}
_PEOPLE: frozenset[Role] = _USERS | {"viewer"}
_ROLES: dict[Need, frozenset[Role]] = {
    Need.VIEW: _PEOPLE,
    Need.SEE: _PEOPLE,
    Need.USE: _USERS,
    Need.ADMINISTER: _OPERATORS,
    Need.CHANGE: _OPERATORS,
    Need.OWN: _OWNERS,
    Need.GOVERN: _OWNERS,
    Need.ASSIST: _OPERATORS | {"assistant"},
    Need.SUBSCRIBE: _PEOPLE,
    Need.LEAVE: _PEOPLE,
}


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """How open the gateway is; the defaults are safe."""

    localhost_without_token: bool = True
    public_tokens: Literal["window", "always", "never"] = "window"
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    behind_proxy: bool = False

    @property
    def is_localhost_trusted(self) -> bool:
        """Behind a proxy, every request comes from this machine, so none is trusted for that."""
        return self.localhost_without_token and not self.behind_proxy


@dataclass(frozen=True, slots=True)
class Admitted:
    """Admitted: by a token, by a browser session and the token that opened it, by a view link, or otherwise.

    Without any of them, it is by Home Assistant, or from this machine.
    """

    token_id: str | None
    role: Role = "operator"
    session_id: str | None = None
    until_s: float | None = None
    device: str | None = field(default=None, compare=False)
    """The device that the token was bound to when it was checked."""
    is_of_home_assistant: bool = False
    """Let in by Home Assistant at the add-on's page."""
    person: str | None = None
    """The id of the person that it is."""
    name: str = ""
    """What that person is called."""
    limits: CallerLimits | None = None
    """The boards and commands that it may see and use; None for all that its role may."""


@dataclass(frozen=True, slots=True)
class AskToken:
    """Neither admitted nor refused yet: the first message must contain a token, or the proof of the challenge."""

    challenge: Challenge | None = None
    header: str | None = None
    """What the answer to the handshake says of the challenge: its nonce, and that the gateway knows the token."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Refused, with an HTTP status, a short stable word, a sentence for people, and when to try again."""

    status: int
    code: str
    message: str
    retry_after_s: float | None = None


# One text for a wrong, revoked, expired or malformed token and for one of another kind: an attacker learns
# nothing, and a maker all possible reasons.
NOT_AUTHORISED = Refused(
    401,
    "not_authorised",
    "a valid token is needed, as 'Authorization: Bearer <token>', never in the URL; 'darvaz token issue'"
    " on the gateway makes one",
)
FOREIGN_ORIGIN = Refused(
    403, "origin_not_allowed", "pages of this origin are not allowed; add it to DARVAZ_ALLOWED_ORIGINS"
)
FOREIGN_HOST = Refused(
    403,
    "host_not_allowed",
    "this host name is not allowed; use the IP address, or add the name to DARVAZ_ALLOWED_HOSTS",
)
# Behind a proxy that says nothing about itself, a client elsewhere looks like one of this machine.
NOT_PROVEN = Refused(
    401,
    "not_authorised",
    "an address proves nothing: sign in with the link of 'darvaz signin', or show a token of 'darvaz token issue"
    " operator', both on the gateway",
)
OTHER_DEVICE = Refused(403, "not_allowed", "this token belongs to another device")
ID_TAKEN = Refused(
    403,
    "not_allowed",
    "this id belongs to another board; use another id, or an operator revokes that board's token or forgets the device",
)
ASSISTANTS_HERE = Refused(403, "not_allowed", "a token of an assistant is for /mcp alone")
ASSISTANTS_ONLY = Refused(403, "not_allowed", "this is for assistants; darvaz token issue assistant makes a token")
OPERATORS_ONLY = Refused(403, "not_allowed", "viewers may only read; this is for operators")
OWNERS_ONLY = Refused(403, "not_allowed", "this is for owners; 'darvaz signin' on the gateway makes a link for one")
BEYOND_LIMITS = Refused(
    403, "not_allowed", "this is beyond the boards and commands that you may use; an owner can allow you more"
)
NO_ORIGIN = Refused(
    403,
    "origin_not_allowed",
    "a request that changes something with a session's cookie must have the gateway's own Origin, as in browsers",
)
NO_SIGN_IN = Refused(
    401,
    "not_authorised",
    "this link or token is wrong, expired or revoked; 'darvaz signin' on the gateway makes a link",
)
LINK_USED = Refused(
    401,
    "link_used",
    "this link was used already; if it was not you, end that session in the list of sessions and make a new link",
)
INVITATION_FULL = Refused(
    401, "invitation_full", "this invitation was used as often as it may be; ask who gave it to you for another"
)
NAME_NEEDED = Refused(409, "name_needed", "this invitation is right; send the name that you want to have here, too")
NAME_TAKEN = Refused(409, "name_taken", "somebody here has this name; choose another")
TOO_MANY_PEOPLE = Refused(409, "too_many", "there are as many people as a gateway may have; an owner can remove some")
NO_VIEW = Refused(401, "not_authorised", "this link is for another camera, or it has expired")
ENROLMENT_CLOSED = Refused(
    403, "enrolment_closed", "enrolment is closed; run 'darvaz enrol' on the gateway to open it for 15 minutes"
)
ENROLMENT_NOT_PROVEN = Refused(
    403,
    "enrolment_closed",
    "enrolment is closed, and this program may pass on what others send; run 'darvaz enrol' on the gateway to open it"
    " for 15 minutes",
)
NO_PUBLIC_TOKENS = Refused(
    403,
    "enrolment_closed",
    "this gateway does not give out tokens; run 'darvaz token issue' on the gateway to make one",
)
UNSTORED = Refused(
    503,
    "unavailable",
    "this was done, but the disk does not take it: it is lost if the gateway stops before; see /health",
    retry_after_s=10.0,
)
UNAVAILABLE = Refused(503, "unavailable", "the gateway cannot use its database; its log says why", retry_after_s=10.0)


def too_many_failures(retry_after_s: float) -> Refused:
    """Returns the refusal of an address with too many wrong tokens."""
    return Refused(429, "too_many_failures", "too many failed attempts from this address; wait", retry_after_s)


def too_many_tokens(retry_after_s: float) -> Refused:
    """Returns the refusal of an address that requests too many tokens."""
    return Refused(
        429, "too_many_tokens", "too many tokens were requested; use those that you have, or wait", retry_after_s
    )
