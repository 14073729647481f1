"""In which Regions queues are looked for. Buckets are found from any."""

from __future__ import annotations

from collections.abc import Sequence

from rootkeeper.domain.organizations import AccountId, Caller
from rootkeeper.domain.resource_policies.resources import ResourceKind
from rootkeeper.errors import AwsAccessDeniedError, InputError
from rootkeeper.ports.progress import Progress
from rootkeeper.ports.resource_policies import ResourcePlaces


def choose_regions(
    places: ResourcePlaces,
    caller: Caller,
    account_id: AccountId,
    kind: ResourceKind,
    wanted: Sequence[str],
    progress: Progress,
) -> tuple[str, ...]:
    """The Regions wanted, else those that are enabled in the account, else all that this program knows.

    One call at most: account:ListRegions by the operator's credentials.

    :raises InputError: if a Region isn't known.
    """
    if kind is ResourceKind.BUCKET:
        return (places.region,)
    known = places.list_known_regions(kind)
    if wanted:
        return _require_known(wanted, known)
    try:
        enabled = places.list_enabled_regions(None if account_id == caller.account_id else account_id)
    except AwsAccessDeniedError as error:
        progress.remark(f"Unknown: which Regions account {account_id} has enabled can't be read: {error.reason}")
        progress.remark(
            f"All {len(known)} Regions that this program knows are asked instead; those that are off answer with an "
            "error. To ask fewer, name them: --regions us-east-1,eu-west-1. To have them read, switch on trusted "
            "access for account.amazonaws.com, and use the management account or its delegated administrator."
        )
        return known
    return tuple(enabled)


def _require_known(wanted: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    for region in wanted:
        if region not in known:
            raise InputError(
                f"{region!r} is not a Region of this partition with queues.",
                hint=f"Such as --regions {','.join(known[:2])}.",
            )
    return tuple(dict.fromkeys(wanted))
