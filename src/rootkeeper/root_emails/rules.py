"""Root e-mail addresses, checked against the organization's rules.

Root e-mail addresses, judged by the organization's rules.

Whoever reads the mailbox of an address can have the root user's password reset, so an address must be the
organization's own, read by a group and nobody's twice. What isn't known is never a pass: without a list of domains no
address is known to be the organization's own.

Changes of a root e-mail address: how far one is, and what a re-read proves.

AWS sends a one-time password to the new address, waits up to 24 hours for it, and may take up to 4 hours to show the
change everywhere. So "not shown yet" is no proof of anything for a while.

Source: Account Management guide, "Update the root user email address"; API version 2021-02-01.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rootkeeper.aws.rules import EmailUpdate, EmailUpdateStatus, OneTimePassword
from rootkeeper.errors import InputError, SettingsError
from rootkeeper.ledger.rules import Action, LedgerEntry, Phase, Result
from rootkeeper.organization.accounts import Account, AccountId, AccountState, Inventory
from rootkeeper.organization.statuses import AccountRole, FailOn, classify_account_role
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
    EmailReason.DOMAINS_NOT_SET: "emails.allowed_domains isn't set, so nobody knows whose domain it is",
    EmailReason.DOMAIN_NOT_ALLOWED: "its domain isn't one of emails.allowed_domains",
    EmailReason.DUPLICATE: "another account has it too",
    EmailReason.MALFORMED: "it isn't an e-mail address",
    EmailReason.NOT_ACTIVE: "the account isn't ACTIVE",
    EmailReason.NOT_A_GROUP: "no group is known to read it",
    EmailReason.PATTERN_NOT_MATCHED: "it doesn't match emails.approved_pattern",
    EmailReason.UNREAD: "AWS told no address",
}
"""Half a sentence each, for people."""


_UNKNOWN_REASONS = frozenset({EmailReason.DOMAINS_NOT_SET, EmailReason.UNREAD})


class EmailVerdict(StrEnum):
    """What the rules make of an account's address."""

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
        """Where its mail arrives: what follows a plus sign only sorts it. Source: RFC 5233."""
        return f"{self.local.partition('+')[0] or self.local}@{self.domain}"


def parse_address(text: str) -> EmailAddress:
    """Read an e-mail address, whatever its case.

    :raises InputError: if it isn't one.
    """
    found = _ADDRESS.fullmatch(text.strip().lower())
    if found is None:
        raise InputError(f"{text!r} isn't an e-mail address.", hint="Write it as name@example.com.")
    return EmailAddress(found["local"], found["domain"])


@dataclass(frozen=True, slots=True)
class EmailAttestation:
    """Somebody's word that a group reads an address; it ends by itself."""

    address: str
    """In lower case. It covers this address and, if it has no plus sign, those that only add one to it."""
    attested_by: str
    until: datetime
    recorded_by: str
    recorded_at: datetime

    def is_in_force(self, now: datetime) -> bool:
        return now < self.until


def require_attestation(attestation: EmailAttestation, now: datetime) -> EmailAttestation:
    """``attestation``, if it may be kept.

    :raises InputError: if nobody gives it, or its end isn't in the future.
    """
    if not attestation.attested_by:
        raise InputError("An attestation needs somebody who gives it.", hint="Name who knows it: --by NAME")
    if not attestation.is_in_force(now):
        raise InputError(
            f"An attestation can't end in the past ({attestation.until.isoformat()}).",
            hint="Give a later end: --until YYYY-MM-DD",
        )
    return attestation


@dataclass(frozen=True, slots=True)
class EmailRules:
    """What addresses are held to."""

    allowed_domains: frozenset[str] = frozenset()
    """In lower case; ``*.example.com`` stands for all domains below example.com."""
    approved_pattern: re.Pattern[str] | None = None
    groups: frozenset[str] = frozenset()
    """Addresses in lower case."""

    def allow_domain(self, domain: str) -> bool:
        wider = (entry.removeprefix("*") for entry in self.allowed_domains if entry.startswith("*."))
        return domain in self.allowed_domains or any(domain.endswith(ending) for ending in wider)


def parse_rules(allowed_domains: Sequence[str], approved_pattern: str, groups: Sequence[str]) -> EmailRules:
    """Read the rules as the settings write them.

    :raises SettingsError: if a domain, an address or the pattern can't be understood.
    """
    domains = frozenset(domain.lower() for domain in allowed_domains)
    for domain in domains:
        if not _DOMAIN_RULE.fullmatch(domain):
            raise SettingsError(
                f"emails.allowed_domains has {domain!r}, which isn't a domain.",
                hint="Write example.com, or *.example.com for every domain below it.",
            )
    return EmailRules(domains, _parse_pattern(approved_pattern), frozenset(_parse_group(text) for text in groups))


def _parse_pattern(text: str) -> re.Pattern[str] | None:
    if not text:
        return None
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise SettingsError(
            f"emails.approved_pattern {text!r} isn't a regular expression: {error}.",
            hint=r"Write it as Python does, such as aws\+[a-z-]+@example\.com; it must match a whole address.",
        ) from error


def _parse_group(text: str) -> str:
    try:
        return str(parse_address(text))
    except InputError as error:
        raise SettingsError(f"emails.groups has {text!r}, which isn't an e-mail address.", hint=error.hint) from error


@dataclass(frozen=True, slots=True)
class RootEmail:
    """An account's root e-mail address, and what the rules make of it."""

    account: Account
    role: AccountRole
    verdict: EmailVerdict
    reasons: tuple[EmailReason, ...]
    group_basis: GroupBasis | None = None
    attestation: EmailAttestation | None = None
    """The one that was looked at, whether it is in force or has ended."""
    shared_with: tuple[AccountId, ...] = ()
    """Other accounts with the same address."""


@dataclass(frozen=True, slots=True)
class RootEmailEvaluator:
    """The rules, and what is needed to apply them."""

    rules: EmailRules
    attestations: Mapping[str, EmailAttestation]
    """By their address."""
    now: datetime

    def evaluate_all(self, inventory: Inventory) -> tuple[RootEmail, ...]:
        """Every account of the inventory, in its order, the management account included."""
        holders = find_holders(inventory.accounts)
        return tuple(
            self._evaluate(account, classify_account_role(account.account_id, inventory), holders)
            for account in inventory.accounts
        )

    def find_breaches(self, address: EmailAddress) -> tuple[EmailReason, ...]:
        """What speaks against an address, alphabetical; whether another account has it is looked at elsewhere."""
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
        """Why the address counts as a group's, if it does, and the attestation that says or said so.

        A plus-address counts by its mailbox, and never the other way round.
        """
        names = (str(address), address.mailbox)
        if self.rules.groups.intersection(names):
            return GroupBasis.SETTINGS, None
        found = [self.attestations[name] for name in names if name in self.attestations]
        latest = max(found, key=lambda one: one.until, default=None)
        return (GroupBasis.ATTESTATION if latest and latest.is_in_force(self.now) else None), latest

    def _evaluate(self, account: Account, role: AccountRole, holders: Mapping[str, tuple[AccountId, ...]]) -> RootEmail:
        if account.state not in (AccountState.ACTIVE, AccountState.UNKNOWN):
            return RootEmail(account, role, EmailVerdict.NOT_APPLICABLE, (EmailReason.NOT_ACTIVE,))
        if not account.email.strip():
            return RootEmail(account, role, EmailVerdict.UNKNOWN, (EmailReason.UNREAD,))
        others = tuple(one for one in holders[fold_address(account.email)] if one != account.account_id)
        shared = {EmailReason.DUPLICATE} if others else set()
        try:
            address = parse_address(account.email)
        except InputError:
            reasons = tuple(sorted({EmailReason.MALFORMED, *shared}))
            return RootEmail(account, role, EmailVerdict.FAIL, reasons, shared_with=others)
        basis, attestation = self.find_group(address)
        reasons = tuple(sorted({*self.find_breaches(address), *shared}))
        return RootEmail(account, role, _evaluate_reasons(reasons), reasons, basis, attestation, others)


def fold_address(text: str) -> str:
    """An address as far as two may be the same: case doesn't count."""
    return text.strip().lower()


def find_holders(accounts: Iterable[Account]) -> dict[str, tuple[AccountId, ...]]:
    """Which accounts have an address, by the address in lower case; those that aren't ACTIVE included."""
    holders: dict[str, tuple[AccountId, ...]] = {}
    for account in accounts:
        address = fold_address(account.email)
        holders[address] = (*holders.get(address, ()), account.account_id)
    return holders


def _evaluate_reasons(reasons: Sequence[EmailReason]) -> EmailVerdict:
    if any(reason not in _UNKNOWN_REASONS for reason in reasons):
        return EmailVerdict.FAIL
    return EmailVerdict.UNKNOWN if reasons else EmailVerdict.PASS


def count_verdicts(found: Iterable[RootEmail]) -> dict[str, int]:
    """How many accounts there are, and how many of each verdict."""
    counts = {"accounts": 0} | {verdict.value: 0 for verdict in EmailVerdict}
    for one in found:
        counts["accounts"] += 1
        counts[one.verdict.value] += 1
    return counts


def has_email_findings(found: Iterable[RootEmail], fail_on: frozenset[FailOn]) -> bool:
    """Whether the answer is bad: a breach of a rule counts as ``present``."""
    verdicts = {one.verdict for one in found}
    return (EmailVerdict.FAIL in verdicts and FailOn.PRESENT in fail_on) or (
        EmailVerdict.UNKNOWN in verdicts and FailOn.UNKNOWN in fail_on
    )


ONE_TIME_PASSWORD_LASTS = timedelta(hours=24)


PROPAGATION_TAKES = timedelta(hours=4)


EMAIL_PARAMETER = "email"
"""What ledger entries of a change call the new address."""


_ONE_TIME_PASSWORD = re.compile(r"[a-zA-Z0-9]{6}")


def parse_one_time_password(text: str) -> OneTimePassword:
    """Read a one-time password.

    :raises InputError: if it isn't 6 letters and digits; the message doesn't repeat it.
    """
    if not _ONE_TIME_PASSWORD.fullmatch(text.strip()):
        raise InputError(
            "This isn't a one-time password: it has 6 letters and digits.",
            hint="Copy it from the mail that AWS has sent to the new address.",
        )
    return OneTimePassword(text.strip())


@dataclass(frozen=True, slots=True)
class EmailUpdateSnapshot:
    """What AWS told of an account's newest change at one moment."""

    was_read: bool
    update: EmailUpdate | None = None

    @property
    def updated_at(self) -> datetime | None:
        return self.update.updated_at if self.update else None

    def describe(self) -> dict[str, JsonValue]:
        """What an intent keeps of the reading before it, so that a later one shows what the call did."""
        at = self.updated_at
        return {"update_before_was_read": self.was_read, "update_before_at": at.isoformat() if at else None}


@dataclass(frozen=True, slots=True)
class EmailReread:
    """What a re-read showed."""

    email: str | None
    """The account's address; ``None`` if it couldn't be read."""
    update: EmailUpdate | None
    """``None`` if AWS knows of no change, or it couldn't be read: neither proves anything."""

    def shows(self, address: str) -> bool:
        return self.email is not None and fold_address(self.email) == fold_address(address)


@dataclass(frozen=True, slots=True)
class StartedEmailUpdate:
    """A change that this ledger knows to have been started, and whose one-time password may still be accepted."""

    email: str
    started_at: datetime
    is_certain: bool
    """Whether AWS answered clearly that it had started."""


def find_started_update(entries: Iterable[LedgerEntry], now: datetime) -> StartedEmailUpdate | None:
    """The newest start that isn't refused, accepted or too old, from one account's ledger entries in their order."""
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
    newest = max(started.values(), key=lambda one: one.started_at, default=None)
    return newest if newest and now < newest.started_at + ONE_TIME_PASSWORD_LASTS else None


def is_overtaken(started: StartedEmailUpdate, newest: EmailUpdate | None) -> bool:
    """Whether AWS shows that the start's one-time password isn't awaited any more."""
    if newest is None or newest.updated_at is None:
        return False
    is_older = newest.updated_at < started.started_at - CLOCK_SKEW
    is_another = newest.status is EmailUpdateStatus.PENDING and newest.updated_at > started.started_at + CLOCK_SKEW
    return is_older or is_another or newest.status is EmailUpdateStatus.FAILED


def was_started(intent_parameters: Mapping[str, JsonValue], after: EmailUpdateSnapshot) -> bool | None:
    """Whether the start of that intent acted: AWS's newest change isn't the one of before. No clocks are compared.

    ``None`` if one of the two couldn't be read.
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
    """What came of an acceptance that was sent, from a re-read; ``None`` while that isn't shown.

    :param was_answered: whether AWS clearly answered success; then only the address itself proves anything.
    """
    if reread.shows(address):
        return Result.DONE
    if reread.email is None:
        return None
    if not was_answered and reread.update is not None and _is_refused(reread.update, sent_at):
        return Result.FAILED
    return Result.FAILED if now >= sent_at + PROPAGATION_TAKES else None


def _is_refused(newest: EmailUpdate, sent_at: datetime) -> bool:
    """Whether AWS shows that the acceptance had no effect. A change that was started after it tells nothing of it."""
    if newest.status is EmailUpdateStatus.PENDING:
        return newest.updated_at is None or newest.updated_at <= sent_at + CLOCK_SKEW
    return newest.status is EmailUpdateStatus.FAILED
