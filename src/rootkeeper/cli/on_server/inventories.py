"""The organization as a server listed it last: its tree and its accounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rootkeeper.domain.account_records import account_from_record
from rootkeeper.domain.organizations import Caller, Inventory, Organization, OrganizationalUnit, parse_account_id
from rootkeeper.domain.statuses import AccountStatus

if TYPE_CHECKING:
    from rootkeeper.remote.server import RemoteServer


def read_inventory(server: RemoteServer, known: Sequence[AccountStatus] | None = None) -> Inventory:
    """The organization's tree.

    :param known: its accounts where they are known; else the server is asked for them.
    :raises ServerUnreachableError: if what the server tells can't be understood.
    """
    record = server.read_organization()
    statuses = parse_statuses(server, server.list_accounts()) if known is None else known
    return Inventory(
        organization=server.connection.understand(_parse_organization, record),
        accounts=tuple(status.account for status in statuses),
        organizational_units=server.connection.understand(_parse_units, record),
        listed_at=server.connection.understand(datetime.fromisoformat, record["listed_at"]),
    )


def parse_statuses(server: RemoteServer, records: Iterable[Any]) -> list[AccountStatus]:
    """In the order of the tree, as an inventory has them."""
    return sorted((server.connection.understand(account_from_record, record) for record in records), key=_place_of)


def parse_caller(arn: str) -> Caller:
    """:raises ValueError: if it isn't an ARN."""
    _, partition, _, _, account_id, _ = arn.split(":", 5)
    return Caller(parse_account_id(account_id), arn, partition)


def _place_of(status: AccountStatus) -> tuple[list[str], str, str]:
    account = status.account
    return account.ou_path.split("/"), account.name, account.account_id


def _parse_organization(record: Mapping[str, Any]) -> Organization:
    return Organization(
        organization_id=record["organization_id"],
        management_account_id=parse_account_id(record["management_account_id"]),
        has_all_features=record["has_all_features"] is True,
        partition=record["partition"],
    )


def _parse_units(record: Mapping[str, Any]) -> tuple[OrganizationalUnit, ...]:
    return tuple(
        OrganizationalUnit(unit["ou_id"], unit["name"], unit["parent_id"]) for unit in record["organizational_units"]
    )
