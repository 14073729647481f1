"""Adding users and tokens, and signing in."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from rootkeeper.access.rules import Identity, IdentityKind, Permission, ServerRole, SessionKind, TokenScope
from rootkeeper.access.service import ClientOrigin, IdentityService, SignInService, make_secret
from rootkeeper.errors import InputError, LedgerUnavailableError, NotFoundError, NotSignedInError, TooManyAttemptsError
from rootkeeper.ledger.rules import Action, Actor, ActorKind
from tests.fakes.access import InMemoryIdentities
from tests.fakes.clock import START, FakeClock
from tests.fakes.databases import FakeDatabase, FakeLedger
from tests.fakes.failures import InMemoryFailures

PASSWORD = "correct horse battery"


class Desk:
    """An administrator and what is kept."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.database = FakeDatabase(self.clock)
        self.store = InMemoryIdentities(self.clock)
        actor = Actor("admin", ActorKind.SIGNED_IN)
        self.keeping = IdentityService(self.store, FakeLedger(self.database, "here"), self.clock, actor)
        self.signing_in = SignInService(self.store, self.clock, InMemoryFailures(self.clock))

    def sign_in(self, name: str = "ana", password: str = PASSWORD, address: str = "127.0.0.1") -> Identity:
        return self.signing_in.sign_in(name, password, ClientOrigin(address)).identity


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_user_is_recorded_before_it_is_kept_and_without_the_password(desk: Desk) -> None:
    added = desk.keeping.add_user("ana", ServerRole.APPROVER, PASSWORD)
    (entry,) = desk.database.entries
    assert (added.kind, added.role, added.created_by) == (IdentityKind.USER, ServerRole.APPROVER, "admin")
    assert entry.action is Action.IDENTITY_ADD
    assert (entry.parameters["name"], entry.parameters["role"]) == ("ana", "approver")
    assert PASSWORD not in str(entry)


def test_a_token_is_random_acts_at_once_and_isnt_in_the_ledger(desk: Desk) -> None:
    made = desk.keeping.create_token("ci", ServerRole.AUDITOR, START + timedelta(days=1))
    assert made.token.startswith("rk_")
    assert len(made.token) > 40
    assert made.token != make_secret(SessionKind.TOKEN)
    assert desk.store.find_by_token(made.token) is not None
    assert made.token not in f"{desk.database.entries} {made!r}"


@pytest.mark.parametrize("name", ["ana", "ANA", "x", "rootkeeper", "a b"])
def test_a_name_that_is_taken_or_cant_be_one_is_neither_recorded_nor_kept(desk: Desk, name: str) -> None:
    desk.keeping.add_user("ana", ServerRole.VIEWER, PASSWORD)
    recorded = len(desk.database.entries)
    with pytest.raises(InputError):
        desk.keeping.create_token(name, ServerRole.VIEWER)
    with pytest.raises(InputError):
        desk.keeping.add_user(name, ServerRole.VIEWER, PASSWORD)
    assert len(desk.database.entries) == recorded
    assert len(desk.store.list_identities()) == 1


def test_a_weak_password_is_refused_before_anything_is_recorded(desk: Desk) -> None:
    with pytest.raises(InputError):
        desk.keeping.add_user("ana", ServerRole.VIEWER, "short")
    desk.keeping.add_user("ben", ServerRole.VIEWER, PASSWORD)
    with pytest.raises(InputError):
        desk.keeping.set_password("ben", "ben ben ben ben")
    assert len(desk.database.entries) == 1


def test_a_token_cant_end_before_it_begins(desk: Desk) -> None:
    with pytest.raises(InputError, match="end of the token is in the past"):
        desk.keeping.create_token("ci", ServerRole.VIEWER, START)
    assert desk.database.entries == []


def test_without_a_ledger_nothing_changes(desk: Desk) -> None:
    desk.keeping.add_user("ana", ServerRole.VIEWER, PASSWORD)
    desk.database.is_ledger_writable = False
    for change in (
        lambda: desk.keeping.add_user("ben", ServerRole.VIEWER, PASSWORD),
        lambda: desk.keeping.create_token("ci", ServerRole.VIEWER),
        lambda: desk.keeping.set_role("ana", ServerRole.ADMINISTRATOR),
        lambda: desk.keeping.set_password("ana", PASSWORD + "!"),
        lambda: desk.keeping.disable("ana"),
    ):
        with pytest.raises(LedgerUnavailableError):
            change()
    (ana,) = desk.store.list_identities()
    assert (ana.role, ana.disabled_at) == (ServerRole.VIEWER, None)
    assert desk.sign_in().name == "ana"


def test_each_change_is_recorded_with_what_it_was(desk: Desk) -> None:
    desk.keeping.add_user("ana", ServerRole.VIEWER, PASSWORD)
    desk.keeping.set_role("ana", ServerRole.OPERATOR)
    desk.keeping.set_password("ana", "another horse battery")
    desk.keeping.disable("ana")
    desk.keeping.disable("ana")
    changes = [entry for entry in desk.database.entries if entry.action is Action.IDENTITY_CHANGE]
    assert [entry.parameters["change"] for entry in changes] == ["role", "sign_in", "disabled"]
    assert changes[0].parameters["new_role"] == "operator"


def test_a_token_is_revoked_as_a_token_and_a_user_disabled_as_a_user(desk: Desk) -> None:
    desk.keeping.add_user("ana", ServerRole.VIEWER, PASSWORD)
    desk.keeping.create_token("ci", ServerRole.VIEWER)
    with pytest.raises(NotFoundError, match="is a user"):
        desk.keeping.disable("ana", IdentityKind.TOKEN)
    with pytest.raises(NotFoundError, match="is a token"):
        desk.keeping.set_role("ci", ServerRole.ADMINISTRATOR)
    desk.keeping.disable("ci", IdentityKind.TOKEN)
    assert [one.disabled_at for one in desk.keeping.store.list_identities()] == [START, None]


@pytest.mark.parametrize("kind", SessionKind)
def test_a_sign_in_begins_for_twelve_hours_of_the_kind_that_was_asked_for(desk: Desk, kind: SessionKind) -> None:
    desk.keeping.add_user("ana", ServerRole.VIEWER, PASSWORD)
    found = desk.signing_in.sign_in("Ana", PASSWORD, ClientOrigin("127.0.0.1", "Browser\x1b 1"), kind)
    assert found.expires_at == START + timedelta(hours=12)
    assert found.token not in repr(found)
    (begun,) = desk.store.sign_ins.values()
    assert (begun.kind, begun.address, begun.user_agent) == (kind, "127.0.0.1", "Browser? 1")
    assert desk.store.find_by_token(found.token) is None


def test_every_failure_to_sign_in_reads_alike(desk: Desk) -> None:
    desk.keeping.add_user("ana", ServerRole.VIEWER, PASSWORD)
    desk.keeping.add_user("gone", ServerRole.VIEWER, PASSWORD)
    desk.keeping.disable("gone")
    made = desk.keeping.create_token("ci", ServerRole.VIEWER)
    reported = set()
    for name, password in (("ana", "wrong"), ("unknown", PASSWORD), ("gone", PASSWORD), ("ci", made.token)):
        with pytest.raises(NotSignedInError) as caught:
            desk.sign_in(name, password)
        reported.add((caught.value.message, caught.value.hint))
    assert len(reported) == 1


def test_too_many_wrong_passwords_make_a_name_wait_and_leave_others_alone(desk: Desk) -> None:
    desk.keeping.add_user("ana", ServerRole.VIEWER, PASSWORD)
    desk.keeping.add_user("ben", ServerRole.VIEWER, PASSWORD)
    for number in range(10):
        with pytest.raises(NotSignedInError):
            desk.sign_in("ANA" if number % 2 else "ana", "wrong", f"10.0.0.{number}")
    with pytest.raises(TooManyAttemptsError):
        desk.sign_in("ana", PASSWORD)
    assert desk.sign_in("ben").name == "ben"
    desk.clock.advance(5)
    assert desk.sign_in("ana").name == "ana"


def test_the_wait_grows_with_each_further_failure_and_stays_short(desk: Desk) -> None:
    waits: list[int | None] = []
    for _ in range(16):
        with pytest.raises((NotSignedInError, TooManyAttemptsError)) as caught:
            desk.sign_in("ana", "wrong")
        if isinstance(caught.value, TooManyAttemptsError):
            waits.append(caught.value.wait_seconds)
            desk.clock.advance(waits[-1] or 0)
            with pytest.raises(NotSignedInError):
                desk.sign_in("ana", "wrong")
    assert waits == [5, 10, 20, 40, 60, 60]


def test_p32_a_known_device_is_exempt_from_the_failures_of_others_and_has_a_limit_of_its_own(desk: Desk) -> None:
    desk.keeping.add_user("ana", ServerRole.VIEWER, PASSWORD)
    for _ in range(10):
        with pytest.raises(NotSignedInError):
            desk.sign_in("ana", "wrong")
    here = ClientOrigin("127.0.0.1")
    for _ in range(9):
        with pytest.raises(NotSignedInError):
            desk.signing_in.sign_in("ana", "wrong", here, device_id="device-1")
    assert desk.signing_in.sign_in("ana", PASSWORD, here, device_id="device-1").identity.name == "ana"
    with pytest.raises(NotSignedInError):
        desk.signing_in.sign_in("ana", "wrong", here, device_id="device-1")
    with pytest.raises(TooManyAttemptsError):
        desk.signing_in.sign_in("ana", PASSWORD, here, device_id="device-1")


def test_addresses_of_one_ipv6_network_count_together(desk: Desk) -> None:
    for number in range(50):
        with pytest.raises(NotSignedInError):
            desk.sign_in(f"guess-{number}", "wrong", f"2001:db8:0:1::{number:x}")
    with pytest.raises(TooManyAttemptsError):
        desk.sign_in("ana", PASSWORD, "2001:db8:0:1:ffff::1")
    for other in ("2001:db8:0:2::1", "::ffff:192.0.2.1", "::ffff:192.0.2.2"):
        with pytest.raises(NotSignedInError):
            desk.sign_in(f"of {other}", "wrong", other)


def test_too_many_wrong_passwords_make_an_address_wait(desk: Desk) -> None:
    desk.keeping.add_user("ana", ServerRole.VIEWER, PASSWORD)
    for number in range(50):
        with pytest.raises(NotSignedInError):
            desk.sign_in(f"guess-{number}", "wrong", "10.0.0.9")
    with pytest.raises(TooManyAttemptsError):
        desk.sign_in("ana", PASSWORD, "10.0.0.9")
    assert desk.sign_in("ana", PASSWORD, "10.0.0.8").name == "ana"


def test_guesses_that_come_at_once_are_counted_as_if_one_came_after_the_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.keeping.add_user("ana", ServerRole.VIEWER, PASSWORD)
    checked: list[object] = []

    def check_slowly(*wrong: object) -> None:
        checked.append(wrong)
        time.sleep(0.01)

    monkeypatch.setattr(desk.store, "sign_in", check_slowly)

    def guess(_: int) -> type[Exception]:
        with pytest.raises((NotSignedInError, TooManyAttemptsError)) as caught:
            desk.sign_in("ana", "wrong")
        return caught.type

    with ThreadPoolExecutor(40) as people:
        answers = list(people.map(guess, range(40)))
    assert len(checked) == 10
    assert answers.count(NotSignedInError) == len(checked)


def test_the_ledger_has_a_tokens_limits(desk: Desk) -> None:
    scope = TokenScope(frozenset({Permission.WINDOWS_READ}), ("Workloads/Prod",))
    made = desk.keeping.create_token("ci", ServerRole.VIEWER, scope=scope)
    assert made.identity.scope == scope
    (entry,) = desk.database.entries
    assert entry.parameters["permissions"] == ["windows:read"]
    assert entry.parameters["organizational_units"] == ["Workloads/Prod"]


def test_a_token_that_could_do_nothing_isnt_made(desk: Desk) -> None:
    with pytest.raises(InputError):
        desk.keeping.create_token("ci", ServerRole.VIEWER, scope=TokenScope(frozenset({Permission.SETUP_CHANGE})))
    assert desk.database.entries == []
