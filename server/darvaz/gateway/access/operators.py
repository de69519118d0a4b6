"""Operators and viewers: what people and programs may do, by token, browser session, link or localhost."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

from darvaz.gateway.access.browser_sessions import LIFE_S, BrowserSessions
from darvaz.gateway.access.caller import Caller
from darvaz.gateway.access.decisions import (
    ASSISTANTS_HERE,
    ASSISTANTS_ONLY,
    FOREIGN_HOST,
    FOREIGN_ORIGIN,
    LINK_USED,
    NO_ORIGIN,
    NO_SIGN_IN,
    NO_VIEW,
    NOT_AUTHORISED,
    NOT_PROVEN,
    OPERATORS_ONLY,
    Admitted,
    Need,
    Refused,
    Role,
)
from darvaz.gateway.access.headers import basic_password, bearer_of, is_of_proxy
from darvaz.gateway.access.local_token import looks_local, make_local_token
from darvaz.gateway.access.rules import AccessRules, closed_on_failure
from darvaz.gateway.access.sign_in_links import SignInLinks
from darvaz.gateway.access.tokens import Token, Tokens
from darvaz.gateway.access.view_links import Signer


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new browser session; `text` is the value of its cookie, and is not stored."""

    session_id: str
    role: Role
    text: str = field(repr=False)
    life_s: float = LIFE_S


class Operators:
    """Decides about requests of people and programs; never raises."""

    def __init__(
        self, connection: sqlite3.Connection, rules: AccessRules, tokens: Tokens, unix_s: Callable[[], float]
    ) -> None:
        self.sessions = BrowserSessions(connection, unix_s)
        self.links = SignInLinks(connection, unix_s)
        self.signer = Signer(connection, unix_s)
        self.local_token = make_local_token()
        self._rules = rules
        self._tokens = tokens
        self._unix_s = unix_s
        self.sessions.prune()

    @property
    def cookie_name(self) -> str:
        """Returns the name of the cookie of sessions, which differs between gateways of one host."""
        return f"darvaz_{self.signer.gateway_code}"

    @closed_on_failure
    def admit(self, caller: Caller, need: Need) -> Admitted | Refused:
        """Decides about a request: first the page, then the identity, then the role."""
        found = self._refuse_page(caller, need) or self._identify(caller)
        if isinstance(found, Refused):
            return found
        if found.role == "assistant" and need is not Need.ASSIST:
            return ASSISTANTS_HERE
        if found.role == "viewer" and need is Need.ASSIST:
            return ASSISTANTS_ONLY
        if need.is_for_operators and found.role != "operator":
            return OPERATORS_ONLY
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
    def sign_in(self, caller: Caller, text: str, agent: str) -> SignedIn | Refused:
        """Opens a browser session for the credential of a sign-in link, or a token of an operator or viewer."""
        refused = self._refuse_page(caller, Need.LEAVE)
        if refused is not None:
            return refused
        link = self.links.use(text)
        if link is not None and not link.is_first_use:
            return LINK_USED
        if link is not None:
            self._rules.succeed(caller)
            return self._open(caller, link.role, agent, None)
        found = self._rules.check_token(caller, text, "operator", "viewer")
        if isinstance(found, Refused):
            return NO_SIGN_IN if found is NOT_AUTHORISED else found
        return self._open(caller, _role(found), agent, found.token_id)

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
                return self.sessions.is_live(admitted.session_id)
            return admitted.token_id is None or self._tokens.is_live(admitted.token_id)
        except sqlite3.Error:
            return True

    def _open(self, caller: Caller, role: Role, agent: str, token_id: str | None) -> SignedIn:
        made = self.sessions.open(role, caller.address, agent, token_id)
        return SignedIn(made.identity, role, made.text)

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
                return Admitted(None)
        elif caller.authorization is not None and not is_of_proxy(caller):
            return self._check_header(caller)
        # A token in the URL is neither checked nor counted: an <img> in any page can cause it.
        if caller.has_query_token:
            return self._rules.blocked(caller) or NOT_AUTHORISED
        shown = caller.cookie_named(self.cookie_name)
        session = self.sessions.check(shown, caller.address) if shown is not None else None
        if session is not None:
            return Admitted(session.token_id, session.role, session.session_id)
        if caller.is_of_home_assistant:
            return Admitted(None, is_of_home_assistant=True)
        # An old cookie is not counted as a failure: that would lock out a browser that was signed out.
        if self._rules.is_trusted(caller) and not is_of_proxy(caller):
            return Admitted(None) if caller.is_local_program else NOT_PROVEN
        return self._rules.blocked(caller) or NOT_AUTHORISED

    def _check_header(self, caller: Caller) -> Admitted | Refused:
        password = basic_password(caller)
        if password is not None:
            # Browsers store a password and send it by themselves, so it may only be that of a viewer.
            found = self._rules.check_token(caller, password, "viewer")
        else:
            found = self._rules.check_token(caller, bearer_of(caller), "operator", "viewer", "assistant")
        return found if isinstance(found, Refused) else Admitted(found.token_id, _role(found))


def _role(token: Token) -> Role:
    roles: dict[str, Role] = {"viewer": "viewer", "assistant": "assistant"}
    return roles.get(token.kind, "operator")
