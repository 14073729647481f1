"""``rootkeeper unlock``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from rootkeeper.access.rules import Permission
from rootkeeper.aws.rules import ResourceKind, require_resource_name
from rootkeeper.cli.changes import ChangeOptions
from rootkeeper.cli.invocation import Invocation, PanelGroup, add
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.options import AccountArgument
from rootkeeper.cli.outputs import LIST_OUTPUTS, ONE_OUTPUTS, ExitStatus, OptionSet, argument, option
from rootkeeper.cli.rendering.unlocks import (
    show_listing_of_resources,
    show_outcome,
    show_resource_policy,
    show_unneeded,
)
from rootkeeper.errors import InputError
from rootkeeper.ledger.rules import Result
from rootkeeper.organization.accounts import AccountId, parse_account_id
from rootkeeper.unlock.rules import ChangeKind, LockoutVerdict

_choice = partial(option, panel="Actions")


@dataclass(frozen=True, slots=True)
class UnlockOptions(OptionSet):
    """The action on a policy: at most one of the options, apart from ``--include-failsafe``."""

    show: Annotated[bool, _choice("--show", "Show the policy; the default.")] = False
    remove: Annotated[bool, _choice("--remove", "Remove the policy.")] = False
    corrected: Annotated[bool, _choice("--corrected", "Remove the statements that lock everyone out.")] = False
    replace: Annotated[Path | None, _choice("--replace FILE", "Replace the policy by the policy in FILE.")] = None
    restore: Annotated[Path | None, _choice("--restore FILE", "Restore a saved copy.")] = None
    include_failsafe: Annotated[
        list[str] | None, option("--include-failsafe ID", "Include this delegated administrator.")
    ] = None

    @property
    def included_failsafes(self) -> frozenset[AccountId]:
        return frozenset(parse_account_id(text) for text in self.include_failsafe or ())

    @property
    def file(self) -> Path | None:
        """The file of the policy to put."""
        return self.replace or self.restore

    def choose_change(self, resource: str | None) -> ChangeKind | None:
        """Return the requested change; ``None`` to show the policy.

        :raises InputError: if more than one option is given, or no bucket or queue is named.
        """
        asked = {
            ChangeKind.REMOVE: self.remove,
            ChangeKind.CORRECTED: self.corrected,
            ChangeKind.REPLACE: self.replace is not None,
            ChangeKind.RESTORE: self.restore is not None,
        }
        chosen = [change for change, is_asked in asked.items() if is_asked]
        if len(chosen) + self.show > 1:
            raise InputError(
                "--show, --remove, --corrected, --replace and --restore exclude each other.", hint="Use one of them."
            )
        if (chosen or self.show) and resource is None:
            raise InputError(
                "No bucket or queue is named.", hint="Name one after the account. To list all, leave out the option."
            )
        return chosen[0] if chosen else None

    def read_file(self) -> str | None:
        """Read the policy to put; ``None`` without a file. Line ends stay, because a copy is known by its hash.

        :raises InputError: if the file can't be read.
        """
        if self.file is None:
            return None
        try:
            return self.file.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it isn't UTF-8 text"
            raise InputError(f"The policy file {self.file} can't be read: {reason}.", hint="Check its path.") from error


def unlock(
    invocation: Invocation,
    change: ChangeOptions,
    options: UnlockOptions,
    kind: ResourceKind,
    account: str,
    name: str | None,
    regions: str | None = None,
) -> int:
    """List, show or change; return the exit status."""
    wanted = options.choose_change(name)
    if name is not None:
        require_resource_name(kind, name)
    policy, terminal = options.read_file(), invocation.terminal
    output = invocation.choose_output(*(LIST_OUTPUTS if name is None else ONE_OUTPUTS))
    asked_regions = tuple(region.strip() for region in (regions or "").split(",") if region.strip())
    from rootkeeper.worker.requests import UnlockRequest

    request = UnlockRequest(account, kind, name, wanted, asked_regions, options.included_failsafes)
    with open_operator(invocation) as operator:
        if wanted is None and not change.dry_run:
            operator.warn_overdue()
            record = operator.open_unlocking(request, policy, str(options.file or "")).read()
            if name is None:
                show_listing_of_resources(record, output, terminal)
            else:
                show_resource_policy(record, output, terminal)
            listed = record.get(f"{kind.noun}s", [record])
            is_unread = record.get("unknown") or any(found["verdict"] == LockoutVerdict.UNKNOWN for found in listed)
            return ExitStatus.BAD if is_unread else ExitStatus.GOOD
        confirmation = operator.begin_change(change, output, Permission.POLICIES_UNLOCK)
        unlocking = operator.open_unlocking(request, policy, str(options.file or ""))
        if change.dry_run:
            confirmation.confirm(unlocking.describe())
            return ExitStatus.GOOD
        statement, unneeded = unlocking.plan()
        if unneeded is None:
            confirmation.confirm(statement)
            outcome, found = unlocking.change()
            if outcome["result"] != "unchanged":
                show_outcome(outcome, found, output, terminal)
                return ExitStatus.GOOD if outcome["result"] == Result.DONE else ExitStatus.INCOMPLETE
            unneeded = outcome
        show_unneeded(unneeded, output, terminal)
        return ExitStatus.GOOD


def unlock_bucket(
    invocation: Invocation,
    change: ChangeOptions,
    options: UnlockOptions,
    *,
    account: AccountArgument,
    bucket: Annotated[str | None, argument("BUCKET", "A bucket. Default: list all.")] = None,
) -> int:
    """List an account's buckets; show or fix a bucket policy that locks everyone out.

    Without BUCKET it lists every bucket, its Region, and whether its policy locks everyone out. With BUCKET, or --show,
    it shows the policy, the statement that locks everyone out, and the policy without it.

    Changes: only with --remove, --corrected, --replace or --restore: the bucket's policy. The old policy is saved first
    and its hash goes into the ledger. A dry run opens no root session, so it doesn't read the policy.

    AWS permissions: those of reading the organization (see rootkeeper audit), and sts:AssumeRoot with the task policy
    S3UnlockBucketPolicy. If a policy blocks that AWS doesn't name, also those of rootkeeper preflight.

    Exit statuses: 0 shown, changed as a re-read shows, or nothing to do; 1 a policy can't be read; 2 wrong usage, not
    confirmed, the account or the bucket can't be changed, or the new policy isn't valid; 3 AWS or the ledger refused,
    or AWS can't be reached; 4 the policy was changed by someone else meanwhile, or the change failed or isn't proven.
    """
    return unlock(invocation, change, options, ResourceKind.BUCKET, account, bucket)


def unlock_queue(
    invocation: Invocation,
    change: ChangeOptions,
    options: UnlockOptions,
    *,
    account: AccountArgument,
    queue: Annotated[str | None, argument("QUEUE", "A queue. Default: list all.")] = None,
    regions: Annotated[
        str | None,
        option("--regions REGION,…", "Regions to read. Default: all Regions that are enabled in the account."),
    ] = None,
) -> int:
    """List an account's queues; show or fix a queue policy that locks everyone out.

    Without QUEUE it lists every queue, its Region, and whether its policy locks everyone out. With QUEUE, or --show, it
    shows the policy, the statement that locks everyone out, and the policy without it. SQS can take 60 seconds to show
    a change.

    Changes: only with --remove, --corrected, --replace or --restore: the queue's policy. The old policy is saved first
    and its hash goes into the ledger. A dry run opens no root session, so it doesn't read the policy.

    AWS permissions: those of reading the organization (see rootkeeper audit), and sts:AssumeRoot with the task policy
    SQSUnlockQueuePolicy. Without --regions also account:ListRegions, in the management account or a delegated
    administrator for Account Management; if that is denied, it reads all known Regions. If a policy blocks that AWS
    doesn't name, also those of rootkeeper preflight.

    Exit statuses: 0 shown, changed as a re-read shows, or nothing to do; 1 a policy can't be read; 2 wrong usage, not
    confirmed, the account or the queue can't be changed, or the new policy isn't valid; 3 AWS or the ledger refused, or
    AWS can't be reached; 4 the policy was changed by someone else meanwhile, or the change failed or isn't proven.
    """
    return unlock(invocation, change, options, ResourceKind.QUEUE, account, queue, regions)


application = PanelGroup(help="Fix bucket and queue policies that lock everyone out.")
add(application, unlock_bucket, "s3")
add(application, unlock_queue, "sqs")
