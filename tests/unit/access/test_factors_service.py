"""Second factors: set up, given, removed and reset, each change in the ledger before it is made."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pyotp
import pytest

from rootkeeper.access.factors import FactorService, FactorVerifier, RelyingParty
from rootkeeper.access.rules import MOST_FACTORS, Factor, FactorKind, Identity, IdentityKind, ServerRole, SessionKind
from rootkeeper.access.service import AuthenticatedSession
from rootkeeper.errors import (
    DatabaseError,
    FactorRefusedError,
    InputError,
    LedgerUnavailableError,
    NotFoundError,
    NotSignedInError,
    TooManyAttemptsError,
)
from rootkeeper.organization.accounts import Endpoint
from tests.fakes.authenticators import SoftPasskey
from tests.fakes.clock import START
from tests.fakes.failures import InMemoryFailures
from tests.fakes.sessions import InMemoryFactors, SignInDesk, new_session

OLGA = Identity("u-1", IdentityKind.USER, "olga", ServerRole.OPERATOR, "test", START)
SITE = RelyingParty("localhost", "http://localhost:8700")
SANDBOX = Endpoint("SANDBOX 127.0.0.1:4599")


class Desk(SignInDesk):
    """One user in a browser, and all that keeps her factors."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.keeping = FactorService(self.factors, self.identities, self.sessions, self.ledger, self.clock)
        self.proving = FactorVerifier(self.factors, self.sessions, InMemoryFailures(self.clock), self.clock)
        self.identities.add_user(OLGA, "correct horse battery")
        self.proven = self.sign_in("one")

    def sign_in(self, secret: str) -> AuthenticatedSession:
        begun = self.sessions.begin(OLGA.identity_id, new_session(secret, SessionKind.BROWSER, self.clock.now()))
        assert begun is not None
        return AuthenticatedSession(begun, secret)

    def enrol(self) -> pyotp.TOTP:
        app = pyotp.TOTP(self.keeping.begin_totp(OLGA).seed)
        self.keeping.confirm_totp(OLGA, app.at(self.clock.now()))
        self.clock.advance(30)
        return app

    @property
    def changes(self) -> list[object]:
        return [entry.parameters["change"] for entry in self.database.entries]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_app_counts_from_its_first_code_on_and_its_seed_is_in_no_repr_and_no_ledger(desk: Desk) -> None:
    enrolment = desk.keeping.begin_totp(OLGA)
    assert enrolment.seed not in repr(enrolment)
    assert desk.keeping.list_factors(OLGA) == ()
    with pytest.raises(FactorRefusedError, match="the one that the app shows"):
        desk.keeping.confirm_totp(OLGA, "12345")
    assert desk.changes == []
    desk.keeping.confirm_totp(OLGA, pyotp.TOTP(enrolment.seed).at(desk.clock.now()))
    assert [one.kind for one in desk.keeping.list_factors(OLGA)] == [FactorKind.TOTP]
    assert desk.changes == ["factor_added"]
    assert enrolment.seed not in str(desk.database.entries)


def test_an_app_waits_a_quarter_of_an_hour_for_its_first_code(desk: Desk) -> None:
    with pytest.raises(FactorRefusedError, match="No authenticator app waits"):
        desk.keeping.confirm_totp(OLGA, "123456")
    app = pyotp.TOTP(desk.keeping.begin_totp(OLGA).seed)
    desk.clock.advance(901)
    with pytest.raises(FactorRefusedError, match="No authenticator app waits"):
        desk.keeping.confirm_totp(OLGA, app.at(desk.clock.now()))


def test_a_code_renews_the_sign_in_and_is_taken_once(desk: Desk) -> None:
    app = desk.enrol()
    code = app.at(desk.clock.now())
    renewed = desk.proving.verify_totp(desk.proven, code)
    assert renewed.secret != desk.proven.secret
    assert renewed.session.factor_at == desk.clock.now()
    with pytest.raises(FactorRefusedError):
        desk.proving.verify_totp(renewed, code)
    with pytest.raises(NotSignedInError):
        desk.proving.renew(desk.proven)


def test_the_code_that_set_the_app_up_doesnt_finish_a_sign_in_too(desk: Desk) -> None:
    app = pyotp.TOTP(desk.keeping.begin_totp(OLGA).seed)
    code = app.at(desk.clock.now())
    desk.keeping.confirm_totp(OLGA, code)
    with pytest.raises(FactorRefusedError):
        desk.proving.verify_totp(desk.proven, code)


def test_each_of_several_apps_is_taken(desk: Desk) -> None:
    apps = [desk.enrol(), desk.enrol()]
    for app in apps:
        desk.proven = desk.proving.verify_totp(desk.proven, app.at(desk.clock.now()))


def test_ten_failures_in_an_hour_are_enough_and_a_success_isnt_one(desk: Desk) -> None:
    app = desk.enrol()
    for _ in range(9):
        with pytest.raises(FactorRefusedError):
            desk.proving.verify_totp(desk.proven, "12345")
    desk.proven = desk.proving.verify_totp(desk.proven, app.at(desk.clock.now()))
    with pytest.raises(FactorRefusedError):
        desk.proving.verify_totp(desk.proven, "12345")
    desk.clock.advance(30)
    with pytest.raises(TooManyAttemptsError) as caught:
        desk.proving.verify_totp(desk.proven, app.at(desk.clock.now()))
    assert caught.value.wait_seconds == 3600 - 30
    desk.clock.advance(3600)
    desk.proven = desk.sign_in("two")
    assert desk.proving.verify_totp(desk.proven, app.at(desk.clock.now())).session.need is None


def test_p32_wrong_codes_lock_out_neither_passkeys_nor_a_known_device(desk: Desk) -> None:
    app, device = desk.enrol(), add_passkey(desk)
    for _ in range(10):
        with pytest.raises(FactorRefusedError):
            desk.proving.verify_totp(desk.proven, "12345")
    with pytest.raises(TooManyAttemptsError):
        desk.proving.verify_totp(desk.proven, "12345")
    for _ in range(20):
        with pytest.raises(FactorRefusedError):
            desk.proving.verify_passkey(desk.proven, {}, SITE)

    answer = device.prove(desk.proving.ask_passkey(desk.proven.session, SITE))
    desk.proven = desk.proving.verify_passkey(desk.proven, answer, SITE)
    desk.proving.verify_totp(desk.proven, app.at(desk.clock.now()), "device-1")


def test_guesses_that_come_at_once_are_counted_as_if_one_came_after_the_other(desk: Desk) -> None:
    desk.enrol()

    def guess(_: int) -> type[Exception]:
        time.sleep(0.001)
        with pytest.raises((FactorRefusedError, TooManyAttemptsError)) as caught:
            desk.proving.verify_totp(desk.proven, "12345")
        return caught.type

    with ThreadPoolExecutor(40) as people:
        answers = list(people.map(guess, range(40)))
    assert answers.count(FactorRefusedError) == 10


def add_passkey(desk: Desk) -> SoftPasskey:
    device = SoftPasskey(SITE.origin, SITE.host)
    options = desk.keeping.ask_new_passkey(desk.proven.session, SITE)
    desk.keeping.add_passkey(desk.proven.session, device.register(options), "blue key", SITE)
    return device


def test_a_passkey_is_set_up_and_given_once(desk: Desk) -> None:
    device = add_passkey(desk)
    answer = device.prove(desk.proving.ask_passkey(desk.proven.session, SITE))
    renewed = desk.proving.verify_passkey(desk.proven, answer, SITE)
    assert renewed.session.need is None
    with pytest.raises(FactorRefusedError):
        desk.proving.verify_passkey(renewed, answer, SITE)
    assert desk.changes == ["factor_added"]


def test_an_answer_of_a_registration_is_kept_once(desk: Desk) -> None:
    device = SoftPasskey(SITE.origin, SITE.host)
    answer = device.register(desk.keeping.ask_new_passkey(desk.proven.session, SITE))
    desk.keeping.add_passkey(desk.proven.session, answer, None, SITE)
    with pytest.raises(FactorRefusedError):
        desk.keeping.add_passkey(desk.proven.session, answer, None, SITE)
    assert len(desk.keeping.list_factors(OLGA)) == 1


def test_a_copy_that_answers_while_the_device_does_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    device = add_passkey(desk)
    answer = device.prove(desk.proving.ask_passkey(desk.proven.session, SITE))
    monkeypatch.setattr(desk.factors, "take_sign_count", lambda *_: False)
    with pytest.raises(FactorRefusedError):
        desk.proving.verify_passkey(desk.proven, answer, SITE)
    assert desk.sessions.find("one", SessionKind.BROWSER) is not None


def test_a_user_has_so_many_factors_and_no_more(desk: Desk) -> None:
    for number in range(MOST_FACTORS):
        desk.factors.begin_totp(Factor(f"f-{number}", OLGA.identity_id, FactorKind.TOTP, None, START), "SEED")
        desk.factors.confirm_totp(f"f-{number}", 1, START)
    with pytest.raises(InputError, match="already"):
        desk.keeping.begin_totp(OLGA)
    with pytest.raises(InputError, match="already"):
        desk.keeping.ask_new_passkey(desk.proven.session, SITE)


def test_a_reset_takes_everything_away_and_ends_sign_ins(desk: Desk) -> None:
    desk.enrol()
    add_passkey(desk)
    assert desk.keeping.reset("OLGA") == 2
    assert desk.keeping.list_factors(OLGA) == ()
    assert desk.sessions.find("one", SessionKind.BROWSER) is None
    assert desk.changes == ["factor_added", "factor_added", "factors_reset"]
    with pytest.raises(NotFoundError):
        desk.keeping.reset("unknown")


def test_a_reset_that_stops_halfway_leaves_no_one_signed_in(desk: Desk) -> None:
    class StoppedFactors(InMemoryFactors):
        def remove_all(self, identity_id: str) -> int:
            raise DatabaseError("It stopped here.")

    keeping = replace(desk.keeping, factors=StoppedFactors())
    with pytest.raises(DatabaseError):
        keeping.reset("olga")
    assert desk.sessions.find("one", SessionKind.BROWSER) is None


def test_a_sign_in_that_begins_while_factors_are_reset_doesnt_outlive_them(desk: Desk) -> None:
    app = desk.enrol()

    class SlowFactors(InMemoryFactors):
        def remove_all(self, identity_id: str) -> int:
            desk.proven = desk.proving.verify_totp(desk.sign_in("two"), app.at(desk.clock.now()))
            return desk.factors.remove_all(identity_id)

    assert replace(desk.keeping, factors=SlowFactors()).reset("olga") == 1
    assert desk.sessions.find(desk.proven.secret, SessionKind.BROWSER) is None


def test_without_a_ledger_no_factor_changes(desk: Desk) -> None:
    app = desk.enrol()
    desk.enrol()
    waiting = pyotp.TOTP(desk.keeping.begin_totp(OLGA).seed)
    first = desk.keeping.list_factors(OLGA)[0]
    answer = SoftPasskey(SITE.origin, SITE.host).register(desk.keeping.ask_new_passkey(desk.proven.session, SITE))
    desk.database.is_ledger_writable = False
    changes: tuple[Callable[[], object], ...] = (
        lambda: desk.keeping.confirm_totp(OLGA, waiting.at(desk.clock.now())),
        lambda: desk.keeping.add_passkey(desk.proven.session, answer, None, SITE),
        lambda: desk.keeping.remove(OLGA, first.factor_id),
        lambda: desk.keeping.reset("olga"),
    )
    for change in changes:
        with pytest.raises(LedgerUnavailableError):
            change()
    assert len(desk.keeping.list_factors(OLGA)) == 2
    assert desk.proving.verify_totp(desk.proven, app.at(desk.clock.now())).session.need is None


def test_factors_are_preset_in_a_sandbox_and_nowhere_else(desk: Desk) -> None:
    seed = "OLGAOLGAOLGAOLGAOLGAOLGAOLGAOLGA"
    for identity_id, endpoint in ((OLGA.identity_id, Endpoint("AWS")), ("u-none", SANDBOX)):
        with pytest.raises(InputError, match="sandbox"):
            desk.keeping.preset_totp(identity_id, seed, endpoint)
    desk.keeping.preset_totp(OLGA.identity_id, seed, SANDBOX)
    code = pyotp.TOTP(seed).at(desk.clock.now())
    assert desk.proving.verify_totp(desk.proven, code).session.need is None
