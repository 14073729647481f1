"""Every setting: a field of its section, with its default, its range and its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from rootkeeper.errors import SettingsError
from rootkeeper.references import PublicAddress, parse_bucket_place, parse_public_address

ENVIRONMENT_PREFIX = "ROOTKEEPER_"
"""Of the variables that give settings."""


def _ranged(default: object, minimum: object, maximum: object) -> Any:
    return field(default=default, metadata={"minimum": minimum, "maximum": maximum})


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where Rootkeeper keeps its data."""

    url: str = field(default="", repr=False)
    """``sqlite:///FILE`` or ``postgresql+psycopg://…``; may contain a password. ``file:PATH`` reads it from a file.
    Default: a file in the data folder.
    """


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """How AWS is called."""

    profile: str = ""
    """The AWS profile whose credentials are used. ``--profile`` wins. Empty: what the AWS CLI would use."""
    region: str = ""
    """The AWS Region of the STS calls. ``--region`` wins. Empty: what the AWS CLI would use."""
    external_id: str = ""
    """The external id with which the roles of ``aws.roles`` are assumed, if their trust policies want one."""
    concurrency: int = _ranged(128, 1, 1024)
    """How many accounts are read at the same time."""
    deletion_concurrency: int = _ranged(16, 1, 1024)
    """How many accounts are changed at the same time."""
    stop_after_denied: int = _ranged(20, 1, 100_000)
    """An audit or a plan stops when AWS denied a root session in each of so many accounts, and allowed none."""
    api_share: int = _ranged(100, 1, 10_000)
    """The percentage of AWS's published request rates that Rootkeeper may use. It begins with four fifths of that and
    takes the rest while AWS throttles nothing. More than 100 is only for a sandbox.
    """
    credentials_renewed: bool = False
    """Whether AWS credentials whose end can't be read are renewed without a person, such as those of a
    ``credential_process``. Otherwise no recovery window opens that could outlive them.
    """
    read_timeout_seconds: int = _ranged(30, 1, 300)
    """How long to wait for the next part of an answer."""
    call_timeout_seconds: int = _ranged(20, 1, 300)
    """How long a whole call may take, however slowly its answer comes. A change that takes longer is unclear, and the
    account is read again.
    """
    verify_seconds: int = _ranged(15, 0, 300)
    """How long to repeat a re-read while AWS still shows deleted credentials."""


@dataclass(frozen=True, slots=True)
class AwsRoleSettings:
    """The roles that a server assumes, each for a kind of work. Without roles, it uses its own credentials."""

    audit: str = ""
    """ARN of the role that audits."""
    delete: str = ""
    """ARN of the role that deletes root user credentials."""
    recover: str = ""
    """ARN of the role that opens and closes recovery windows."""
    report: str = ""
    """ARN of the role that sends reports to Security Hub and S3."""
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

    longest: timedelta = _ranged(timedelta(hours=72), timedelta(seconds=10), timedelta(hours=72))  # noqa: RUF009 - a field
    """The longest window that can be requested."""
    default_length: timedelta = _ranged(timedelta(hours=4), timedelta(seconds=10), timedelta(hours=72))  # noqa: RUF009 - a field
    """How long a window is open if its request doesn't say; never longer than ``longest``."""
    approvals: int = _ranged(1, 0, 10)
    """How many approvals a window, or a new root e-mail address, needs. Only a server can collect them; the work of
    a command without a server is always recorded as unapproved.
    """
    approval_valid: timedelta = _ranged(timedelta(hours=8), timedelta(minutes=1), timedelta(days=7))  # noqa: RUF009 - a field
    """How long a request waits for its approvals, and an approval for its use. Then the window lapses."""
    requesters: tuple[str, ...] = ()
    """Names of users and tokens that may request a window; ``NAME in OU`` for accounts below a unit (an id or a
    path of names). Empty: all whose role permits it.
    """
    approvers: tuple[str, ...] = ()
    """Names of users and tokens that may approve and extend; ``NAME in OU`` for accounts below a unit. Empty: all
    whose role permits it.
    """
    rereads: tuple[timedelta, ...] = _ranged(
        (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=12), timedelta(hours=24)),
        timedelta(seconds=1),
        timedelta(days=7),
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


@dataclass(frozen=True, slots=True)
class UnlockSettings:
    """Bucket and queue policies that root sessions change."""

    protect: tuple[str, ...] = ()
    """Names of buckets and queues whose policies are never changed; ``*`` matches any text."""
    queue_verify_seconds: int = _ranged(90, 0, 300)
    """How long to repeat a re-read while SQS still shows the old policy; SQS may take 60 seconds."""
    saved_policies: Path = Path()
    """The folder for policies that are saved before a change. Default: beside the database, with the ending
    ``.policies``.
    """


@dataclass(frozen=True, slots=True)
class LeaseSettings:
    """How long a silent process keeps its locks."""

    seconds: int = _ranged(6, 2, 300)
    """A process that hasn't renewed its lease for this many seconds counts as dead."""


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    """Files beside the ledger."""

    anchor: Path = Path()
    """The file of head hashes, which reveal a cut or restored database. Default: beside the database, with the ending
    ``.anchor.jsonl``.
    """
    anchor_bucket: str = ""
    """``s3://BUCKET`` or ``s3://BUCKET/PREFIX`` of a bucket with Object Lock. The head hashes are then kept there and
    not in a file, and no one can delete them before their retention ends.
    """
    anchor_retention: timedelta = _ranged(timedelta(days=400), timedelta(days=1), timedelta(days=3650))  # noqa: RUF009 - a field
    """How long S3 keeps each head hash in ``anchor_bucket``. It can't be shortened later."""
    mirror: Path = Path()
    """The file with a copy of every entry, as JSON Lines. Default: beside the database, with the ending
    ``.mirror.jsonl``.
    """
    memory: Path = Path()
    """The folder of a small file that remembers the last heads of anchor and mirror, so that it is noticed if one
    of them is removed. Default: the user's state folder (``XDG_STATE_HOME``). Best on another file system than the
    database.
    """
    spill: Path = Path()
    """The folder for records of closing a window while the database can't be written. Default: the folder of
    the database.
    """

    @property
    def bucket_place(self) -> tuple[str, str] | None:
        """Bucket and prefix of ``anchor_bucket``; ``None`` if it isn't set.

        :raises SettingsError: if it isn't the address of a bucket.
        """
        if not self.anchor_bucket:
            return None
        place = parse_bucket_place(self.anchor_bucket)
        if place is None:
            raise SettingsError(
                "ledger.anchor_bucket isn't the address of a bucket.", hint="Write s3://BUCKET or s3://BUCKET/PREFIX."
            )
        return place


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Server and workers."""

    engine: bool = True
    """Whether this process performs jobs. Recovery windows close also without the engine."""
    job_concurrency: int = _ranged(4, 1, 64)
    """How many jobs a process performs at the same time."""
    closing_concurrency: int = _ranged(64, 1, 256)
    """How many recovery windows a process closes at the same time."""
    connections: int = _ranged(500, 8, 100_000)
    """How many connections a server keeps at the same time; at most half as many as it may have files open. Connections
    that send no request make room for others.
    """
    connections_per_address: int = _ranged(200, 1, 100_000)
    """How many of them can come from the same address; at most half of all. A trusted proxy isn't limited by this."""
    key_file: Path = Path()
    """The key that encrypts second factors. Default: beside the database, with the ending ``.key``. Servers on the same
    PostgreSQL database need the same file.
    """
    public_url: str = ""
    """The address at which people reach the server, such as ``https://rootkeeper.example.com``. The server then refuses
    requests that name another host.
    """
    trusted_proxies: tuple[str, ...] = ()
    """Addresses of proxies, or networks such as ``10.0.1.0/24`` with nothing but proxies, whose headers
    ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are trusted. Those of all other clients are ignored.
    """

    metrics_without_token: bool = False
    """Whether programs on the same machine read ``/metrics`` without a token. Leave it off if a proxy on this machine
    passes on requests of others: the server can't distinguish every proxy from such a program.
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

    audits: tuple[str, ...] = ("0 6 * * * UTC",)
    """When the whole organization is audited. An empty list: never."""
    detailed_audits: tuple[str, ...] = ("0 4 * * SUN UTC",)
    """When the whole organization is audited with the age and last use of each credential. The default runs only where
    an audit has read them before; times of your own always run.
    """
    drift_checks: tuple[str, ...] = ()
    """When the set-up is compared with the accepted set-up."""
    drill_reminders: tuple[str, ...] = ()
    """When a server sends reminders of due drills."""
    reports: tuple[str, ...] = ()
    """When a server sends the evidence report to ``delivery.targets``."""


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """Where a server sends reports."""

    targets: tuple[str, ...] = ()
    """``securityhub`` or ``securityhub:REGION``; ``s3://BUCKET/PREFIX FORMAT``; ``file:PATH FORMAT``, where PATH is a
    file, or a folder with a slash at its end. A scheduled report goes to each of them; people can send a report to
    these alone.
    """
    period: timedelta = _ranged(timedelta(days=30), timedelta(days=1), timedelta(days=3650))  # noqa: RUF009 - a field
    """The length of the period of a scheduled report, which ends when it is sent."""


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
    """How long audits are kept, and how long a reading is evidence."""

    keep: timedelta = _ranged(timedelta(days=400), timedelta(days=1), timedelta(days=3650))  # noqa: RUF009 - a field
    """Older audits are deleted, except the last audit of each account."""
    stale_after: timedelta = _ranged(timedelta(days=30), timedelta(days=1), timedelta(days=3650))  # noqa: RUF009 - a field
    """A reading older than this at the end of a report's period counts as unknown: in every report and verdict on
    controls that doesn't say otherwise, by command line, API, console and schedule.
    """


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """The organization's own identity provider (OpenID Connect), with which people can sign in to a server."""

    issuer: str = ""
    """The provider's issuer, exactly as in its discovery document. Empty: no sign-in with a provider."""
    client_id: str = ""
    """The id of this server at the provider."""
    client_secret: str = ""
    """``env:VARIABLE`` or ``file:PATH`` of the client's secret; empty for a client without a secret."""
    name: str = ""
    """The name of the provider on the sign-in page. Default: its host."""
    name_claims: tuple[str, ...] = ("preferred_username", "email")
    """The first of these claims that the provider sends is the person's name here, from the first sign-in on. The claim
    ``email`` counts only if ``email_verified`` is true.
    """
    groups_claim: str = "groups"
    """The claim of the ID token that contains the person's groups."""
    groups: tuple[str, ...] = ()
    """``GROUP=ROLE``. A person in several groups has the strongest role; a person in none can't sign in. On a server of
    several organizations, the shared section gives a role at the server, and an organization's own table a role in it.
    """
    factor_methods: tuple[str, ...] = ("mfa",)
    """Values of the claim ``amr`` with which the provider reports a second factor. If none is sent, the person sets up
    a second factor here.
    """


@dataclass(frozen=True, slots=True)
class NamedOrganization:
    """An organization of the settings file."""

    name: str
    organization_id: str


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
    delivery: DeliverySettings
    notifications: NotificationSettings
    history: HistorySettings
    oidc: OidcSettings
    sources: Mapping[str, str] = field(default_factory=dict)
    """Of each setting that the file or a variable gives, such as ``windows.longest``: the variable, or its name in the
    file, such as ``organizations.shop.windows.longest``.
    """
    organization: NamedOrganization | None = None
    """``None`` if the settings file names no organizations."""
    organization_groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For the front of several organizations: the groups of the identity provider that each organization's own table
    names, by the organization's name.
    """


SUBSECTIONS = {"aws_roles": "aws.roles"}
"""Fields of ``Settings`` whose section is inside another section."""
