"""Every setting: a field of its section, with its default, its range and its meaning."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from rootkeeper.access.rules import ProviderRules
from rootkeeper.references import PublicAddress, parse_public_address
from rootkeeper.root_emails.rules import EmailRules, parse_rules
from rootkeeper.settings.provider_rules import parse_provider_rules


def _ranged(default: int, minimum: int, maximum: int) -> Any:
    return field(default=default, metadata={"minimum": minimum, "maximum": maximum})


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where Rootkeeper keeps its data."""

    url: str = field(default="", repr=False)
    """``sqlite:///FILE`` or ``postgresql+psycopg://…``; may contain a password. Default: a file in the data folder."""


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """How AWS is called."""

    concurrency: int = _ranged(128, 1, 1024)
    """How many accounts are read at the same time."""
    deletion_concurrency: int = _ranged(16, 1, 1024)
    """How many accounts are changed at the same time."""
    api_share: int = _ranged(80, 1, 10_000)
    """The percentage of AWS's published request rates that Rootkeeper may use. More than 100 is only for a sandbox."""
    read_timeout_seconds: int = _ranged(30, 1, 300)
    """How long to wait for the answer to a call."""
    verify_seconds: int = _ranged(15, 0, 300)
    """How long to repeat a re-read while AWS still shows what was deleted."""


@dataclass(frozen=True, slots=True)
class AwsRoleSettings:
    """The roles that a server assumes, each for one kind of work. Without roles, it uses its own credentials."""

    audit: str = ""
    """ARN of the role that audits."""
    delete: str = ""
    """ARN of the role that deletes root user credentials."""
    recover: str = ""
    """ARN of the role that opens and closes recovery windows."""
    unlock: str = ""
    """ARN of the role that removes or replaces bucket and queue policies."""


@dataclass(frozen=True, slots=True)
class DeletionSettings:
    """Protections of deletion."""

    recently_used_days: int = _ranged(90, 0, 3650)
    """A password or key that was used within this many days blocks its account."""


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """Recovery windows."""

    longest: timedelta = field(
        default=timedelta(hours=72), metadata={"minimum": timedelta(seconds=10), "maximum": timedelta(hours=72)}
    )
    """The longest window that can be requested."""
    approvals: int = _ranged(1, 0, 10)
    """How many approvals a window needs. Only a server can collect them; a window that a command opens without a
    server is always recorded as unapproved.
    """
    approval_valid: timedelta = field(
        default=timedelta(hours=8), metadata={"minimum": timedelta(minutes=1), "maximum": timedelta(days=7)}
    )
    """How long a request waits for its approvals, and an approval for its use. Then the window lapses."""
    requesters: tuple[str, ...] = ()
    """Names of users and tokens that may request a window; ``NAME in OU`` for accounts below one unit (an id or a
    path of names). Empty: all whose role permits it.
    """
    approvers: tuple[str, ...] = ()
    """Names of users and tokens that may approve and extend; ``NAME in OU`` for accounts below one unit. Empty: all
    whose role permits it.
    """
    rereads: tuple[timedelta, ...] = field(
        default=(timedelta(minutes=15), timedelta(hours=1), timedelta(hours=12), timedelta(hours=24)),
        metadata={"minimum": timedelta(seconds=1), "maximum": timedelta(days=7)},
    )
    """When a window's account is read again after closing, because a console session can outlast its password."""
    emergency: bool = False
    """Whether a window may be opened without approval in an emergency; a second person reviews it within 24 hours."""


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """Rules for root e-mail addresses."""

    allowed_domains: tuple[str, ...] = ()
    """Domains that the organization owns; ``*.example.com`` means all domains below it. Empty: no address is known to
    belong to the organization.
    """
    approved_pattern: str = ""
    """A regular expression that a whole address must match, regardless of case. Empty: any address is allowed."""
    groups: tuple[str, ...] = ()
    """Addresses that several people read. An address with a plus sign counts as its mailbox."""

    def to_rules(self) -> EmailRules:
        """:raises SettingsError: if one is invalid."""
        return parse_rules(self.allowed_domains, self.approved_pattern, self.groups)


@dataclass(frozen=True, slots=True)
class UnlockSettings:
    """Bucket and queue policies that root sessions change."""

    protect: tuple[str, ...] = ()
    """Names of buckets and queues whose policies are never changed; ``*`` matches any text."""
    queue_verify_seconds: int = _ranged(90, 0, 300)
    """How long to repeat a re-read while SQS still shows the old policy; SQS may take 60 seconds."""
    saved_policies: Path = Path()
    """The folder for policies that are saved before a change. Default: beside the database, named after it."""


@dataclass(frozen=True, slots=True)
class LeaseSettings:
    """How long a silent process keeps its locks."""

    seconds: int = _ranged(6, 2, 300)
    """A process that hasn't renewed its lease for this many seconds counts as dead."""


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    """Files beside the ledger. Default: beside the database, named after it."""

    anchor: Path = Path()
    """The file of head hashes, which reveal a cut or restored database."""
    mirror: Path = Path()
    """The file with a copy of every entry, as JSON Lines."""
    spill: Path = Path()
    """The folder for records of closing a window while the database can't be written."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Server and workers."""

    engine: bool = True
    """Whether this process performs jobs. Recovery windows close also without the engine."""
    job_concurrency: int = _ranged(4, 1, 64)
    """How many jobs one process performs at the same time."""
    closing_concurrency: int = _ranged(64, 1, 256)
    """How many recovery windows one process closes at the same time."""
    key_file: Path = Path()
    """The key that encrypts second factors. Default: beside the database, with the ending ``.key``. Servers on one
    PostgreSQL database need the same file.
    """
    public_url: str = ""
    """The address at which people reach the server, such as ``https://rootkeeper.example.com``. The server then refuses
    requests that name another host.
    """
    trusted_proxies: tuple[str, ...] = ()
    """Addresses of proxies whose headers ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are trusted. Those of all other
    clients are ignored.
    """

    @property
    def public_address(self) -> PublicAddress | None:
        """:raises SettingsError: if ``public_url`` isn't the address of a server."""
        return parse_public_address(self.public_url)


@dataclass(frozen=True, slots=True)
class WatchingSettings:
    """The source of CloudTrail's events of root users."""

    source: str = ""
    """``sqs:URL`` of a queue that EventBridge or an organization trail's bucket writes to, or ``file:PATH`` of a JSON
    Lines file. Empty: open windows are shown as not watched.
    """
    known_callers: tuple[str, ...] = ()
    """ARNs of further IAM roles and users that open root sessions on purpose, such as those of people who use the
    command line on the same database. A server knows its own roles.
    """


@dataclass(frozen=True, slots=True)
class ScheduleSettings:
    """Scheduled work of a server. Each entry is a cron expression with a time zone: ``0 6 * * * Europe/Berlin``."""

    audits: tuple[str, ...] = ()
    """When the whole organization is audited."""
    drift_checks: tuple[str, ...] = ()
    """When the set-up is compared with the accepted one."""
    drill_reminders: tuple[str, ...] = ()
    """When a server sends reminders of due drills."""


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """Targets of notifications."""

    targets: tuple[str, ...] = ()
    """``NAME SEVERITY REFERENCE``, such as ``oncall critical env:ONCALL_URL``. The severity is the lowest that is sent.
    The reference, ``env:VARIABLE`` or ``file:PATH``, contains the target's URL, which is kept nowhere else.
    """
    allowed_hosts: tuple[str, ...] = ()
    """Hosts that may have private addresses, and ``host:port`` for hosts that may also be used without TLS."""


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """How long audits are kept."""

    keep: timedelta = field(
        default=timedelta(days=400), metadata={"minimum": timedelta(days=1), "maximum": timedelta(days=3650)}
    )
    """Older audits are deleted, except the last one of each account."""


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """The organization's own identity provider (OpenID Connect), with which people can sign in to a server."""

    issuer: str = ""
    """The provider's issuer, exactly as in its discovery document. Empty: no sign-in with a provider."""
    client_id: str = ""
    """The id of this server at the provider."""
    client_secret: str = ""
    """``env:VARIABLE`` or ``file:PATH`` of the client's secret; empty for a client without one."""
    name: str = ""
    """The name of the provider on the sign-in page. Default: its host."""
    name_claims: tuple[str, ...] = ("preferred_username", "email")
    """The first of these claims that the provider sends is the person's name here, from the first sign-in on."""
    groups_claim: str = "groups"
    """The claim of the ID token that contains the person's groups."""
    groups: tuple[str, ...] = ()
    """``GROUP=ROLE``. A person in several groups has the strongest role; a person in none can't sign in."""
    factor_methods: tuple[str, ...] = ("mfa",)
    """Values of the claim ``amr`` with which the provider reports a second factor. If none is sent, the person sets up
    a second factor here.
    """

    def to_rules(self) -> ProviderRules | None:
        """Return ``None`` without an issuer.

        :raises SettingsError: if one is invalid or missing.
        """
        return parse_provider_rules(
            issuer=self.issuer,
            client_id=self.client_id,
            client_secret=self.client_secret,
            name=self.name,
            name_claims=self.name_claims,
            groups_claim=self.groups_claim,
            groups=self.groups,
            factor_methods=self.factor_methods,
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, by section."""

    database: DatabaseSettings
    aws: AwsSettings
    aws_roles: AwsRoleSettings
    deletion: DeletionSettings
    windows: WindowSettings
    emails: EmailSettings
    unlock: UnlockSettings
    lease: LeaseSettings
    ledger: LedgerSettings
    server: ServerSettings
    watching: WatchingSettings
    schedules: ScheduleSettings
    notifications: NotificationSettings
    history: HistorySettings
    oidc: OidcSettings


SUBSECTIONS = {"aws_roles": "aws.roles"}
"""Fields of ``Settings`` whose section is inside another one."""
