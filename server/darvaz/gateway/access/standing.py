"""What somebody may do now: the role of a session or token, and of the people whose it is and who made it."""

from __future__ import annotations

from darvaz.gateway.access.decisions import Admitted
from darvaz.gateway.access.invitations import Invitations
from darvaz.gateway.access.people import People
from darvaz.gateway.access.roles import Role, is_at_least, limits_of


class Standing:
    """Looks people up at each request, so that a change of their role counts from the next one on."""

    def __init__(self, people: People, invitations: Invitations) -> None:
        self._people = people
        self._invitations = invitations

    def of(
        self, role: Role, person: str | None, author: str | None, invitation: str | None = None
    ) -> Admitted | None:  # fmt: skip
        """Returns who somebody is, with the role and limits that they have now; None if they may nothing any more.

        A person has their own role, whatever the session was opened with. What a person made for others gives no more
        than that person may.
        """
        if person is author is invitation is None and role != "user":
            # The usual case, at each request of a program.
            return Admitted(None, role)
        if author is not None:
            made_by = self._people.find(author)
            if made_by is None or not is_at_least(made_by.role, role):
                return None
        if invitation is not None:
            shown = self._invitations.find(invitation)
            return None if shown is None else Admitted(None, shown.role, limits=limits_of(shown.role, (), shown.layout))
        if person is None:
            return Admitted(None, role, limits=limits_of(role, ()))
        known = self._people.find(person)
        if known is None:
            return None
        limits = limits_of(known.role, known.grants)
        return Admitted(None, known.role, person=known.person_id, name=known.name, limits=limits)
