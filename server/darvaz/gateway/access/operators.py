"""Operators and viewers: what people and programs may do, by token, browser session, link or localhost."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace

from darvaz.gateway.access.browser_sessions import BrowserSession, BrowserSessions
from darvaz.gateway.access.caller import Caller
from darvaz.gateway.access.decisions import (
    ASSISTANTS_HERE,
    ASSISTANTS_ONLY,
    BEYOND_LIMITS,
    FOREIGN_HOST,
    FOREIGN_ORIGIN,
    LINK_USED,
    NO_ORIGIN,
    NO_SIGN_IN,
    NO_VIEW,
    NOT_AUTHORISED,
    NOT_PROVEN,
    OPERATORS_ONLY,
    OWNERS_ONLY,
    Admitted,
    Need,
    Refused,
)
from darvaz.gateway.access.guests import Guests, SignedIn
from darvaz.gateway.access.headers import basic_password, bearer_of, is_of_proxy
from darvaz.gateway.access.invitations import Invitations
from darvaz.gateway.access.local_token import looks_local, make_local_token
from darvaz.gateway.access.people import People
from darvaz.gateway.access.roles import Role
from darvaz.gateway.access.rules import AccessRules, closed_on_failure
from darvaz.gateway.access.sign_in_links import SignInLinks
from darvaz.gateway.access.standing import Standing
from darvaz.gateway.access.tokens import PEOPLE_KINDS, Token, Tokens
from darvaz.gateway.access.view_links import Signer


class Operators:
    """Decides about requests of people and programs; never raises."""

    def __init__(
        self, connection: sqlite3.Connection, rules: AccessRules, tokens: Tokens, unix_s: Callable[[], float]
    ) -> None:
        self.sessions = BrowserSessions(connection, unix_s)
        self.links = SignInLinks(connection, unix_s)
        self.signer = Signer(connection, unix_s)
        self.people = People(connection, unix_s)
        self.invitations = Invitations(connection, unix_s)
        self._standing = Standing(self.people, self.invitations)
        self._guests = Guests(self.people, self.invitations, self.sessions)
        self.local_token = make_local_token()
        self._connection = connection
        self._rules = rules
        self._tokens = tokens
        self._unix_s = unix_s
        self.sessions.prune()

    @property
    def cookie_name(self) -> str:
        """Returns the name of the cookie of sessions, which differs between gateways of one host."""
        return f"darvaz_{self.signer.gateway_code}"

    @property
    def state(self) -> tuple[int, int]:
        """Returns what changes with every change of a token, a session or the policy, in all processes."""
        return self._connection.total_changes, id(self._rules.policy)

    @closed_on_failure
    def admit(self, caller: Caller, need: Need) -> Admitted | Refused:
        """Decides about a request: first the page, then the identity, then the role."""
        found = self._refuse_page(caller, need) or self._identify(caller)
        if isinstance(found, Refused):
            return found
        if found.role not in need.roles:
            return _refused_role(found.role, need)
        if found.limits is not None and not need.is_limited:
            return BEYOND_LIMITS
        # SameSite cookies are not sent by other sites, but another port of this host is the same site.
        is_of_browser = found.session_id is not None or found.is_of_home_assistant
        if need.changes and is_of_browser and caller.origin is None:
            return NO_ORIGIN
        return found

    @closed_on_failure
    def admit_with_view_link(
        self, caller: Caller, device: str, until_s: int, signature: str, *, since_s: float = 0.0
    ) -> Admitted | Refused:
        """Decides about a request for one camera with a view link."""
        refused = self._refuse_page(caller, Need.VIEW)
        if refused is not None:
            return refused
        # A wrong signature is not counted as a failure: an <img> in any page can cause it.
        is_signed = self.signer.is_signed(device, until_s, signature, since_s=since_s)
        return Admitted(None, "viewer", until_s=until_s) if is_signed else NO_VIEW

    @closed_on_failure
    def sign_in(self, caller: Caller, text: str, agent: str, name: str = "") -> SignedIn | Refused:
        """Opens a browser session for the credential of an invitation, a sign-in link, or a token of a person.

        An invitation that makes people needs the name that the new person wants to have.
        """
        refused = self._refuse_page(caller, Need.LEAVE)
        if refused is not None:
            return refused
        invitation = self.invitations.check(text)
        if invitation is not None:
            return self._welcome(self._guests.welcome(invitation, caller.address, agent, name), caller)
        link = self.links.use(text)
        if link is not None and not link.is_first_use:
            return LINK_USED
        if link is not None:
            self._rules.succeed(caller)
            found = self._standing.of(link.role, link.person, link.author)
            if found is None:
                return NO_SIGN_IN
            made = self.sessions.open(link.role, caller.address, agent, None, person=link.person, author=link.author)
            return SignedIn(made.identity, found.role, made.text, name=found.name)
        return self._sign_in_with_token(caller, text, agent)

    def _sign_in_with_token(self, caller: Caller, text: str, agent: str) -> SignedIn | Refused:
        token = self._rules.check_token(caller, text, *(kind for kind in PEOPLE_KINDS if kind != "assistant"))
        if isinstance(token, Refused):
            return NO_SIGN_IN if token is NOT_AUTHORISED else token
        found = self._standing.of(_role(token), token.person, token.author)
        if found is None:
            return NO_SIGN_IN
        made = self.sessions.open(
            _role(token), caller.address, agent, token.token_id, person=token.person, author=token.author
        )
        return SignedIn(made.identity, found.role, made.text, name=found.name)

    def _welcome(self, made: SignedIn | Refused, caller: Caller) -> SignedIn | Refused:
        if isinstance(made, SignedIn):
            self._rules.succeed(caller)
        return made

    def is_of_this_machine(self, caller: Caller) -> bool:
        """Whether a caller proves that it is a program of this machine: by the local token or the system's word."""
        if not self._rules.is_trusted(caller):
            return False
        return caller.is_local_program or self.local_token.is_shown(bearer_of(caller))

    def is_still_admitted(self, admitted: Admitted) -> bool:
        """Whether a long response may continue; its token or session may have been revoked.

        If the database cannot be read, it continues.
        """
        if admitted.until_s is not None:
            return self._unix_s() < admitted.until_s
        try:
            if admitted.session_id is not None:
                session = self.sessions.find(admitted.session_id)
                return session is not None and _is_same(admitted, self._of_session(session))
            if admitted.token_id is None:
                return True
            token = self._tokens.find(admitted.token_id)
            is_live = token is not None and token.is_live(self._unix_s())
            return is_live and token is not None and _is_same(admitted, self._of_token(token))
        except sqlite3.Error:
            return True

    def may_see_all(self, session_id: str) -> bool:
        """Whether a browser session is still that of somebody who may see what is of all boards, such as alerts."""
        try:
            session = self.sessions.find(session_id)
            found = None if session is None else self._of_session(session)
        except sqlite3.Error:
            return True
        return found is not None and found.limits is None and found.role in Need.VIEW.roles

    def _of_session(self, session: BrowserSession) -> Admitted | None:
        found = self._standing.of(session.role, session.person, session.author, session.invitation)
        return found and replace(found, token_id=session.token_id, session_id=session.session_id)

    def _of_token(self, token: Token) -> Admitted | None:
        found = self._standing.of(_role(token), token.person, token.author)
        return found and replace(found, token_id=token.token_id)

    def _refuse_page(self, caller: Caller, need: Need) -> Refused | None:
        if not self._rules.is_own_page(caller) or (need.changes and caller.is_cross_site):
            return FOREIGN_ORIGIN
        return None if self._rules.is_known_name(caller) else FOREIGN_HOST

    def _identify(self, caller: Caller) -> Admitted | Refused:
        """Returns the identity: by header, else by browser session, else by Home Assistant, else by localhost.

        A local token of an earlier start counts as no header: a program may not know yet that there is a new one.
        So does the password of a proxy in front of the gateway, which browsers send on with every request.
        """
        if caller.authorization is not None and looks_local(bearer_of(caller)):
            if self._rules.is_trusted(caller) and self.local_token.is_shown(bearer_of(caller)):
                return Admitted(None, "owner")
        elif caller.authorization is not None and not is_of_proxy(caller):
            return self._check_header(caller)
        # A token in the URL is neither checked nor counted: an <img> in any page can cause it.
        if caller.has_query_token:
            return self._rules.blocked(caller) or NOT_AUTHORISED
        shown = caller.cookie_named(self.cookie_name)
        session = self.sessions.check(shown, caller.address) if shown is not None else None
        if session is not None:
            return self._of_session(session) or NOT_AUTHORISED
        if caller.is_of_home_assistant:
            return Admitted(None, "owner", is_of_home_assistant=True)
        # An old cookie is not counted as a failure: that would lock out a browser that was signed out.
        if self._rules.is_trusted(caller) and not is_of_proxy(caller):
            return Admitted(None, "owner") if caller.is_local_program else NOT_PROVEN
        return self._rules.blocked(caller) or NOT_AUTHORISED

    def _check_header(self, caller: Caller) -> Admitted | Refused:
        password = basic_password(caller)
        if password is not None:
            # Browsers store a password and send it by themselves, so it may only be that of a viewer.
            found = self._rules.check_token(caller, password, "viewer")
        else:
            found = self._rules.check_token(caller, bearer_of(caller), *PEOPLE_KINDS)
        return found if isinstance(found, Refused) else self._of_token(found) or NOT_AUTHORISED


def _role(token: Token) -> Role:
    """Returns the role of a token; of a person's, the most that it may be."""
    roles: dict[str, Role] = {"viewer": "viewer", "assistant": "assistant", "operator": "operator"}
    return roles.get(token.kind, "owner")


def _refused_role(role: Role, need: Need) -> Refused:
    if role == "assistant":
        return ASSISTANTS_HERE
    if need is Need.ASSIST:
        return ASSISTANTS_ONLY
    return OWNERS_ONLY if role == "operator" else OPERATORS_ONLY


def _is_same(admitted: Admitted, now: Admitted | None) -> bool:
    """Whether a caller may still do what it might when it was let in; with less, or more, it comes again."""
    return now is not None and (admitted.role, admitted.limits) == (now.role, now.limits)
