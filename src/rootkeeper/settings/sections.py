"""Every setting: a field of its section, with its default, its range and what it means."""

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
    """Where everything is kept."""

    url: str = field(default="", repr=False)
    """``sqlite:///FILE`` or ``postgresql+psycopg://…``; may hold a password. Default: a file in the data folder."""


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """How AWS is called."""

    concurrency: int = _ranged(128, 1, 1024)
    """Accounts that are read at the same time."""
    deletion_concurrency: int = _ranged(16, 1, 1024)
    """Accounts that are changed at the same time."""
    api_share: int = _ranged(80, 1, 10_000)
    """Percent of AWS's published request rates that may be used; the rest is left to others. More than 100 is for a
    sandbox only.
    """
    read_timeout_seconds: int = _ranged(30, 1, 300)
    """For how long the answer to a call is waited for."""
    verify_seconds: int = _ranged(15, 0, 300)
    """For how long a re-read is repeated while AWS still shows what was deleted."""


@dataclass(frozen=True, slots=True)
class AwsRoleSettings:
    """The roles that a server assumes, each for its work alone. Without any, its starting credentials do all of it."""

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
    """What deletion holds back."""

    recently_used_days: int = _ranged(90, 0, 3650)
    """A password or key used in so many days blocks its account."""


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """Recovery windows."""

    longest: timedelta = field(
        default=timedelta(hours=72), metadata={"minimum": timedelta(seconds=10), "maximum": timedelta(hours=72)}
    )
    """The longest window that may be asked for."""
    approvals: int = _ranged(1, 0, 10)
    """Approvals that a window needs. Only a server can collect them; a window that a command line opens straight on
    a database is recorded as unapproved, whatever this says.
    """
    approval_valid: timedelta = field(
        default=timedelta(hours=8), metadata={"minimum": timedelta(minutes=1), "maximum": timedelta(days=7)}
    )
    """For how long a request waits for its approvals, and an approval for its use; then the window lapses."""
    requesters: tuple[str, ...] = ()
    """Names of users and tokens that may request a window; ``NAME in OU`` for accounts below one unit (an id or a
    path of names). Without any, whoever's role permits it.
    """
    approvers: tuple[str, ...] = ()
    """Names of users and tokens that may approve and extend; ``NAME in OU`` for accounts below one unit. Without any,
    whoever's role permits it.
    """
    rereads: tuple[timedelta, ...] = field(
        default=(timedelta(minutes=15), timedelta(hours=1), timedelta(hours=12), timedelta(hours=24)),
        metadata={"minimum": timedelta(seconds=1), "maximum": timedelta(days=7)},
    )
    """How long after its closing a window's account is read again, since a console session may outlast its password."""
    emergency: bool = False
    """Whether a window may be opened before anybody approved it; a second person reviews it within 24 hours."""


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """What root e-mail addresses are held to."""

    allowed_domains: tuple[str, ...] = ()
    """Domains that the organization owns; ``*.example.com`` stands for all below it. Without any, no address is known
    to be the organization's own.
    """
    approved_pattern: str = ""
    """A regular expression that a whole address must match, whatever its case. Without one, any may stand."""
    groups: tuple[str, ...] = ()
    """Addresses that several people read. An address with a plus sign counts by its mailbox."""

    def to_rules(self) -> EmailRules:
        """:raises SettingsError: if one can't be understood."""
        return parse_rules(self.allowed_domains, self.approved_pattern, self.groups)


@dataclass(frozen=True, slots=True)
class UnlockSettings:
    """Bucket and queue policies that root sessions change."""

    protect: tuple[str, ...] = ()
    """Names of buckets and queues whose policies are never changed; ``*`` stands for any text."""
    queue_verify_seconds: int = _ranged(90, 0, 300)
    """For how long a re-read is repeated while SQS still shows the policy of before; SQS may take 60 seconds."""
    saved_policies: Path = Path()
    """The folder for the policies that are saved before a change. Default: beside the database, named after it."""


@dataclass(frozen=True, slots=True)
class LeaseSettings:
    """How long a silent process keeps its locks."""

    seconds: int = _ranged(6, 2, 300)
    """After so many seconds without a sign of life a process counts as dead."""


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    """What stands beside the ledger: by default where the database is, named after it."""

    anchor: Path = Path()
    """Head hashes, so that a cut or restored database shows."""
    mirror: Path = Path()
    """A copy of every entry as JSON Lines."""
    spill: Path = Path()
    """The folder for what closing a window writes while the database can't be written."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Server and workers."""

    engine: bool = True
    """Whether this process performs jobs. Recovery windows close without the engine, too."""
    job_concurrency: int = _ranged(4, 1, 64)
    """Jobs that one process performs at the same time."""
    closing_concurrency: int = _ranged(64, 1, 256)
    """Recovery windows that one process closes at the same time."""
    key_file: Path = Path()
    """The key by which second factors are encrypted. By default beside the database, with ``.key`` at its end; servers
    on one PostgreSQL database need the same file.
    """
    public_url: str = ""
    """The address by which people reach the server, such as ``https://rootkeeper.example.com``. Requests that name
    another host are then refused.
    """
    trusted_proxies: tuple[str, ...] = ()
    """Addresses of proxies that say truly by whom, and whether by TLS, they were asked (``X-Forwarded-For``,
    ``X-Forwarded-Proto``). Nobody else is believed.
    """

    @property
    def public_address(self) -> PublicAddress | None:
        """:raises SettingsError: if ``public_url`` is no address of a server."""
        return parse_public_address(self.public_url)


@dataclass(frozen=True, slots=True)
class WatchingSettings:
    """Where CloudTrail's events of root users come from."""

    source: str = ""
    """``sqs:URL`` of a queue that EventBridge or an organization trail's bucket writes to, or ``file:PATH`` of a JSON
    Lines file. Without one, open windows are shown as not watched.
    """
    known_callers: tuple[str, ...] = ()
    """ARNs of further IAM roles and users that open root sessions on purpose, such as those of people who use the
    command line on the same database. A server knows its own.
    """


@dataclass(frozen=True, slots=True)
class ScheduleSettings:
    """What a server does by itself. Each entry is a cron expression with a time zone: ``0 6 * * * Europe/Berlin``."""

    audits: tuple[str, ...] = ()
    """When the whole organization is audited."""
    drift_checks: tuple[str, ...] = ()
    """When the set-up is compared with the accepted one."""
    drill_reminders: tuple[str, ...] = ()
    """When people are reminded of a drill that is due."""


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """Who is told of what."""

    targets: tuple[str, ...] = ()
    """``NAME SEVERITY REFERENCE``, such as ``oncall critical env:ONCALL_URL``: the severity is the least that is
    sent, the reference ``env:VARIABLE`` or ``file:PATH`` holds the target's URL, which is never kept anywhere else.
    """
    allowed_hosts: tuple[str, ...] = ()
    """Hosts with private addresses that may be sent to, and ``host:port`` for those that may be sent to without TLS."""


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """How long what was audited is kept."""

    keep: timedelta = field(
        default=timedelta(days=400), metadata={"minimum": timedelta(days=1), "maximum": timedelta(days=3650)}
    )
    """Audits older than that are forgotten, but for the last one of each account."""


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """The organization's own identity provider (OpenID Connect), where people may sign in to a server."""

    issuer: str = ""
    """The provider's address as it tells it itself; without one nobody signs in there."""
    client_id: str = ""
    """What the provider calls this server."""
    client_secret: str = ""
    """``env:VARIABLE`` or ``file:PATH`` of the client's secret; empty for a client that has none."""
    name: str = ""
    """What the sign-in page calls the provider. Default: its host."""
    name_claims: tuple[str, ...] = ("preferred_username", "email")
    """The first of these claims that the provider sends is the person's name here, from the first sign-in on."""
    groups_claim: str = "groups"
    """The claim of the ID token that holds the person's groups."""
    groups: tuple[str, ...] = ()
    """``GROUP=ROLE``: who is in several groups has the strongest role, who is in none doesn't get in."""
    factor_methods: tuple[str, ...] = ("mfa",)
    """Values of the claim ``amr`` by which the provider says that it has taken a second factor. Without any of them a
    person sets one up here.
    """

    def to_rules(self) -> ProviderRules | None:
        """``None`` without an issuer.

        :raises SettingsError: if one can't be understood, or something is missing.
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
"""Fields of ``Settings`` whose section lies in another one."""
