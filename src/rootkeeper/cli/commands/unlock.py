"""``rootkeeper unlock``."""

from __future__ import annotations

from typing import Annotated

import typer

from rootkeeper.aws.rules import ResourceKind
from rootkeeper.cli.changes import ChangeOptions
from rootkeeper.cli.invocation import Invocation, add, group, through_server
from rootkeeper.cli.unlocking import UnlockOptions, unlock

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
