"""``rootkeeper unlock``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from rootkeeper.access.rules import Permission
from rootkeeper.aws.rules import ResourceKind, require_resource_name
from rootkeeper.cli.changes import ChangeOptions, end_dry_run
from rootkeeper.cli.invocation import Invocation, add, group, through_server
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.outputs import ExitStatus, OptionSet, OutputFormat
from rootkeeper.errors import InputError
from rootkeeper.ledger.rules import Result
from rootkeeper.organization.accounts import AccountId, parse_account_id
from rootkeeper.unlock.rules import ChangeKind, LockoutVerdict
from rootkeeper.worker.requests import UnlockRequest

_PANEL = "What to do"


@dataclass(frozen=True, slots=True)
class UnlockOptions(OptionSet):
    """At most one of them, the failsafe's aside."""

    show: Annotated[
        bool, typer.Option("--show", help="Show the policy, as without any of these.", rich_help_panel=_PANEL)
    ] = False
    remove: Annotated[bool, typer.Option("--remove", help="Remove the policy.", rich_help_panel=_PANEL)] = False
    corrected: Annotated[
        bool,
        typer.Option("--corrected", help="Leave out the statements that lock everyone out.", rich_help_panel=_PANEL),
    ] = False
    replace: Annotated[
        Path | None,
        typer.Option("--replace", metavar="FILE", help="Put the policy in FILE.", rich_help_panel=_PANEL),
    ] = None
    restore: Annotated[
        Path | None,
        typer.Option("--restore", metavar="FILE", help="Put a copy back that was saved.", rich_help_panel=_PANEL),
    ] = None
    include_failsafe: Annotated[
        list[str] | None,
        typer.Option("--include-failsafe", metavar="ID", help="Don't spare this delegated administrator."),
    ] = None

    @property
    def included_failsafes(self) -> frozenset[AccountId]:
        return frozenset(parse_account_id(text) for text in self.include_failsafe or ())

    @property
    def file(self) -> Path | None:
        """What is put."""
        return self.replace or self.restore

    def choose_change(self, resource: str | None) -> ChangeKind | None:
        """The change asked for; ``None`` for showing.

        :raises InputError: if more than one thing is asked for, or a change of no bucket or queue.
        """
        asked = {
            ChangeKind.REMOVE: self.remove,
            ChangeKind.CORRECTED: self.corrected,
            ChangeKind.REPLACE: self.replace is not None,
            ChangeKind.RESTORE: self.restore is not None,
        }
        chosen = [change for change, is_asked in asked.items() if is_asked]
        if len(chosen) + self.show > 1:
            raise InputError("Only one of --show, --remove, --corrected, --replace and --restore can be done at once.")
        if (chosen or self.show) and resource is None:
            raise InputError(
                "Name the bucket or queue whose policy is meant.", hint="Without a name all of the account are listed."
            )
        return chosen[0] if chosen else None

    def read_file(self) -> str | None:
        """The text to put, or ``None``. Its ends of lines stay as they are, since a copy is known by its hash.

        :raises InputError: if the file can't be read.
        """
        if self.file is None:
            return None
        try:
            return self.file.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise InputError(f"The policy file {self.file} can't be read: {reason}.", hint="Check its path.") from error


_LIST_OUTPUTS = (OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)
_ONE_OUTPUTS = (OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL)


def unlock(
    invocation: Invocation,
    change: ChangeOptions,
    options: UnlockOptions,
    kind: ResourceKind,
    account: str,
    name: str | None,
    regions: str | None = None,
) -> int:
    """List, show or change; the exit status."""
    from rootkeeper.cli.rendering.unlocks import (
        show_listing_of_resources,
        show_outcome,
        show_resource_policy,
        show_unneeded,
    )

    wanted = options.choose_change(name)
    if name is not None:
        require_resource_name(kind, name)
    policy, terminal = options.read_file(), invocation.terminal
    output = invocation.choose_output(*(_LIST_OUTPUTS if name is None else _ONE_OUTPUTS))
    asked_regions = tuple(region.strip() for region in (regions or "").split(",") if region.strip())
    request = UnlockRequest(account, kind, name, wanted, asked_regions, options.included_failsafes)
    with open_operator(invocation) as operator:
        if wanted is None and not change.dry_run:
            operator.warn_overdue()
            record = operator.open_unlocking(request, policy, str(options.file or "")).read()
            if name is None:
                show_listing_of_resources(record, output, terminal)
            else:
                show_resource_policy(record, output, terminal)
            return ExitStatus.BAD if _has_unknown(record, kind) else ExitStatus.GOOD
        confirmation = operator.begin_change(change, output, Permission.POLICIES_UNLOCK)
        unlocking = operator.open_unlocking(request, policy, str(options.file or ""))
        if change.dry_run:
            return end_dry_run(confirmation, unlocking.describe(), terminal)
        statement, unneeded = unlocking.plan()
        if unneeded is None:
            confirmation.require_consent(statement)
            outcome, found = unlocking.change()
            if outcome["result"] != "unchanged":
                show_outcome(outcome, found, output, terminal)
                return ExitStatus.GOOD if outcome["result"] == Result.DONE else ExitStatus.INCOMPLETE
            unneeded = outcome
        show_unneeded(unneeded, output, terminal)
        return ExitStatus.GOOD


def _has_unknown(record: Mapping[str, Any], kind: ResourceKind) -> bool:
    """Whether a policy, or which there are, couldn't be read."""
    listed = record.get(f"{kind.noun}s", [record])
    return bool(record.get("unknown")) or any(one["verdict"] == LockoutVerdict.UNKNOWN for one in listed)


AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="An account id or unique name.")]


@through_server
def unlock_bucket(
    invocation: Invocation,
    change: ChangeOptions,
    options: UnlockOptions,
    *,
    account: AccountArgument,
    bucket: Annotated[
        str | None, typer.Argument(metavar="[BUCKET]", help="A bucket; without one all are listed.", show_default=False)
    ] = None,
) -> int:
    """List an account's buckets, show or mend a bucket policy that locks everyone out.

    Without BUCKET: every bucket, its Region, and whether its policy locks everyone out. With BUCKET alone, or --show:
    the policy, the statement that locks out, and a policy without it.

    Changes: nothing without --remove, --corrected, --replace or --restore; with one of them the bucket's policy, which
    is saved first, its hash in the ledger. A dry run opens no root session, so it doesn't read the policy.

    AWS permissions: those of reading the organization (see rootkeeper audit), and sts:AssumeRoot with the task policy
    S3UnlockBucketPolicy. Where a policy blocks that AWS doesn't name, also those of rootkeeper preflight.

    Exit statuses: 0 shown, changed as a re-read shows, or nothing to do; 1 a policy is unknown: it can't be read, and
    why, or who could, is told; 2 wrong usage, not confirmed, the account or the bucket may not be touched, or the
    policy wouldn't do; 3 AWS or the ledger refused, or AWS can't be reached; 4 the policy was changed by somebody else
    meanwhile, or the change failed or isn't proven.
    """
    return unlock(invocation, change, options, ResourceKind.BUCKET, account, bucket)


@through_server
def unlock_queue(
    invocation: Invocation,
    change: ChangeOptions,
    options: UnlockOptions,
    *,
    account: AccountArgument,
    queue: Annotated[
        str | None, typer.Argument(metavar="[QUEUE]", help="A queue; without one all are listed.", show_default=False)
    ] = None,
    regions: Annotated[
        str | None,
        typer.Option("--regions", metavar="REGION,…", help="Where to look; else wherever the account is enabled."),
    ] = None,
) -> int:
    """List an account's queues, show or mend a queue policy that locks everyone out.

    Without QUEUE: every queue, its Region, and whether its policy locks everyone out. With QUEUE alone, or --show: the
    policy, the statement that locks out, and a policy without it. SQS may take 60 seconds to show a change.

    Changes: nothing without --remove, --corrected, --replace or --restore; with one of them the queue's policy, which
    is saved first, its hash in the ledger. A dry run opens no root session, so it doesn't read the policy.

    AWS permissions: those of reading the organization (see rootkeeper audit), and sts:AssumeRoot with the task policy
    SQSUnlockQueuePolicy. Without --regions also account:ListRegions, in the management account or a delegated
    administrator for Account Management; where that is denied all known Regions are asked. Where a policy blocks that
    AWS doesn't name, also those of rootkeeper preflight.

    Exit statuses: 0 shown, changed as a re-read shows, or nothing to do; 1 a policy is unknown: it can't be read, and
    why, or who could, is told; 2 wrong usage, not confirmed, the account or the queue may not be touched, or the policy
    wouldn't do; 3 AWS or the ledger refused, or AWS can't be reached; 4 the policy was changed by somebody else
    meanwhile, or the change failed or isn't proven.
    """
    return unlock(invocation, change, options, ResourceKind.QUEUE, account, queue, regions)


application = group("Open buckets and queues whose policy locks everyone out.")
add(application, unlock_bucket, "s3")
add(application, unlock_queue, "sqs")
