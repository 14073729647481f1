"""What an audit says beside its answer."""

from __future__ import annotations

from datetime import datetime

from rootkeeper.domain.durations import describe_duration
from rootkeeper.domain.organizations import Inventory
from rootkeeper.domain.setup import Feature, Setup
from rootkeeper.ports.progress import Progress
from rootkeeper.workflows.inventory_listing import InventoryCollector

FIRST_AUDIT_REMARK = (
    "First audit of this organization: it leaves two events per account in CloudTrail, and alarms on root activity"
    " will see them."
)


def remark_setup(setup: Setup, progress: Progress) -> None:
    """Say once what would else be said of every account."""
    if setup.delegated_administrators is None:
        progress.remark("Delegated administrators couldn't be read: the failsafe is shown as an ordinary member.")
    if setup.trusted_access is False:
        progress.remark("Trusted access for IAM is off, so no account can be read. Next: rootkeeper enable.")
    elif setup.features is not None and Feature.ROOT_CREDENTIALS_MANAGEMENT not in setup.features:
        progress.remark("Root credentials management is off, so no account can be read. Next: rootkeeper enable.")


def describe_age(inventory: Inventory, listing: InventoryCollector, now: datetime) -> str:
    """For an audit that ended before the listing did."""
    age = describe_duration(now - inventory.listed_at)
    return (
        f"The accounts are those of an inventory that is {age} old; the listing of now came to"
        f" {len(listing.accounts):,} of {len(inventory.accounts):,}. To wait for all of it: --refresh."
    )
