"""Signing in at an identity provider, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from rootkeeper.access.factor_store import SignInStart, SignInStartStore
from rootkeeper.access.provider import AuthorizationRequest
from rootkeeper.access.rules import ProviderIdentity, ProviderRules, ServerRole
from rootkeeper.errors import IdentityProviderError, NotSignedInError
from tests.fakes.clock import START, FakeClock

ISSUER = "https://login.example.com"
RULES = ProviderRules(
    issuer=ISSUER,
    client_id="rootkeeper",
    client_secret="",
    name="Example",
    name_claims=("preferred_username",),
    groups_claim="groups",
    roles={"admins": ServerRole.ADMINISTRATOR, "staff": ServerRole.VIEWER, "on-call": ServerRole.OPERATOR},
    factor_methods=frozenset({"mfa"}),
)
ANA = ProviderIdentity(ISSUER, "1001", "ana", ("staff", "on-call"), frozenset({"pwd", "mfa"}), START)


@dataclass
class FakeProvider:
    """Implements IdentityProvider: a code names the person."""

    people: dict[str, ProviderIdentity] = field(default_factory=lambda: {"code-ana": ANA})
    questions: list[AuthorizationRequest] = field(default_factory=list)
    is_down: bool = False

    def make_address(self, question: AuthorizationRequest) -> str:
        self._ensure_up()
        self.questions.append(question)
        return f"{ISSUER}/authorize?state={question.state}"

    def redeem(self, code: str, question: AuthorizationRequest, now: datetime) -> ProviderIdentity:
        self._ensure_up()
        asked = [replace(one, forces_login=False) for one in self.questions]
        if code not in self.people or question not in asked:
            raise NotSignedInError("The code isn't good.")
        return self.people.pop(code)

    def _ensure_up(self) -> None:
        if self.is_down:
            raise IdentityProviderError("Example can't be reached.")


@dataclass
class InMemoryStarts(SignInStartStore):
    """Implements SignInStartStore."""

    clock: FakeClock
    kept: dict[str, SignInStart] = field(default_factory=dict)

    def keep(self, secret: str, start: SignInStart) -> None:
        self.kept[secret] = start

    def take(self, secret: str) -> SignInStart | None:
        start = self.kept.pop(secret, None)
        return None if start is None or start.ends_at <= self.clock.now() else start
