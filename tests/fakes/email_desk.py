"""Root e-mail addresses at work on a fake organization, wired as the product wires them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from rootkeeper.access.rules import Identity, IdentityKind, ServerRole, fold_name
from rootkeeper.acting import Acting
from rootkeeper.approvals.rules import PeopleReader
from rootkeeper.ledger.rules import Actor, ActorKind
from rootkeeper.organization.accounts import AccountId, Inventory
from rootkeeper.root_emails.rules import EmailChangeRequest, EmailRules, parse_rules
from rootkeeper.root_emails.service import (
    EmailChangeExecutor,
    EmailChangePlan,
    EmailChangePlanner,
    RootEmailReader,
)
from rootkeeper.root_emails.statements import EmailApprovalJudge, EmailApprovalService, EmailAttestationService
from rootkeeper.windows.approvals import WindowPolicy
from tests.fakes.desk import Desk
from tests.fakes.primary_emails import FakePrimaryEmails
from tests.fakes.stores import InMemoryEmailAttestations, InMemoryLedger

MEMBER = AccountId("444455556666")
OTHER = AccountId("555566667777")
FAILSAFE = AccountId("222233334444")
SUSPENDED = AccountId("676789890101")
NEW = "aws+shop@example.com"
RULES = parse_rules(["example.com"], "", ["aws@example.com"])


@dataclass(slots=True)
class EmailDesk:
    """One operator who looks after root e-mail addresses."""

    desk: Desk = field(default_factory=Desk)
    attestations: InMemoryEmailAttestations = field(default_factory=InMemoryEmailAttestations)
    rules: EmailRules = RULES
    policy: WindowPolicy = field(default_factory=lambda: WindowPolicy(approvals=1))
    people: dict[str, Identity] = field(default_factory=dict)
    """Users of a server, by folded name."""
    actor: Actor = Actor("operator", ActorKind.SELF_ASSERTED)  # noqa: RUF009 - a frozen value

    def __post_init__(self) -> None:
        organization = self.desk.organization
        organization.add_account(MEMBER, "shop")
        organization.add_account(OTHER, "data")
        organization.add_account(FAILSAFE, "security")

    def act(self, actor: Actor | None = None) -> Acting:
        return self.desk.act(self.attestations, actor=actor or self.actor)

    @property
    def emails(self) -> FakePrimaryEmails:
        return self.desk.organization.emails

    @property
    def ledger(self) -> InMemoryLedger:
        return self.desk.ledger

    @property
    def inventory(self) -> Inventory:
        organization = self.desk.organization
        return Inventory(
            organization=organization.organization,
            accounts=tuple(organization.accounts.values()),
            organizational_units=tuple(organization.organizational_units.values()),
            listed_at=self.desk.clock.now(),
            delegated_administrator_ids=frozenset(organization.delegated_administrators),
        )

    @property
    def listing(self) -> RootEmailReader:
        return RootEmailReader(self.desk.inventory, self.desk.store, self.attestations, self.rules, self.desk.clock)

    @property
    def attesting(self) -> EmailAttestationService:
        return EmailAttestationService(self.act())

    @property
    def planning(self) -> EmailChangePlanner:
        return EmailChangePlanner(
            self.act(), self.rules, EmailApprovalJudge(self.act(), PeopleReader(self.people.values, self.policy))
        )

    def approve(
        self, name: str = "amir", account_id: AccountId = MEMBER, address: str = NEW, role: ServerRole | None = None
    ) -> None:
        """Record an approval of a user of the server."""
        actor = self.sign_in(name, role or ServerRole.APPROVER)
        account = self.desk.organization.accounts[account_id]
        approving = EmailApprovalService(self.act(actor), self.policy)
        entry = approving.approve(account, address, "the mailbox is a group's")
        self.ledger.entries[-1] = replace(entry, actor=actor)

    def sign_in(self, name: str, role: ServerRole = ServerRole.OPERATOR) -> Actor:
        identity = Identity(f"u-{name}", IdentityKind.USER, name, role, "test", self.desk.clock.now())
        self.people[fold_name(name)] = identity
        return identity.to_actor()

    @property
    def changing(self) -> EmailChangeExecutor:
        return EmailChangeExecutor(self.act())

    def plan(
        self,
        account_id: AccountId = MEMBER,
        address: str = NEW,
        *,
        reason: str = "a person left",
        overrides: bool = False,
        restarts: bool = False,
        inventory: Inventory | None = None,
    ) -> EmailChangePlan:
        """What the command plans, for an address that keeps the rules unless said otherwise."""
        request = EmailChangeRequest(address, reason, overrides=overrides, restarts=restarts)
        account = self.desk.organization.accounts[account_id]
        return self.planning.plan(inventory or self.inventory, account, request)

    def account_calls(self) -> list[str]:
        """The calls to Account Management so far."""
        return [operation for operation in self.desk.organization.operations() if "PrimaryEmail" in operation]
