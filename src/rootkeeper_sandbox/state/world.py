"""An organization in memory, and the keys, sessions, mailboxes and resources around it."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rootkeeper_sandbox.clock import SEED_BYTES, encode_seed
from rootkeeper_sandbox.exchange import AttachedPolicy, Credential, Principal, PrincipalKind
from rootkeeper_sandbox.partitions import PARTITIONS
from rootkeeper_sandbox.state.accounts import (
    ACTIVE,
    AccessKey,
    Account,
    CredentialReport,
    Credentials,
    IamRole,
    IamUser,
    derive_bytes,
    derive_secret_access_key,
)
from rootkeeper_sandbox.state.description import describe_organization, parse_policy, parse_root_user, render_time
from rootkeeper_sandbox.state.findings import FindingStore
from rootkeeper_sandbox.state.organization import AccountRequest, Organization, open_account
from rootkeeper_sandbox.state.people import Mailboxes, Sessions, SignInStore, make_identity_center
from rootkeeper_sandbox.state.policies import PolicyType
from rootkeeper_sandbox.state.resources import BucketStore, BusRuleStore, ContactStore, EventRule, QueueStore


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """The owner of a long-term access key: an account's root user, or an IAM user of the account."""

    account_id: str
    user_name: str | None = None


class World:
    """The truth of a sandbox, from which every answer is given and which every change changes.

    It isn't safe for threads; the server runs one call after the other.
    """

    def __init__(self, organization: Organization, seed: str, clock: Callable[[], datetime]) -> None:
        self.organization = organization
        self.seed = seed
        """The seed of derived keys, ids and passwords."""
        self.clock = clock
        self.outsiders: dict[str, Account] = {}
        """Accounts that belong to no organization."""
        self.sessions = Sessions()
        self.mailboxes = Mailboxes()
        self.buckets = BucketStore()
        self.queues = QueueStore()
        self.event_rules: list[EventRule] = []
        self.bus_rules = BusRuleStore()
        self.contacts = ContactStore()
        self.findings = FindingStore()
        self.credential_reports: dict[str, CredentialReport] = {}
        """By account id."""
        self.sign_ins = SignInStore()
        self.identity_center = make_identity_center(organization, seed, clock())
        self.page_token_key = secrets.token_bytes(32)
        """The key that seals continuation tokens."""
        self._key_owners: dict[str, KeyOwner] = {}
        self._principals: dict[str, str] = {}

    @classmethod
    def restore(cls, values: Mapping[str, Any], clock: Callable[[], datetime]) -> World:
        """Make a world from the values of all its fields but the clock."""
        world = cls.__new__(cls)
        vars(world).update(values, clock=clock)
        return world

    @property
    def organization_id(self) -> str:
        return self.organization.organization_id

    @property
    def management_account_id(self) -> str:
        return self.organization.management_account_id

    @property
    def partition(self) -> str:
        return self.organization.partition

    def find_account(self, account_id: str) -> Account | None:
        """Find an account in or outside the organization."""
        return self.organization.accounts.get(account_id) or self.outsiders.get(account_id)

    def account(self, account_id: str) -> Account:
        """Get an account that is known to exist.

        :raises KeyError: if it doesn't.
        """
        account = self.find_account(account_id)
        if account is None:
            raise KeyError(account_id)
        return account

    def find_account_by_email(self, email: str) -> Account | None:
        """Find an account in or outside the organization by its root user's e-mail address, in any case."""
        wanted = email.lower()
        accounts = itertools.chain(self.organization.accounts.values(), self.outsiders.values())
        found = next((account.account_id for account in accounts if account.email.lower() == wanted), None)
        return self.find_account(found) if found else None

    def settle(self, now: datetime) -> None:
        """Finish due work: create and close accounts."""
        for request in self.organization.take_due_requests(now):
            self.organization.account_requests[request.request_id] = self._create_requested_account(request)
        self.organization.finish_closures(now)

    def _create_requested_account(self, request: AccountRequest) -> AccountRequest:
        if self.find_account(request.account_id) is None:
            if self.find_account_by_email(request.email):
                return request.fail("EMAIL_ALREADY_EXISTS")
            account = open_account(request, self.management_account_id, self.partition)
            self.organization.add_account(account, self.organization.organization_root_id)
        return request.succeed()

    def is_in_organization(self, account_id: str) -> bool:
        return account_id in self.organization.accounts

    def root_user_arn(self, account_id: str) -> str:
        return f"arn:{self.partition}:iam::{account_id}:root"

    def user_arn(self, account_id: str, user: IamUser) -> str:
        return f"arn:{self.partition}:iam::{account_id}:user{user.path}{user.name}"

    def role_arn(self, account_id: str, role: IamRole) -> str:
        return f"arn:{self.partition}:iam::{account_id}:role{role.path}{role.name}"

    def root_user_password(self, account_id: str) -> str:
        """Give the password of a scenario's root user, if it has any."""
        return f"Sandbox-{derive_bytes('password', self.seed, account_id).hex()[:16]}"

    def mfa_seed(self, serial_number: str, seed: str | None) -> str:
        """Give the seed that an MFA device's codes follow from, derived where it has none of its own."""
        return seed or encode_seed(derive_bytes("mfa-seed", self.seed, serial_number)[:SEED_BYTES])

    def add_access_key(self, owner: KeyOwner, key: AccessKey) -> None:
        self._credentials_of(owner).add_access_key(key)
        self._key_owners[key.access_key_id] = owner

    def find_key_owner(self, access_key_id: str) -> KeyOwner | None:
        """Find the owner of a long-term key; ``None`` for unknown, deleted and temporary keys."""
        owner = self._key_owners.get(access_key_id)
        return owner if owner and access_key_id in self._credentials_of(owner).access_keys else None

    def find_credential(self, access_key_id: str) -> Credential | None:
        """Find a key of any kind, active or not, expired or not; ``None`` when there is none (any more)."""
        session = self.sessions.find(access_key_id)
        if session:
            return session
        owner = self.find_key_owner(access_key_id)
        return self._long_term_credential(owner, access_key_id) if owner else None

    def secret_access_key(self, key: AccessKey) -> str:
        return key.secret_access_key or derive_secret_access_key(key.access_key_id, self.seed)

    def identity_policies(self, principal: Principal) -> Sequence[str]:
        """List the policy documents (JSON text) of a user or role; root users have none."""
        identity = self._find_identity(principal)
        return identity.permissions.documents() if identity else ()

    def principal_tags(self, principal: Principal) -> Mapping[str, str]:
        """Give the tags of the user or role."""
        identity = self._find_identity(principal)
        return identity.permissions.tags if identity else {}

    def _find_identity(self, principal: Principal) -> IamUser | IamRole | None:
        account = self.find_account(principal.account_id)
        if account is None or principal.identity_name is None:
            return None
        if principal.kind is PrincipalKind.USER:
            return account.find_user(principal.identity_name)
        return account.find_role(principal.identity_name)

    def _credentials_of(self, owner: KeyOwner) -> Credentials:
        account = self.account(owner.account_id)
        if owner.user_name is None:
            return account.root_user
        user = account.find_user(owner.user_name)
        return user.credentials if user else Credentials()

    def _long_term_credential(self, owner: KeyOwner, access_key_id: str) -> Credential:
        key, account_id = self._credentials_of(owner).access_keys[access_key_id], owner.account_id
        if owner.user_name is None:
            arn = self.root_user_arn(account_id)
            principal = Principal(PrincipalKind.ROOT_USER, arn, account_id, account_id, access_key_id)
        else:
            user = self.account(account_id).identities.users[owner.user_name]
            arn = self.user_arn(account_id, user)
            principal = Principal(PrincipalKind.USER, arn, account_id, user.user_id, access_key_id, user.name)
        return Credential(access_key_id, self.secret_access_key(key), principal, is_active=key.status == ACTIVE)

    def service_control_policies(self, account_id: str) -> Sequence[Sequence[AttachedPolicy]]:
        """List the SCPs attached at each level, from the organization root down to the account itself.

        There is no level for the management account and for accounts outside the organization: no SCP limits them.
        """
        return self._policy_levels(PolicyType.SERVICE_CONTROL_POLICY, account_id)

    def resource_control_policies(self, account_id: str) -> Sequence[Sequence[AttachedPolicy]]:
        """List the RCPs in the same way; no level while the type isn't enabled."""
        return self._policy_levels(PolicyType.RESOURCE_CONTROL_POLICY, account_id)

    def _policy_levels(self, policy_type: PolicyType, account_id: str) -> Sequence[Sequence[AttachedPolicy]]:
        book = self.organization.policy_book
        is_limited = self.is_in_organization(account_id) and account_id != self.management_account_id
        if not is_limited or policy_type not in book.enabled_types:
            return ()
        targets = (*self.organization.ancestor_ids(account_id), account_id)
        return [book.attached(policy_type, target) for target in targets]

    def organization_path(self, account_id: str) -> str:
        """Give the account's place as aws:PrincipalOrgPaths spells it: ``o-…/r-…/ou-…/``, without the account.

        Empty outside the organization.
        """
        if not self.is_in_organization(account_id):
            return ""
        return self.organization.path(account_id).removesuffix(f"{account_id}/")

    def tags(self, account_id: str) -> Mapping[str, str]:
        return self.account(account_id).tags

    def describe(self) -> dict[str, Any]:
        """Give the whole truth, in the shape of ``GET /_sandbox/organization``."""
        return describe_organization(self.organization)

    def register_principal(self, name: str, access_key_id: str) -> None:
        """Remember a long-term key that the scenario hands out."""
        self._principals[name] = access_key_id

    def principals(self) -> list[dict[str, str]]:
        """List who can be played, with their keys, as ``GET /_sandbox/principals`` shows them."""
        found = ((name, self.find_credential(access_key_id)) for name, access_key_id in self._principals.items())
        return [
            {
                "name": name,
                "account_id": credential.principal.account_id,
                "arn": credential.principal.arn,
                "access_key_id": credential.access_key_id,
                "secret_access_key": credential.secret_access_key,
            }
            for name, credential in found
            if credential
        ]

    def put_root_user(self, account_id: str, body: object) -> None:
        """Replace a root user as ``body`` says; fields that it leaves out are absent.

        :raises ValueError: if there is no such account or the body isn't a root user.
        """
        account = self.find_account(account_id)
        if account is None:
            raise ValueError(f"there is no account {account_id}.")
        account.root_user = parse_root_user(
            body, account_id, self.clock(), lambda: self.root_user_password(account_id), self.partition
        )
        self.drop_impossible_credentials(account)
        for access_key_id in account.root_user.access_keys:
            self._key_owners[access_key_id] = KeyOwner(account_id)

    def drop_impossible_credentials(self, account: Account) -> None:
        """Take away the root user credentials that the partition doesn't have.

        Where root users can't sign in, only access keys are left, which AWS Support creates.
        """
        partition = PARTITIONS[self.partition]
        if partition.sign_in_obstacle is not None:
            keys = account.root_user.access_keys if partition.root_user_has_keys else {}
            account.root_user = Credentials(access_keys=dict(keys))

    def create_policy(self, body: object) -> dict[str, Any]:
        """Create an organization policy and attach it, as ``POST /_sandbox/policies`` asks.

        :raises ValueError: if the body isn't such a policy.
        """
        policy, targets = parse_policy(body, self.organization)
        book = self.organization.policy_book
        book.enabled_types.add(policy.policy_type)
        book.add(policy)
        for target in targets:
            book.attach(policy, target)
        return {"policy_id": policy.policy_id, "arn": policy.arn, "name": policy.name, "targets": targets}

    def mailbox(self, address: str) -> list[dict[str, str | None]]:
        """List the messages that came to the address, oldest first."""
        return [
            {
                "from": message.sender,
                "to": message.recipient,
                "subject": message.subject,
                "body": message.body,
                "sent_at": render_time(message.sent_at),
            }
            for message in self.mailboxes.messages(address)
        ]
