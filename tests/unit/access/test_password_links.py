"""Links for passwords: storage, edited rows, wrong clocks, ledger, notices; what the fake shares is in the contract."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.access.links import LINK_LASTS, find_link_end, fits_link, make_link, make_link_address
from rootkeeper.access.notices import IdentityNotices
from rootkeeper.access.rules import Identity, IdentityKind, ServerRole, SignInWay
from rootkeeper.access.service import ClientOrigin, IdentityService, SignInService
from rootkeeper.access.store import IdentityStore
from rootkeeper.errors import InputError, LedgerUnavailableError, NotSignedInError, TooManyAttemptsError
from rootkeeper.ledger.database import Database
from rootkeeper.ledger.rules import Actor, ActorKind
from tests.fakes.access import InMemoryIdentities
from tests.fakes.clock import START, FakeClock
from tests.fakes.databases import FakeDatabase, FakeLedger
from tests.fakes.failures import InMemoryFailures
from tests.fakes.notifications import RecordingNotifier
from tests.fakes.sessions import new_session
from tests.unit.database.samples import ORGANIZATION_ID, Stage

ANA = Identity("u-1", IdentityKind.USER, "ana", ServerRole.VIEWER, "operator", START)
PASSWORD = "correct horse battery"
HERE = ClientOrigin("127.0.0.1")


class Desk:
    """An administrator, the people, and what is kept."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.database = FakeDatabase(self.clock)
        self.store = InMemoryIdentities(self.clock)
        self.notifier = RecordingNotifier()
        notices = IdentityNotices(self.notifier, ORGANIZATION_ID, "AWS")
        actor = Actor("admin", ActorKind.SIGNED_IN)
        self.keeping = IdentityService(self.store, FakeLedger(self.database, "here"), self.clock, actor, notices)
        self.signing_in = SignInService(self.store, self.clock, InMemoryFailures(self.clock))

    def use(self, token: str, password: str = PASSWORD) -> Identity:
        owner = self.signing_in.find_link_owner(token, HERE)
        return self.keeping.use_link(owner, token, password)

    @property
    def changes(self) -> list[object]:
        return [entry.parameters.get("change", entry.parameters.get("added_by")) for entry in self.database.entries]

    @property
    def events(self) -> list[str]:
        return [f"{one.event.value} {one.person}" for one in self.notifier.notifications]


@pytest.fixture
def desk() -> Desk:
    return Desk()


# What is stored.


@pytest.fixture
def store(database: Database) -> IdentityStore:
    return database.get_store(IdentityStore, ORGANIZATION_ID, FakeClock())


def test_p08_no_link_is_in_the_database(store: IdentityStore, stage: Stage) -> None:
    link = make_link(ANA.identity_id, ANA.name, START)
    store.add_invited(ANA, link)
    secret = link.token.rpartition(".")[2]
    rows = str(stage.query("SELECT * FROM identities"))
    files = b"".join(path.read_bytes() for path in stage.folder.rglob("*") if path.is_file())
    assert link.proof_hash in rows
    assert secret not in rows + repr(link)
    assert secret.encode() not in files


def test_p21_a_link_is_good_for_its_own_organization_alone(store: IdentityStore, database: Database) -> None:
    link = make_link(ANA.identity_id, ANA.name, START)
    store.add_invited(ANA, link)
    elsewhere = database.get_store(IdentityStore, "o-otherorgid00", FakeClock())
    assert elsewhere.find_link_owner(link.token) is None
    assert not elsewhere.use_link(link.token, PASSWORD)


# Edited rows and wrong clocks.


def test_a_later_end_in_an_edited_row_opens_nothing() -> None:
    link = make_link(ANA.identity_id, ANA.name, START)
    end = int(link.ends_at.timestamp())
    edited = link.proof_hash.replace(str(end), str(end + 86_400))
    assert find_link_end(edited) == link.ends_at + timedelta(days=1)
    for at in (START, START + LINK_LASTS, START + LINK_LASTS + timedelta(hours=1)):
        assert not fits_link(edited, ANA.identity_id, link.token, at)


def test_the_link_of_one_person_in_the_row_of_another_opens_nothing() -> None:
    link = make_link(ANA.identity_id, ANA.name, START)
    assert fits_link(link.proof_hash, ANA.identity_id, link.token, START)
    assert not fits_link(link.proof_hash, "u-2", link.token.replace("ana", "ben"), START)


@pytest.mark.parametrize("stored", ["", "link$", "link$$", "link$x$y", f"link$1${'0' * 64}", f"link${'9' * 12}$0", "-"])
def test_a_row_that_is_no_link_opens_nothing(stored: str) -> None:
    assert not fits_link(stored, ANA.identity_id, "ana.secret", START)


def test_a_clock_that_went_back_opens_no_link_of_the_future() -> None:
    link = make_link(ANA.identity_id, ANA.name, START + timedelta(days=2))
    assert not fits_link(link.proof_hash, ANA.identity_id, link.token, START)
    assert fits_link(link.proof_hash, ANA.identity_id, link.token, START + timedelta(days=2) - timedelta(minutes=5))


def test_the_secret_is_behind_the_hash_of_the_address() -> None:
    link = make_link(ANA.identity_id, ANA.name, START)
    path, _, fragment = make_link_address("https://keeper.example.com", link.token).partition("#")
    assert (path, fragment) == ("https://keeper.example.com/set-password", link.token)


# The ledger and the person.


def test_invitation_reset_and_passwords_are_recorded_and_notify_the_person(desk: Desk) -> None:
    invited = desk.keeping.invite("ana", ServerRole.APPROVER)
    assert invited.identity.link_ends_at == START + LINK_LASTS
    desk.use(invited.token)
    reset = desk.keeping.reset_by_link("ana")
    desk.use(reset.token, "another horse battery")
    desk.keeping.set_role("ana", ServerRole.VIEWER)
    desk.keeping.disable("ana")
    assert desk.changes == ["invitation", "password_by_link", "reset_by_link", "password_by_link", "role", "disabled"]
    assert desk.events == [
        "user:invite:done ana",
        "user:password:changed ana",
        "user:reset:done ana",
        "user:password:changed ana",
        "user:role:changed ana",
        "user:disable:done ana",
    ]
    shown = f"{desk.database.entries} {desk.notifier.notifications} {invited!r} {reset!r}"
    for secret in (invited.token.rpartition(".")[2], reset.token.rpartition(".")[2], PASSWORD):
        assert secret not in shown
    assert "from approver to viewer" in desk.notifier.notifications[4].body


def test_a_token_notifies_no_one(desk: Desk) -> None:
    desk.keeping.create_token("ci", ServerRole.VIEWER)
    desk.keeping.disable("ci")
    assert desk.events == []


def test_without_the_ledger_no_link_is_made_or_used(desk: Desk) -> None:
    invited = desk.keeping.invite("ana", ServerRole.VIEWER)
    desk.database.is_ledger_writable = False
    for act in (
        lambda: desk.keeping.invite("ben", ServerRole.VIEWER),
        lambda: desk.keeping.reset_by_link("ana"),
        lambda: desk.use(invited.token),
    ):
        with pytest.raises(LedgerUnavailableError):
            act()
    assert [one.name for one in desk.store.list_identities()] == ["ana"]
    assert desk.store.find_link_owner(invited.token) is not None


def test_every_refused_link_reads_alike(desk: Desk) -> None:
    used, ended, gone = (desk.keeping.invite(name, ServerRole.VIEWER).token for name in ("used", "ended", "gone"))
    desk.use(used)
    replaced = desk.keeping.reset_by_link("used").token
    desk.keeping.reset_by_link("used")
    desk.keeping.disable("gone")
    desk.clock.advance(LINK_LASTS.total_seconds())
    reported = set()
    for token in (used, replaced, ended, gone, "unknown.secret", "nothing"):
        with pytest.raises(NotSignedInError) as caught:
            desk.use(token)
        reported.add((caught.value.message, caught.value.hint))
    assert len(reported) == 1


def test_too_many_wrong_links_make_a_name_wait_like_wrong_passwords(desk: Desk) -> None:
    invited = desk.keeping.invite("ana", ServerRole.VIEWER)
    for number in range(10):
        with pytest.raises(NotSignedInError):
            desk.use(f"ana.{number}")
    for token in ("ana.guess", invited.token):
        with pytest.raises(TooManyAttemptsError):
            desk.use(token)
    desk.clock.advance(5)
    assert desk.use(invited.token).name == "ana"


def test_a_weak_password_leaves_the_link_as_it_is(desk: Desk) -> None:
    invited = desk.keeping.invite("ana", ServerRole.VIEWER)
    for weak in ("short", "ana ana ana ana"):
        with pytest.raises(InputError):
            desk.use(invited.token, weak)
    assert desk.changes == ["invitation"]
    assert desk.use(invited.token).link_ends_at is None


def test_who_has_no_password_here_gets_no_link(desk: Desk) -> None:
    eva = replace(ANA, identity_id="u-9", name="eva", signs_in_by=SignInWay.OIDC)
    desk.store.add_provider_user(eva, "hash-of-eva")
    desk.keeping.invite("ana", ServerRole.VIEWER)
    desk.keeping.disable("ana")
    for name in ("eva", "ana"):
        with pytest.raises(InputError):
            desk.keeping.reset_by_link(name)


def test_the_own_password_is_changed_with_the_old_one_and_wrong_ones_count(desk: Desk) -> None:
    desk.keeping.add_user("ana", ServerRole.VIEWER, PASSWORD)
    desk.store.sign_in("ana", PASSWORD, new_session("rk_here"))
    desk.store.sign_in("ana", PASSWORD, new_session("rk_elsewhere"))
    here = desk.store.sign_ins["rk_here"]

    def change(old: str, new: str) -> None:
        desk.signing_in.change_password(desk.keeping, here, old, new, HERE)

    with pytest.raises(InputError, match="current password is wrong"):
        change("wrong", "another horse battery")
    with pytest.raises(InputError, match="characters"):
        change(PASSWORD, "short")
    change(PASSWORD, "another horse battery")
    assert set(desk.store.sign_ins) == {"rk_here"}
    assert (desk.changes[-1], desk.events) == ("password", ["user:password:changed ana"])
    for _ in range(9):
        with pytest.raises(InputError, match="current password is wrong"):
            change(PASSWORD, "another horse battery")
    with pytest.raises(TooManyAttemptsError):
        change("another horse battery", PASSWORD)
