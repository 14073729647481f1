"""Who may ask what, as data: each command, tried as each caller, and what that caller is shown instead of an answer.

A caller can be the wrong one for a part of an answer. That part is a line ``unknown: needs CALLER``. The page
``docs/reference/callers.md`` shows this table; ``test_callers.py`` tries every cell and holds the page to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tests.functional.promises.command_lines import OF_OUR_OWN, OF_SERVERS, OF_SEVERAL

MANAGEMENT = "111122223333"
FAILSAFE = "222233334444"
CLEAN = "666677778888"
"""A member without root user credentials, so that an answer about it is good."""
FILLED = "600070008000"
"""A member with a root access key; the plan of ``apply`` is about it."""
LOCKED = "888899990000"
BUCKET, QUEUE = "amzn-s3-demo-orders-invoices", "orders-incoming"
WINDOW = "400050006000"
EXCEPTED = "700080009000"
PERSONAL = "232345456767"


class Caller(StrEnum):
    """In whose account the caller is; each is an administrator there."""

    MANAGEMENT = "management account"
    IAM = "delegate for IAM"
    ACCOUNT_MANAGEMENT = "delegate for Account Management"
    IDENTITY_CENTER = "delegate for Identity Center"


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that not every caller can read."""

    name: str
    needs: str
    """Who could, as the line says it."""


_IAM_CALLERS = "the management account or a delegated administrator for IAM"

FEATURES = Gap("the features", _IAM_CALLERS)
ROOT_USERS = Gap("members' root users", f"{_IAM_CALLERS}, with sts:AssumeRoot for the task policy")
RESOURCES = Gap("buckets, queues and their policies", f"{_IAM_CALLERS}, with sts:AssumeRoot for the task policy")
REGIONS = Gap(
    "which Regions an account has enabled",
    "the management account or the delegated administrator for Account Management",
)
MANAGEMENT_AUDITED = Gap("the management account's root user", "the management account")
MANAGEMENT_ROOT = Gap("the management account's root user", f"an identity of account {MANAGEMENT}")
MANAGEMENT_IDENTITIES = Gap("IAM of the management account", f"an identity of account {MANAGEMENT}")
FAILSAFE_IDENTITIES = Gap("IAM of the failsafe", f"an identity of account {FAILSAFE}")
PERMISSION_SETS = Gap(
    "permission sets",
    "an identity of the management account, or of the delegated administrator for sso.amazonaws.com",
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line that says of something that it is unknown, and who could read it."""

    gap: Gap
    subject: str = ""
    """Words of the line, apart from who is needed; nothing is said to be good that names them."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What one caller gets of one command line."""

    status: int = 0
    lines: tuple[Line, ...] = ()
    refused_for: str = ""
    """Only of a change, or of an audit: whom the refusal names, who could make it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One command line, in an organization where everything is set up, and what each caller gets."""

    words: tuple[str, ...]
    """``{folder}``, ``{plan}``, ``{job}`` and ``{yesterday}`` are filled in."""
    cells: Mapping[Caller, Cell]
    title: str = ""
    """As the page shows it; by default the command's name."""

    @property
    def command(self) -> tuple[str, ...]:
        """Its name, such as ``("unlock", "s3")``."""
        return self.words[:2] if self.words[0] in GROUPS else self.words[:1]

    @property
    def shown(self) -> str:
        return self.title or " ".join(self.command)


GROUPS = frozenset(
    {"controls", "emails", "exceptions", "failsafe", "jobs", "ledger", "policies", "report", "unlock", "windows"},
)

ALL = Cell()
IAM_PEOPLE = (Caller.MANAGEMENT, Caller.IAM)
OTHER_DELEGATES = (Caller.ACCOUNT_MANAGEMENT, Caller.IDENTITY_CENTER)


def for_all(cell: Cell = ALL) -> dict[Caller, Cell]:
    return dict.fromkeys(Caller, cell)


def for_iam_callers(others: Cell, allowed: Cell = ALL) -> dict[Caller, Cell]:
    """Of a command that only the management account and the delegate for IAM can ask in full."""
    return dict.fromkeys(IAM_PEOPLE, allowed) | dict.fromkeys(OTHER_DELEGATES, others)


def for_management(others: Cell) -> dict[Caller, Cell]:
    return dict.fromkeys(Caller, others) | {Caller.MANAGEMENT: ALL}


_DRIFT = Line(FEATURES, "Drift unknown")
_ROOT_USER = Line(ROOT_USERS, CLEAN)
_MANAGEMENT_ROOT = Line(MANAGEMENT_AUDITED, MANAGEMENT)
_FAILSAFE_CHECKS = ("password", "mfa devices", "hardware mfa", "access keys", "signing certificates")
_WITHOUT_FEATURES = Cell(lines=(Line(FEATURES),))

_BREAKGLASS_FAILSAFE = Line(FAILSAFE_IDENTITIES, f"iam identities {FAILSAFE}")
_BREAKGLASS_WAY_IN = Line(ROOT_USERS, "way in")
_BREAKGLASS_MANAGEMENT = (
    *(
        Line(MANAGEMENT_ROOT, f"management {name} {MANAGEMENT}")
        for name in ("mfa", "access keys", "signing certificates", "last use")
    ),
    Line(MANAGEMENT_IDENTITIES, f"iam identities {MANAGEMENT}"),
)
_BREAKGLASS_OTHERS = (_BREAKGLASS_WAY_IN, *_BREAKGLASS_MANAGEMENT, _BREAKGLASS_FAILSAFE)
_BREAKGLASS_SETS = (
    Line(PERMISSION_SETS, f"permission sets {MANAGEMENT}"),
    Line(PERMISSION_SETS, f"permission sets {FAILSAFE}"),
)

NO_SESSION = Cell(3, refused_for="a delegated administrator for IAM")
READING = (
    Row(("status", "--fail-on", "unknown"), for_iam_callers(Cell(1, (Line(FEATURES, "? Unknown"), _DRIFT)))),
    Row(
        ("audit", CLEAN, MANAGEMENT),
        {
            Caller.MANAGEMENT: ALL,
            Caller.IAM: Cell(0, (_MANAGEMENT_ROOT,)),
            Caller.ACCOUNT_MANAGEMENT: NO_SESSION,
            Caller.IDENTITY_CENTER: NO_SESSION,
        },
    ),
    Row(
        ("plan", CLEAN, "--out", "{folder}/plan.json", "--fail-on", "unknown"), for_iam_callers(Cell(1, (_ROOT_USER,)))
    ),
    Row(("preflight", CLEAN), for_all()),
    Row(("emails", "list", CLEAN, MANAGEMENT), for_all()),
    Row(
        ("failsafe", "check"),
        for_iam_callers(Cell(1, tuple(Line(ROOT_USERS, f"{name} {FAILSAFE}") for name in _FAILSAFE_CHECKS))),
    ),
    Row(("failsafe", "runbook"), for_all()),
    Row(
        ("breakglass",),
        {
            Caller.MANAGEMENT: Cell(1, (_BREAKGLASS_FAILSAFE,)),
            Caller.IAM: Cell(1, (*_BREAKGLASS_MANAGEMENT, *_BREAKGLASS_SETS)),
            Caller.ACCOUNT_MANAGEMENT: Cell(1, (*_BREAKGLASS_OTHERS, *_BREAKGLASS_SETS)),
            Caller.IDENTITY_CENTER: Cell(1, _BREAKGLASS_OTHERS),
        },
    ),
    *(
        Row(("policies", name), for_iam_callers(_WITHOUT_FEATURES))
        for name in ("roles", "scp", "alarms", "cloudformation", "terraform")
    ),
    Row(("unlock", "s3", LOCKED), for_iam_callers(Cell(1, (Line(RESOURCES),))), "unlock s3 ACCOUNT"),
    Row(
        ("unlock", "s3", LOCKED, BUCKET),
        for_iam_callers(Cell(1, (Line(RESOURCES, "Verdict"),))),
        "unlock s3 ACCOUNT BUCKET",
    ),
    Row(
        ("unlock", "sqs", LOCKED),
        {
            Caller.MANAGEMENT: ALL,
            Caller.IAM: Cell(0, (Line(REGIONS, LOCKED),)),
            Caller.ACCOUNT_MANAGEMENT: Cell(1, (Line(RESOURCES),)),
            Caller.IDENTITY_CENTER: Cell(1, (Line(REGIONS, LOCKED), Line(RESOURCES))),
        },
        "unlock sqs ACCOUNT",
    ),
    Row(
        ("unlock", "sqs", LOCKED, QUEUE, "--regions", "us-east-1"),
        for_iam_callers(Cell(1, (Line(RESOURCES, "Verdict"),))),
        "unlock sqs ACCOUNT QUEUE --regions",
    ),
    Row(("windows", "list"), for_all()),
    Row(("windows", "show", WINDOW), for_all()),
    Row(("windows", "report", WINDOW), for_all()),
    Row(("exceptions", "list"), for_all()),
    Row(("jobs", "list"), for_all()),
    Row(("jobs", "show", "{job}"), for_all()),
    Row(("controls", "frameworks"), for_all()),
    Row(("controls", "list", "--framework", "cis-7.0", "--fail-on", "none"), for_all()),
    Row(("controls", "show", "cis-7.0/2.4", "--fail-on", "none"), for_all()),
    Row(
        ("report", "write", "--from", "30d", "--fail-on", "none", "--format", "json", "--out", "{folder}/report"),
        for_all(),
    ),
    Row(("ledger", "list"), for_all()),
    Row(("ledger", "verify"), for_all()),
    Row(("ledger", "export", "--out", "{folder}/ledger.jsonl"), for_all()),
)
"""Commands that read."""

_NOT_ALLOWED_RECOVERY = Cell(3, refused_for="the management account")
_NO_SESSION = Cell(3, refused_for="the management account or a delegated administrator for IAM")
_NOT_MANAGEMENT = Cell(3, refused_for="the management account")
_NO_EMAILS = Cell(3, refused_for="the management account or of the delegated administrator for Account Management")

DRY_RUNS = (
    Row(("delete", CLEAN, "--dry-run"), for_iam_callers(Cell(1, (_ROOT_USER,)))),
    Row(("apply", "{plan}", "--dry-run"), for_all()),
    Row(("recover", CLEAN, "--reason", "drill", "--dry-run"), for_iam_callers(_NOT_ALLOWED_RECOVERY)),
    Row(("windows", "close", WINDOW, "--dry-run"), for_all()),
    Row(("report", "send", "--to", "file:{folder}/evidence.json", "--dry-run"), for_all()),
    Row(
        ("unlock", "s3", LOCKED, BUCKET, "--remove", "--dry-run"),
        for_all(),
        "unlock s3 ACCOUNT BUCKET --remove",
    ),
    Row(
        ("unlock", "sqs", LOCKED, QUEUE, "--remove", "--dry-run"),
        for_all(),
        "unlock sqs ACCOUNT QUEUE --remove",
    ),
    Row(("failsafe", "set-up", FAILSAFE, "--dry-run"), for_iam_callers(_NO_SESSION)),
    Row(
        (
            "failsafe",
            "record-drill",
            FAILSAFE,
            "--by",
            "Ana",
            "--at",
            "{yesterday}",
            "--outcome",
            "passed",
            "--dry-run",
        ),
        for_all(),
    ),
    Row(
        (
            *("failsafe", "attest", FAILSAFE, "--claim", "purpose", "--owner", "Ana", "--reason", "x"),
            *("--until", "30d", "--dry-run"),
        ),
        for_all(),
    ),
    Row(
        ("emails", "change", PERSONAL, "aws+li@example.com", "--reason", "Li has left", "--dry-run"),
        dict.fromkeys(Caller, ALL) | {Caller.IAM: _NO_EMAILS, Caller.IDENTITY_CENTER: _NO_EMAILS},
    ),
    Row(("emails", "attest", "a@example.com", "--by", "Ana", "--until", "30d", "--dry-run"), for_all()),
    Row(
        ("controls", "attest", "cis-7.0/5.3", "--owner", "Ana", "--reason", "drill", "--until", "30d", "--dry-run"),
        for_all(),
    ),
    Row(
        ("exceptions", "add", CLEAN, "--owner", "Ana", "--reason", "x", "--until", "30d", "--dry-run"),
        for_all(),
    ),
    Row(("exceptions", "remove", EXCEPTED, "--dry-run"), for_all()),
    Row(("status", "--accept", "--dry-run"), for_iam_callers(Cell(lines=(Line(FEATURES),))), "status --accept"),
    Row(("enable", "--dry-run"), for_management(_NOT_MANAGEMENT)),
    Row(("disable", "--dry-run"), for_iam_callers(_NOT_ALLOWED_RECOVERY)),
)
"""Commands that change something, dry: a caller who may not make the change is refused, and shown who may."""

ASK_NOTHING: dict[tuple[str, ...], str] = {
    ("doctor",): "says of each of its checks what the caller lacks",
    ("demo",): "has an organization and callers of its own",
    ("jobs", "cancel"): "changes the database alone, and has no dry run",
    ("jobs", "resume"): "continues a command above",
    ("ledger", "adopt"): "changes the database first, and then needs what audit and windows close need",
    ("sandbox",): "is what the callers here call",
    ("database", "backup"): "reads the database alone",
    ("database", "check"): "reads the database alone",
    ("diff",): "reads the database alone",
    ("history",): "reads the database alone",
    ("notifications", "list"): "reads the database alone",
    ("token", "list"): "reads the database alone",
    ("users", "list"): "reads the database alone",
    **dict.fromkeys(OF_OUR_OWN, "changes nothing in AWS, and needs no more than the organization's id"),
    **dict.fromkeys(OF_SEVERAL, "needs several organizations; test_organizations_commands tries it"),
    **dict.fromkeys(OF_SERVERS, "is a server, or speaks to one alone"),
}
"""Commands without a row, and why."""
