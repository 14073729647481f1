"""The organization's rules for root e-mail addresses, and the proof of a change by a re-read.

A person who reads the mailbox can reset the root user's password. So an address must be in a domain of the
organization, read by a group, and used by a single account. Unknown is never a pass: without a list of domains no
address passes.

To change an address, AWS sends a one-time password to the new address, accepts it for 24 hours, and may take 4 hours
to show the change everywhere. Until then an old address in an answer proves nothing.

Source: Account Management guide, "Update the root user email address"; API version 2021-02-01.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rootkeeper.aws.rules import EmailUpdate, EmailUpdateStatus, OneTimePassword
from rootkeeper.errors import Hint, InputError, SettingsError, make_setting_hint
from rootkeeper.ledger.rules import Action, LedgerEntry, Phase, Result
from rootkeeper.organization.accounts import Account, AccountId, AccountState, Inventory
from rootkeeper.organization.statuses import AccountRole, FailOn, classify_account_role, count_each, is_bad
from rootkeeper.values import JsonValue
from rootkeeper.windows.rules import CLOCK_SKEW

LONGEST_ADDRESS = 64
"""Source: Account Management StartPrimaryEmailUpdate, API version 2021-02-01."""

_DOMAIN = r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_ADDRESS = re.compile(rf"(?P<local>[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]+)@(?P<domain>{_DOMAIN})")
_DOMAIN_RULE = re.compile(rf"(?:\*\.)?{_DOMAIN}")


class EmailReason(StrEnum):
    """Why an address isn't simply good."""

    ATTESTATION_EXPIRED = "attestation_expired"
    DOMAIN_NOT_ALLOWED = "domain_not_allowed"
    DOMAINS_NOT_SET = "domains_not_set"
    DUPLICATE = "duplicate"
    MALFORMED = "malformed"
    NOT_ACTIVE = "not_active"
    NOT_A_GROUP = "not_a_group"
    PATTERN_NOT_MATCHED = "pattern_not_matched"
    UNREAD = "unread"


EXPLANATIONS: Mapping[EmailReason, str] = {
    EmailReason.ATTESTATION_EXPIRED: "the attestation that a group reads it has ended",
    EmailReason.DOMAINS_NOT_SET: "the organization's domains aren't set, so the owner of its domain isn't known",
    EmailReason.DOMAIN_NOT_ALLOWED: "its domain isn't one of the organization's",
    EmailReason.DUPLICATE: "another account has it too",
    EmailReason.MALFORMED: "it isn't an e-mail address",
    EmailReason.NOT_ACTIVE: "the account isn't ACTIVE",
    EmailReason.NOT_A_GROUP: "no group is known to read it",
    EmailReason.PATTERN_NOT_MATCHED: "it doesn't match the approved pattern",
    EmailReason.UNREAD: "AWS returned no address",
}
"""Half a sentence each, for people."""

_UNKNOWN_REASONS = frozenset({EmailReason.DOMAINS_NOT_SET, EmailReason.UNREAD})


class EmailVerdict(StrEnum):
    """Whether an account's address follows the rules."""

    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    PASS = "pass"  # noqa: S105 - a verdict's name
    UNKNOWN = "unknown"


class GroupBasis(StrEnum):
    """Why an address counts as a group's."""

    ATTESTATION = "attestation"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """An address in lower case."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def mailbox(self) -> str:
        """The address without a plus sign and the text after it, which mail servers ignore. Source: RFC 5233."""
        return f"{self.local.partition('+')[0] or self.local}@{self.domain}"


def parse_address(text: str) -> EmailAddress:
    """:raises InputError: if it isn't an e-mail address; upper and lower case don't matter."""
    found = _ADDRESS.fullmatch(text.strip().lower())
    if found is None:
        raise InputError(f"{text!r} isn't an e-mail address.", hint="Write it as name@example.com.")
    return EmailAddress(found["local"], found["domain"])


def parse_new_address(text: str) -> EmailAddress:
    """:raises InputError: if AWS doesn't accept it as a root e-mail address."""
    address = parse_address(text)
    if len(text.strip()) > LONGEST_ADDRESS:
        raise InputError(
            f"{text} is too long. AWS allows root e-mail addresses of {LONGEST_ADDRESS} characters at most.",
            hint="Choose a shorter address.",
        )
    return address


@dataclass(frozen=True, slots=True)
class EmailAttestation:
    """A person's statement that a group reads an address, valid until a date."""

    # In lower case. An address without a plus sign covers its plus addresses too.
    address: str
    attested_by: str
    until: datetime
    recorded_by: str
    recorded_at: datetime

    def is_in_force(self, now: datetime) -> bool:
        return now < self.until


def require_attestation(attestation: EmailAttestation, now: datetime) -> EmailAttestation:
    """:raises InputError: if it names no person, or its end isn't in the future."""
    if not attestation.attested_by:
        raise InputError(
            "An attestation needs the name of the person who attests it.",
            hint=Hint("Name the person.", "emails.attested_by"),
        )
    if not attestation.is_in_force(now):
        raise InputError(
            f"An attestation can't end in the past ({attestation.until.isoformat()}).",
            hint=Hint("Give a date in the future.", "emails.attested_until"),
        )
    return attestation


@dataclass(frozen=True, slots=True)
class EmailRules:
    """The organization's rules for root e-mail addresses."""

    # In lower case; ``*.example.com`` means all domains below example.com.
    allowed_domains: frozenset[str] = frozenset()
    approved_pattern: re.Pattern[str] | None = None
    # Addresses in lower case.
    groups: frozenset[str] = frozenset()

    def allow_domain(self, domain: str) -> bool:
        wider = (entry.removeprefix("*") for entry in self.allowed_domains if entry.startswith("*."))
        return domain in self.allowed_domains or any(domain.endswith(ending) for ending in wider)


def parse_rules(allowed_domains: Sequence[str], approved_pattern: str, groups: Sequence[str]) -> EmailRules:
    """:raises SettingsError: if a domain, an address or the pattern isn't valid."""
    domains = frozenset(domain.lower() for domain in allowed_domains)
    for domain in domains:
        if not _DOMAIN_RULE.fullmatch(domain):
            raise SettingsError(
                f"{domain!r} isn't a domain.",
                hint=make_setting_hint(
                    "Write example.com, or *.example.com for every domain below it.", "emails.allowed_domains"
                ),
            )
    try:
        pattern = re.compile(approved_pattern, re.IGNORECASE) if approved_pattern else None
    except re.error as error:
        raise SettingsError(
            f"emails.approved_pattern {approved_pattern!r} isn't a regular expression: {error}.",
            hint=r"Write it as Python does, such as aws\+[a-z-]+@example\.com; it must match a whole address.",
        ) from error
    return EmailRules(domains, pattern, frozenset(_parse_group(text) for text in groups))


def _parse_group(text: str) -> str:
    try:
        return str(parse_address(text))
    except InputError as error:
        raise SettingsError(
            f"emails.groups contains {text!r}, which isn't an e-mail address.", hint=error.hint
        ) from error


@dataclass(frozen=True, slots=True)
class RootEmail:
    """An account's root e-mail address, checked against the rules."""

    account: Account
    role: AccountRole
    verdict: EmailVerdict
    reasons: tuple[EmailReason, ...]
    """Why it doesn't pass."""
    group_basis: GroupBasis | None = None
    """Why the address counts as read by a group."""
    attested_by: str | None = None
    """Of the newest attestation, even if it has ended."""
    attested_until: datetime | None = None
    shared_with: tuple[AccountId, ...] = ()
    """Other accounts with the same address."""


@dataclass(frozen=True, slots=True)
class RootEmailEvaluator:
    """The rules, and the facts needed to apply them."""

    rules: EmailRules
    attestations: Mapping[str, EmailAttestation]
    """By their address."""
    now: datetime

    def evaluate_all(self, inventory: Inventory) -> tuple[RootEmail, ...]:
        """Check every account of the inventory, the management account included, in its order."""
        holders = find_holders(inventory.accounts)
        return tuple(
            self._evaluate(account, classify_account_role(account.account_id, inventory), holders)
            for account in inventory.accounts
        )

    def find_breaches(self, address: EmailAddress) -> tuple[EmailReason, ...]:
        """List the rules that an address breaks, alphabetically, except for ``DUPLICATE``."""
        rules, reasons = self.rules, set[EmailReason]()
        if not rules.allowed_domains:
            reasons.add(EmailReason.DOMAINS_NOT_SET)
        elif not rules.allow_domain(address.domain):
            reasons.add(EmailReason.DOMAIN_NOT_ALLOWED)
        if rules.approved_pattern is not None and not rules.approved_pattern.fullmatch(str(address)):
            reasons.add(EmailReason.PATTERN_NOT_MATCHED)
        basis, attestation = self.find_group(address)
        if basis is None:
            reasons.add(EmailReason.ATTESTATION_EXPIRED if attestation else EmailReason.NOT_A_GROUP)
        return tuple(sorted(reasons))

    def find_group(self, address: EmailAddress) -> tuple[GroupBasis | None, EmailAttestation | None]:
        """Find why the address counts as a group's, and its latest attestation.

        A group's mailbox covers its plus addresses; a plus address doesn't cover the mailbox.
        """
        names = (str(address), address.mailbox)
        if self.rules.groups.intersection(names):
            return GroupBasis.SETTINGS, None
        found = [self.attestations[name] for name in names if name in self.attestations]
        latest = max(found, key=lambda attestation: attestation.until, default=None)
        return (GroupBasis.ATTESTATION if latest and latest.is_in_force(self.now) else None), latest

    def _evaluate(self, account: Account, role: AccountRole, holders: Mapping[str, tuple[AccountId, ...]]) -> RootEmail:
        if account.state not in (AccountState.ACTIVE, AccountState.UNKNOWN):
            return RootEmail(account, role, EmailVerdict.NOT_APPLICABLE, (EmailReason.NOT_ACTIVE,))
        if not account.email.strip():
            return RootEmail(account, role, EmailVerdict.UNKNOWN, (EmailReason.UNREAD,))
        others = tuple(holder for holder in holders[fold_address(account.email)] if holder != account.account_id)
        shared = {EmailReason.DUPLICATE} if others else set()
        try:
            address = parse_address(account.email)
        except InputError:
            reasons = tuple(sorted({EmailReason.MALFORMED, *shared}))
            return RootEmail(account, role, EmailVerdict.FAIL, reasons, shared_with=others)
        basis, attestation = self.find_group(address)
        reasons = tuple(sorted({*self.find_breaches(address), *shared}))
        verdict = EmailVerdict.UNKNOWN if reasons else EmailVerdict.PASS
        if not _UNKNOWN_REASONS.issuperset(reasons):
            verdict = EmailVerdict.FAIL
        return RootEmail(
            account,
            role,
            verdict,
            reasons,
            group_basis=basis,
            attested_by=attestation.attested_by if attestation else None,
            attested_until=attestation.until if attestation else None,
            shared_with=others,
        )


def fold_address(text: str) -> str:
    """Fold an address for comparison: case doesn't count."""
    return text.strip().lower()


def find_holders(accounts: Iterable[Account]) -> dict[str, tuple[AccountId, ...]]:
    """Map each address in lower case to its accounts, those that aren't ACTIVE included."""
    holders: dict[str, tuple[AccountId, ...]] = {}
    for account in accounts:
        address = fold_address(account.email)
        holders[address] = (*holders.get(address, ()), account.account_id)
    return holders


def count_verdicts(found: Iterable[RootEmail]) -> dict[str, int]:
    return count_each(EmailVerdict, (email.verdict for email in found), "accounts")


def has_email_findings(found: Iterable[RootEmail], fail_on: frozenset[FailOn]) -> bool:
    """Whether the answer is bad; an address that breaks a rule counts as ``present``."""
    return is_bad({email.verdict for email in found}, fail_on)


ONE_TIME_PASSWORD_LASTS = timedelta(hours=24)
PROPAGATION_TAKES = timedelta(hours=4)

EMAIL_PARAMETER = "email"
"""The ledger's parameter for the new address."""

_ONE_TIME_PASSWORD = re.compile(r"[a-zA-Z0-9]{6}")


def parse_one_time_password(text: str) -> OneTimePassword:
    """:raises InputError: if it isn't 6 letters and digits; the message doesn't repeat it."""
    if not _ONE_TIME_PASSWORD.fullmatch(text.strip()):
        raise InputError(
            "This isn't a one-time password. A one-time password has 6 letters and digits.",
            hint="Copy it from the mail that AWS sent to the new address.",
        )
    return OneTimePassword(text.strip())


@dataclass(frozen=True, slots=True)
class EmailChangeRequest:
    """A person's request to change the address of an account."""

    address: str
    reason: str
    ticket: str | None = None
    overrides: bool = False
    """Whether to change the address despite objections."""
    restarts: bool = False
    """Whether AWS sends another one-time password although an earlier password may be on its way."""


@dataclass(frozen=True, slots=True)
class EmailUpdateSnapshot:
    """An account's newest change as AWS reported it at a point in time."""

    was_read: bool
    update: EmailUpdate | None = None

    @property
    def updated_at(self) -> datetime | None:
        return self.update.updated_at if self.update else None

    def describe(self) -> dict[str, JsonValue]:
        """Render it for the intent, so that a later read shows whether the call acted."""
        at = self.updated_at
        return {"update_before_was_read": self.was_read, "update_before_at": at.isoformat() if at else None}


@dataclass(frozen=True, slots=True)
class EmailReread:
    """The result of a re-read."""

    email: str | None
    """The account's address; ``None`` if it couldn't be read."""
    update: EmailUpdate | None
    """``None`` if AWS reports no change, or it couldn't be read. Neither proves anything."""

    def shows(self, address: str) -> bool:
        return self.email is not None and fold_address(self.email) == fold_address(address)


@dataclass(frozen=True, slots=True)
class StartedEmailUpdate:
    """A change that the ledger shows as started, with a one-time password that may still be accepted."""

    email: str
    started_at: datetime
    is_certain: bool
    """Whether AWS confirmed the start."""


def find_started_update(entries: Iterable[LedgerEntry], now: datetime) -> StartedEmailUpdate | None:
    """Find the newest start that wasn't refused or accepted and isn't too old.

    :param entries: the entries of an account, in the order of their sequence.
    """
    started: dict[int, StartedEmailUpdate] = {}
    for entry in entries:
        if entry.action is Action.EMAIL_UPDATE_START and entry.phase is Phase.INTENT:
            email = str(entry.parameters.get(EMAIL_PARAMETER, ""))
            started[entry.sequence] = StartedEmailUpdate(email, entry.at, is_certain=False)
        elif entry.action is Action.EMAIL_UPDATE_START and entry.intent_sequence in started:
            known = started.pop(entry.intent_sequence)
            if entry.result is not Result.FAILED:
                started[entry.intent_sequence] = StartedEmailUpdate(
                    known.email, known.started_at, entry.result is Result.DONE
                )
        elif entry.action is Action.EMAIL_UPDATE_ACCEPT and entry.result is Result.DONE:
            started.clear()
    newest = max(started.values(), key=lambda update: update.started_at, default=None)
    return newest if newest and now < newest.started_at + ONE_TIME_PASSWORD_LASTS else None


def is_overtaken(started: StartedEmailUpdate, newest: EmailUpdate | None) -> bool:
    """Whether AWS shows that it doesn't wait for this one-time password any more."""
    if newest is None or newest.updated_at is None:
        return False
    is_older = newest.updated_at < started.started_at - CLOCK_SKEW
    is_another = newest.status is EmailUpdateStatus.PENDING and newest.updated_at > started.started_at + CLOCK_SKEW
    return is_older or is_another or newest.status is EmailUpdateStatus.FAILED


def was_started(intent_parameters: Mapping[str, JsonValue], after: EmailUpdateSnapshot) -> bool | None:
    """Whether a start acted: AWS's newest change isn't the earlier change in the intent. Compares no clocks.

    ``None`` if either of them couldn't be read.
    """
    if not intent_parameters.get("update_before_was_read") or not after.was_read:
        return None
    if after.update is None:
        return False
    if after.updated_at is None:
        return None
    return after.updated_at.isoformat() != intent_parameters.get("update_before_at")


def evaluate_acceptance(
    reread: EmailReread, address: str, sent_at: datetime, now: datetime, *, was_answered: bool
) -> Result | None:
    """Find the result of an acceptance from a re-read; ``None`` while the re-read proves nothing.

    :param was_answered: whether AWS confirmed the acceptance; then only the address itself proves anything.
    """
    if reread.shows(address):
        return Result.DONE
    if reread.email is None:
        return None
    if not was_answered and reread.update is not None and _is_refused(reread.update, sent_at):
        return Result.FAILED
    return Result.FAILED if now >= sent_at + PROPAGATION_TAKES else None


def _is_refused(newest: EmailUpdate, sent_at: datetime) -> bool:
    """Whether AWS shows that the acceptance had no effect. A change that started after it proves nothing."""
    if newest.status is EmailUpdateStatus.PENDING:
        return newest.updated_at is None or newest.updated_at <= sent_at + CLOCK_SKEW
    return newest.status is EmailUpdateStatus.FAILED
