"""Sign-ins that were begun are shared by servers and bounded, and of their secrets only hashes are kept."""

from __future__ import annotations

from datetime import timedelta

from rootkeeper.access.factor_store import SignInStart, SignInStartStore
from rootkeeper.ledger.database import Database, open_database
from tests.fakes.clock import START, FakeClock
from tests.unit.database.samples import ORGANIZATION_ID, Stage


def begin(seconds: int = 0) -> SignInStart:
    moment = START + timedelta(seconds=seconds)
    return SignInStart(moment, moment + timedelta(minutes=10), "/")


def test_what_one_server_began_another_one_finishes_once(stage: Stage, database: Database) -> None:
    clock = FakeClock()
    SignInStartStore(database.commits, ORGANIZATION_ID, clock).keep("secret-1", begin())
    with open_database(stage.url) as other:
        assert SignInStartStore(other.commits, "o-otherorgid00", clock).take("secret-1") is None
        assert SignInStartStore(other.commits, ORGANIZATION_ID, clock).take("secret-1") == begin()
    assert SignInStartStore(database.commits, ORGANIZATION_ID, clock).take("secret-1") is None


def test_no_secret_is_kept(stage: Stage, database: Database) -> None:
    SignInStartStore(database.commits, ORGANIZATION_ID, FakeClock()).keep("secret-1", begin())
    assert "secret-1" not in str(stage.query("SELECT * FROM sign_in_starts"))


def test_what_ended_and_what_is_too_much_is_forgotten(stage: Stage, database: Database) -> None:
    clock = FakeClock()
    starts = SignInStartStore(database.commits, ORGANIZATION_ID, clock, most_kept=3)
    for number in range(5):
        starts.keep(f"secret-{number}", begin(number))
    assert len(stage.query("SELECT secret_hash FROM sign_in_starts")) == 3
    assert starts.take("secret-1") is None
    assert starts.take("secret-4") == begin(4)
    clock.advance(700)
    starts.keep("secret-9", begin(700))
    assert len(stage.query("SELECT secret_hash FROM sign_in_starts")) == 1
