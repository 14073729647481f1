"""The contract of FirstAdministratorStore, in memory and in the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from rootkeeper.access.rules import Identity, IdentityKind, ServerRole
from rootkeeper.access.store import FirstAdministratorStore, IdentityStore
from rootkeeper.errors import InputError
from rootkeeper.ledger.database import open_database
from tests.contracts.stores import ORGANIZATION_ID, find_url
from tests.fakes.access import InMemoryIdentities
from tests.fakes.clock import START, FakeClock
from tests.fakes.sessions import InMemoryFirstAdministrators, new_session

ADAM = Identity("u-1", IdentityKind.USER, "adam", ServerRole.ADMINISTRATOR, "rootkeeper", START)
PASSWORD = "correct horse battery"
END = START + timedelta(days=1)


@dataclass
class Stores:
    """Links, and who is known."""

    links: FirstAdministratorStore
    identities: IdentityStore
    clock: FakeClock


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    clock = FakeClock()
    if request.param == "fake":
        identities = InMemoryIdentities(clock)
        yield Stores(InMemoryFirstAdministrators(identities, clock), identities, clock)
        return
    with open_database(find_url(request.param, request)) as database:
        links = FirstAdministratorStore(database.store, database.commits, ORGANIZATION_ID, clock)
        yield Stores(links, database.get_store(IdentityStore, ORGANIZATION_ID, clock), clock)


def test_a_link_makes_one_administrator_and_no_link_works_afterwards(stores: Stores) -> None:
    stores.links.add_link("one", END)
    stores.links.add_link("two", END)
    assert not stores.links.is_good("none")
    assert stores.links.is_good("one")
    assert stores.links.use_link("one", ADAM, PASSWORD)
    assert stores.identities.sign_in("adam", PASSWORD, new_session("rk_1")) == ADAM
    ben = replace(ADAM, identity_id="u-2", name="ben")
    for token in ("one", "two"):
        assert not stores.links.is_good(token)
        assert not stores.links.use_link(token, ben, PASSWORD)
    stores.identities.disable("adam", stores.clock.now())
    assert not stores.links.use_link("two", ben, PASSWORD)


def test_a_link_ends_after_its_day(stores: Stores) -> None:
    stores.links.add_link("one", END)
    stores.clock.advance(86400)
    assert not stores.links.is_good("one")
    assert not stores.links.use_link("one", ADAM, PASSWORD)
    assert stores.identities.list_identities() == ()


def test_a_link_is_worth_nothing_while_there_is_an_administrator_and_works_again_without(stores: Stores) -> None:
    stores.links.add_link("one", END)
    token = Identity("t-1", IdentityKind.TOKEN, "ci", ServerRole.ADMINISTRATOR, "operator", START)
    stores.identities.add_token(token, "rk_ci")
    assert not stores.links.use_link("one", ADAM, PASSWORD)
    stores.identities.disable("ci", stores.clock.now())
    assert stores.links.use_link("one", ADAM, PASSWORD)


def test_a_name_that_is_taken_leaves_the_link_as_it_is(stores: Stores) -> None:
    stores.identities.add_user(replace(ADAM, identity_id="u-9", role=ServerRole.VIEWER), PASSWORD)
    stores.links.add_link("one", END)
    with pytest.raises(InputError, match="already"):
        stores.links.use_link("one", ADAM, PASSWORD)
    assert stores.links.is_good("one")
