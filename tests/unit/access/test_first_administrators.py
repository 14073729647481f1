"""Links for the first administrator in the database; what the fake shares is in the contract."""

from __future__ import annotations

from datetime import timedelta

from rootkeeper.access.rules import Identity, IdentityKind, ServerRole
from rootkeeper.access.store import FirstAdministratorStore
from rootkeeper.ledger.database import Database
from tests.fakes.clock import START, FakeClock
from tests.unit.database.samples import ORGANIZATION_ID, Stage

ADAM = Identity("u-1", IdentityKind.USER, "adam", ServerRole.ADMINISTRATOR, "rootkeeper", START)
END = START + timedelta(days=1)


def test_p08_no_link_is_in_the_database_and_one_that_ended_goes(database: Database, stage: Stage) -> None:
    clock = FakeClock()
    links = FirstAdministratorStore(database.store, database.commits, ORGANIZATION_ID, clock)
    links.add_link("canary-of-a-link", END)
    assert "canary" not in str(stage.query("SELECT * FROM first_administrator_links"))
    clock.advance(86400)
    links.add_link("another", END + timedelta(days=1))
    assert len(stage.query("SELECT token_hash FROM first_administrator_links")) == 1


def test_p21_a_link_is_good_for_its_own_organization_alone(database: Database) -> None:
    clock = FakeClock()
    links = FirstAdministratorStore(database.store, database.commits, ORGANIZATION_ID, clock)
    elsewhere = FirstAdministratorStore(database.store, database.commits, "o-otherorgid00", clock)
    links.add_link("one", END)
    assert not elsewhere.is_good("one")
    assert not elsewhere.use_link("one", ADAM, "correct horse battery")
    assert links.use_link("one", ADAM, "correct horse battery")
    elsewhere.add_link("two", END)
    assert elsewhere.is_good("two")
