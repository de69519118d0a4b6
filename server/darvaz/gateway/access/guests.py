"""Those who come with an invitation: they become people, or see the dashboard that it shows."""

from __future__ import annotations

from dataclasses import dataclass, field

from darvaz.gateway.access.browser_sessions import LIFE_S, BrowserSessions
from darvaz.gateway.access.decisions import INVITATION_FULL, NAME_NEEDED, NAME_TAKEN, TOO_MANY_PEOPLE, Refused
from darvaz.gateway.access.invitations import Invitation, Invitations
from darvaz.gateway.access.people import NameTakenError, People, TooManyPeopleError, tidy
from darvaz.gateway.access.roles import Role


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new browser session; `text` is the value of its cookie, and is not stored."""

    session_id: str
    role: Role
    text: str = field(repr=False)
    life_s: float = LIFE_S
    name: str = ""
    """Of the person who came with an invitation."""


class Guests:
    """Lets them in, one after the other: between the look at the uses that are left and the count there is no wait."""

    def __init__(self, people: People, invitations: Invitations, sessions: BrowserSessions) -> None:
        self._people = people
        self._invitations = invitations
        self._sessions = sessions

    def welcome(self, invitation: Invitation, address: str | None, agent: str, name: str) -> SignedIn | Refused:
        """Opens a browser session for an invitation, and counts the use; a wrong name uses nothing up."""
        if invitation.is_full:
            return INVITATION_FULL
        if invitation.layout is not None:
            made = self._sessions.open(invitation.role, address, agent, None, invitation=invitation.invitation_id)
            self._invitations.use(invitation, made.identity)
            return SignedIn(made.identity, invitation.role, made.text)
        if not tidy(name):
            return NAME_NEEDED
        try:
            person = self._people.add(name, invitation.role, invitation.grants, invitation.invitation_id)
        except NameTakenError:
            return NAME_TAKEN
        except TooManyPeopleError:
            return TOO_MANY_PEOPLE
        self._invitations.use(invitation, person.person_id)
        made = self._sessions.open(invitation.role, address, agent, None, person=person.person_id)
        return SignedIn(made.identity, person.role, made.text, name=person.name)
