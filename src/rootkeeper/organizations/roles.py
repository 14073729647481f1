"""Roles of the server's people in one of its organizations, given on the server's machine.

The people and their sign-ins are in the front's database, a person's role is in the organization's own. The two are
bound by the id of the user at the front, so a role is never given to a name that another person could get.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rootkeeper.access.rules import Identity, IdentityKind, ServerPerson, ServerRole, SignInWay
from rootkeeper.access.service import IdentityService
from rootkeeper.access.store import IdentityStore
from rootkeeper.composition.application import Application
from rootkeeper.errors import Hint, InputError
from rootkeeper.organizations.front import open_people
from rootkeeper.organizations.service import has_database
from rootkeeper.settings.reading import load_front_settings


@contextmanager
def open_known_people(config: Path | None, warn: Callable[[str], None]) -> Iterator[Application | None]:
    """Open the database of the server's people; ``None`` if it has none yet: then organizations are served alone."""
    with ExitStack() as stack:
        people = stack.enter_context(open_people(config, warn)) if has_database(load_front_settings(config)) else None
        if people is None or not people.identity_service.store.list_identities():
            people = None
            warn(
                "The server of all organizations has no users yet. Users of this organization sign in only where it is "
                "served alone."
            )
        yield people


def find_person(people: IdentityStore, name: str) -> Identity | None:
    """Find the server's user of that name; ``None`` if the server has none.

    :raises InputError: if a token of the server has that name, or the user is disabled there.
    """
    found = people.find(name)
    if found is not None and found.kind is not IdentityKind.USER:
        raise InputError(f"{found.name} is a token of the server.", hint="Choose another name.")
    if found is not None and found.disabled_at is not None:
        raise InputError(f"{found.name} is disabled at the server.", hint="Choose another name.")
    return found


@dataclass(frozen=True, slots=True)
class RoleService:
    """Gives the server's people roles in an organization."""

    people: IdentityService
    organization: IdentityService

    def give(self, name: str, role: ServerRole, add: Callable[[], Identity]) -> Identity:
        """Give a person a role. A person whom the server doesn't know is added to it first.

        If it stops in between, the server has a user without any role, and a repetition gives the role.

        :param add: adds the person to the server.
        :raises InputError: if the name is taken in the organization: also by the person, whose role can be changed
            instead.
        """
        self.organization.find_replaceable(name)
        person = find_person(self.people.store, name) or add()
        return self.organization.admit_server_user(_describe(person), role)

    def set_role(self, name: str, role: ServerRole) -> Identity:
        """Give a person another role.

        :raises InputError: if the server's user of that name has no role in the organization.
        """
        person, known = find_person(self.people.store, name), self.organization.store.get(name)
        if known.signs_in_by is SignInWay.SERVER or person is not None:
            proof_hash = None if person is None else _describe(person).proof_hash
            if proof_hash is None or self.organization.store.find_person(proof_hash) is None:
                raise InputError(
                    f"The server's user {name} has no role in this organization.",
                    hint=Hint("Add the user to the organization first.", "identity.add", name=name, role=role.value),
                )
        return self.organization.set_role(name, role)


def _describe(person: Identity) -> ServerPerson:
    return ServerPerson(person.identity_id, person.name, person.role is ServerRole.ADMINISTRATOR)
