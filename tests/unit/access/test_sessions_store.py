"""Sign-ins in the database; what the fake shares is in the contract."""

from __future__ import annotations

import pytest

from rootkeeper.access.rules import Identity, IdentityKind, ServerRole, SessionKind
from rootkeeper.access.store import IdentityStore, SessionStore
from rootkeeper.ledger.database import Database
from tests.fakes.clock import START, FakeClock
from tests.fakes.sessions import new_session
from tests.unit.database.samples import ORGANIZATION_ID, Stage

ANA = Identity("u-1", IdentityKind.USER, "ana", ServerRole.VIEWER, "operator", START)
SECRETS = ("canary-of-a-cookie", "canary-of-a-renewed-cookie")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sessions(database: Database, clock: FakeClock) -> SessionStore:
    database.get_store(IdentityStore, ORGANIZATION_ID, clock).add_user(ANA, "correct horse battery")
    return SessionStore(database.store, database.commits, ORGANIZATION_ID, clock)


def test_p08_no_secret_of_a_sign_in_is_in_the_database(sessions: SessionStore, stage: Stage, clock: FakeClock) -> None:
    assert sessions.begin(ANA.identity_id, new_session(SECRETS[0], SessionKind.BROWSER)) is not None
    assert sessions.renew(SECRETS[0], SECRETS[1], clock.now()) is not None
    rows = str(stage.query("SELECT * FROM sign_ins"))
    files = b"".join(path.read_bytes() for path in stage.folder.rglob("*") if path.is_file())
    assert all(secret not in rows and secret.encode() not in files for secret in SECRETS)


def test_the_last_use_is_written_at_most_once_a_minute_for_the_user_too(
    sessions: SessionStore, database: Database, clock: FakeClock
) -> None:
    sessions.begin(ANA.identity_id, new_session(SECRETS[0], SessionKind.BROWSER))
    clock.advance(59)
    found = sessions.find(SECRETS[0], SessionKind.BROWSER)
    assert found is not None
    assert found.last_used_at == START
    clock.advance(1)
    sessions.find(SECRETS[0], SessionKind.BROWSER)
    (listed,) = sessions.list_sessions()
    assert listed.last_used_at == clock.now()
    assert database.get_store(IdentityStore, ORGANIZATION_ID, clock).get("ana").last_used_at == clock.now()


def test_p21_sign_ins_of_another_organization_arent_seen(
    sessions: SessionStore, database: Database, clock: FakeClock
) -> None:
    elsewhere = SessionStore(database.store, database.commits, "o-otherorgid00", clock)
    begun = sessions.begin(ANA.identity_id, new_session(SECRETS[0], SessionKind.BROWSER))
    assert begun is not None
    assert elsewhere.begin(ANA.identity_id, new_session("another", SessionKind.BROWSER)) is None
    assert elsewhere.find(SECRETS[0], SessionKind.BROWSER) is None
    assert elsewhere.renew(SECRETS[0], SECRETS[1], clock.now()) is None
    assert elsewhere.list_sessions() == ()
    assert elsewhere.end_session(begun.session_id) is None
    assert elsewhere.end_all(ANA.identity_id) == 0
    elsewhere.end(SECRETS[0])
    assert sessions.find(SECRETS[0], SessionKind.BROWSER) is not None
