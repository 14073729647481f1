"""Signing in at an identity provider: each answer counts once, in the browser that began it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.access.provider import (
    CompletedProviderSignIn,
    ProviderAnswer,
    ProviderSignInService,
    StartedProviderSignIn,
    derive,
)
from rootkeeper.access.rules import IdentityKind, ServerRole, Session, SessionKind, SessionNeed, SignInWay
from rootkeeper.access.service import ClientOrigin, IdentityService
from rootkeeper.aws.rules import SERVER_NAME
from rootkeeper.errors import (
    IdentityProviderError,
    InputError,
    LedgerUnavailableError,
    NotSignedInError,
    PermissionDeniedError,
    TooManyAttemptsError,
)
from rootkeeper.ledger.rules import Action, Actor, ActorKind
from tests.fakes.clock import START
from tests.fakes.failures import InMemoryFailures
from tests.fakes.provider_desk import ANA, RULES, FakeProvider, InMemoryStarts
from tests.fakes.sessions import SignInDesk

HERE = "http://127.0.0.1:8700/api/v1/auth/oidc/callback"
VISITOR = ClientOrigin("192.0.2.7", "Browser/1.0")
PASSWORD = "correct horse battery"


class Desk(SignInDesk):
    """A server with an identity provider."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.provider = FakeProvider()
        self.starts = InMemoryStarts(self.clock)
        server = Actor(SERVER_NAME, ActorKind.SERVER)
        self.keeping = IdentityService(self.identities, self.ledger, self.clock, server)
        self.signing_in = ProviderSignInService(
            RULES, self.provider, self.starts, self.sessions, InMemoryFailures(self.clock), self.clock
        )

    def begin(self, return_to: str = "/accounts", confirms: Session | None = None) -> StartedProviderSignIn:
        return self.signing_in.begin(return_to, HERE, VISITOR, confirms)

    def finish(
        self,
        begun: StartedProviderSignIn,
        *,
        secret: str | None = None,
        state: str | None = None,
        code: str | None = "code-ana",
    ) -> CompletedProviderSignIn:
        answer = ProviderAnswer(
            begun.secret if secret is None else secret, derive(begun.secret, "state") if state is None else state, code
        )
        return self.signing_in.finish(answer, HERE, self.keeping, VISITOR)

    def sign_in(self) -> CompletedProviderSignIn:
        return self.finish(self.begin())


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_person_is_known_from_the_first_sign_in_on(desk: Desk) -> None:
    finished = desk.sign_in()
    ana = finished.session.session.identity
    assert (ana.name, ana.kind, ana.role) == ("ana", IdentityKind.USER, ServerRole.OPERATOR)
    assert (ana.signs_in_by, ana.created_by) == (SignInWay.OIDC, SERVER_NAME)
    assert finished.return_to == "/accounts"
    found = desk.sessions.find(finished.session.secret, SessionKind.BROWSER)
    assert found is not None
    assert (found.identity.name, found.address, found.need) == ("ana", "192.0.2.7", None)
    (entry,) = desk.database.entries
    assert entry.action is Action.IDENTITY_ADD
    assert entry.parameters["provider"] == RULES.issuer


def test_nothing_that_a_browser_keeps_is_sent_to_the_provider_or_shown(desk: Desk) -> None:
    begun = desk.begin()
    (question,) = desk.provider.questions
    assert begun.secret not in f"{begun.address} {question} {begun!r} {desk.starts.kept!r}".replace(
        f"'{begun.secret}'", ""
    )
    assert len({question.state, question.nonce, question.verifier, begun.secret}) == 4
    assert question.verifier not in begun.address
    assert len(question.verifier) == 43  # RFC 7636, section 4.1: at least that long


def test_who_comes_again_is_the_same_with_the_role_of_now(desk: Desk) -> None:
    first = desk.sign_in().session.session.identity
    desk.provider.people["code-ana"] = replace(ANA, name="another-name", groups=("admins",))
    second = desk.sign_in().session.session.identity
    assert (second.identity_id, second.name, second.role) == (first.identity_id, "ana", ServerRole.ADMINISTRATOR)
    changed = desk.database.entries[-1]
    assert (changed.action, changed.parameters["new_role"]) == (Action.IDENTITY_CHANGE, "administrator")
    desk.provider.people["code-ana"] = replace(ANA, groups=("admins",))
    recorded = len(desk.database.entries)
    desk.sign_in()
    assert len(desk.database.entries) == recorded


@pytest.mark.parametrize("name", ["ana", "ANA"])
def test_a_local_user_or_a_token_is_never_taken_over(desk: Desk, name: str) -> None:
    desk.keeping.add_user("ana", ServerRole.ADMINISTRATOR, PASSWORD)
    desk.provider.people["code-ana"] = replace(ANA, name=name)
    with pytest.raises(PermissionDeniedError, match="belongs to another user or token"):
        desk.sign_in()
    assert desk.identities.get("ana").signs_in_by is SignInWay.PASSWORD
    assert desk.sessions.list_sessions() == ()


def test_another_person_of_the_same_name_is_never_taken_for_the_first_one(desk: Desk) -> None:
    desk.sign_in()
    desk.provider.people["code-ana"] = replace(ANA, subject="2002")
    with pytest.raises(PermissionDeniedError, match="belongs to another user or token"):
        desk.sign_in()


def test_an_identity_of_the_provider_has_no_password_here_and_its_role_from_there(desk: Desk) -> None:
    desk.sign_in()
    with pytest.raises(InputError, match="identity provider"):
        desk.keeping.set_password("ana", PASSWORD)
    with pytest.raises(InputError, match="groups"):
        desk.keeping.set_role("ana", ServerRole.ADMINISTRATOR)


@pytest.mark.parametrize("name", ["x", "ana maria", "rootkeeper"])
def test_a_name_that_none_may_have_isnt_admitted(desk: Desk, name: str) -> None:
    desk.provider.people["code-ana"] = replace(ANA, name=name)
    with pytest.raises(InputError):
        desk.sign_in()
    assert desk.database.entries == []


def test_a_user_in_no_mapped_group_isnt_admitted(desk: Desk) -> None:
    desk.provider.people["code-ana"] = replace(ANA, groups=("others",))
    with pytest.raises(PermissionDeniedError):
        desk.sign_in()
    assert (desk.database.entries, desk.identities.list_identities()) == ([], ())


def test_a_user_who_was_disabled_here_isnt_admitted(desk: Desk) -> None:
    desk.sign_in()
    desk.keeping.disable("ana")
    desk.provider.people["code-ana"] = ANA
    with pytest.raises(NotSignedInError, match="disabled"):
        desk.sign_in()


def test_an_answer_counts_once(desk: Desk) -> None:
    begun = desk.begin()
    desk.finish(begun)
    desk.provider.people["code-ana"] = ANA
    with pytest.raises(NotSignedInError, match="answered before"):
        desk.finish(begun)


@pytest.mark.parametrize("state", ["", "wrong", "\udcff"])
def test_an_answer_with_another_state_counts_for_nothing_and_uses_nothing_up(desk: Desk, state: str) -> None:
    begun = desk.begin()
    with pytest.raises(NotSignedInError):
        desk.finish(begun, state=state)
    assert desk.finish(begun).session.session.identity.name == "ana"


def test_an_answer_that_comes_by_another_browser_counts_for_nothing(desk: Desk) -> None:
    mine, others = desk.begin(), desk.begin()
    with pytest.raises(NotSignedInError):
        desk.finish(mine, secret=others.secret)
    answer = ProviderAnswer(None, derive(mine.secret, "state"), "code-ana")
    with pytest.raises(NotSignedInError):
        desk.signing_in.finish(answer, HERE, desk.keeping, VISITOR)


def test_a_secret_that_no_one_was_given_begins_nothing(desk: Desk) -> None:
    answer = ProviderAnswer("made-up", derive("made-up", "state"), "code-ana")
    with pytest.raises(NotSignedInError):
        desk.signing_in.finish(answer, HERE, desk.keeping, VISITOR)


def test_a_sign_in_that_took_too_long_counts_for_nothing(desk: Desk) -> None:
    begun = desk.begin()
    desk.clock.advance(600)
    with pytest.raises(NotSignedInError):
        desk.finish(begun)


def test_what_the_provider_refuses_signs_no_one_in(desk: Desk) -> None:
    begun = desk.begin()
    answer = ProviderAnswer(begun.secret, derive(begun.secret, "state"), None, "access_denied")
    with pytest.raises(NotSignedInError, match="refused the sign-in"):
        desk.signing_in.finish(answer, HERE, desk.keeping, VISITOR)


def test_a_provider_that_is_down_keeps_local_users_from_nothing(desk: Desk) -> None:
    desk.provider.is_down = True
    with pytest.raises(IdentityProviderError):
        desk.begin()
    assert desk.starts.kept == {}


def test_a_person_whose_provider_took_no_factor_gives_one_here(desk: Desk) -> None:
    desk.provider.people["code-ana"] = replace(ANA, methods=frozenset({"pwd"}))
    assert desk.sign_in().session.session.need is SessionNeed.ENROLMENT


def test_a_sign_in_is_proven_again_at_the_provider(desk: Desk) -> None:
    former = desk.sign_in().session
    desk.clock.advance(3600)
    later = desk.clock.now()
    desk.provider.people["code-ana"] = replace(ANA, authenticated_at=later)
    begun = desk.begin(confirms=former.session)
    assert desk.provider.questions[-1].forces_login
    confirmed = desk.finish(begun).session
    assert confirmed.session.factor_at == later
    confirmed.session.require_fresh(later)
    assert desk.sessions.find(former.secret, SessionKind.BROWSER) is None


def test_an_old_sign_in_at_the_provider_proves_nothing_new(desk: Desk) -> None:
    former = desk.sign_in().session
    desk.clock.advance(1200)
    desk.provider.people["code-ana"] = ANA
    with pytest.raises(NotSignedInError, match="ask you to sign in again"):
        desk.finish(desk.begin(confirms=former.session))
    assert desk.sessions.find(former.secret, SessionKind.BROWSER) is not None


def test_another_user_cant_prove_a_sign_in_again(desk: Desk) -> None:
    former = desk.sign_in().session
    ben = replace(ANA, subject="2002", name="ben", authenticated_at=START + timedelta(seconds=1))
    desk.provider.people["code-ana"] = ben
    with pytest.raises(NotSignedInError, match="Another person"):
        desk.finish(desk.begin(confirms=former.session))


def test_a_browser_is_never_sent_elsewhere(desk: Desk) -> None:
    with pytest.raises(InputError):
        desk.begin("https://evil.example")
    assert desk.provider.questions == []


def test_sign_ins_are_begun_in_a_bounded_number(desk: Desk) -> None:
    for _ in range(300):
        desk.begin()
    with pytest.raises(TooManyAttemptsError):
        desk.begin()
    desk.clock.advance(300)
    desk.begin()


def test_a_user_whom_the_ledger_cant_name_isnt_admitted(desk: Desk) -> None:
    begun = desk.begin()
    desk.database.is_ledger_writable = False
    with pytest.raises(LedgerUnavailableError):
        desk.finish(begun)
    assert desk.identities.list_identities() == ()
