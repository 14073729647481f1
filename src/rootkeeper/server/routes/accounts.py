"""Routes of accounts and the organization, from the database without an AWS call."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import Header, Query
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from rootkeeper.access.rules import Permission
from rootkeeper.deletion.readiness import DeletionReadiness
from rootkeeper.errors import Hint, NotFoundError
from rootkeeper.organization.accounts import AccountState, OrganizationalUnit, list_paths, parse_account_id
from rootkeeper.organization.records import (
    AccountRecord,
    DetailedAccountRecord,
    RootLoginsLeftRecord,
    StatusCounts,
    stored_account_to_record,
)
from rootkeeper.organization.selection import find_organizational_unit, parse_tag
from rootkeeper.organization.statuses import (
    AccountRole,
    AccountStatus,
    CredentialKind,
    LeftToSecure,
    Status,
    StatusReason,
    counted_status,
)
from rootkeeper.server.accounts import AccountsCache, CompactListingCache, describe_listing, read_in_detail
from rootkeeper.server.documents import read
from rootkeeper.server.guards import Served
from rootkeeper.server.parameters import After, Filter, Filters, Limit, Name, cut_page, show_one, show_page
from rootkeeper.server.request_path import is_known, takes_gzip
from rootkeeper.server.turns import RouteLoad
from rootkeeper.shapes import AccountNumber, Answer, Count, JsonAnswer, JsonRecord, Moment, Page, record, record_of


class AccountAnswer(DetailedAccountRecord, JsonAnswer):
    """An account."""

    window_ids: list[str]
    """Its recovery windows, the newest first."""


@record
class ListedOrganization(TypedDict):
    """The organization of the listed accounts."""

    organization_id: str
    management_account_id: AccountNumber | None
    """``null`` while nothing was listed."""
    endpoint: str
    """``AWS``, or ``SANDBOX`` and its address."""
    listed_at: Moment | None
    """``null`` while nothing was listed."""


@record
class AccountPage(ListedOrganization, Page):
    """Accounts, by id."""

    accounts: list[AccountRecord] | list[DetailedAccountRecord]
    """With ``details`` if the request sets it."""
    summary: StatusCounts
    """Of all accounts that match the filters."""
    root_logins_left_to_secure: RootLoginsLeftRecord
    """Of all accounts that match the filters."""
    total: Count
    """Of all pages."""


@record_of(OrganizationalUnit)
class UnitRecord(JsonRecord):
    """A node of the tree."""


class PlacedUnitRecord(UnitRecord):
    """The same, with its place."""

    path: str
    """Names from the organization's root down."""


@record
class OrganizationRecord(ListedOrganization):
    """The organization as it was listed last; ``null`` in all that isn't known."""

    partition: str | None
    has_all_features: bool | None
    """Without them it has consolidated billing only."""
    delegated_administrator_ids: list[AccountNumber] | None
    organizational_units: list[UnitRecord]


@record
class OrganizationPage(Page):
    """The server's only organization."""

    organizations: list[OrganizationRecord]


@record
class TreeAnswer(ListedOrganization, Answer):
    """The tree of organizational units."""

    root_id: str | None
    units: list[PlacedUnitRecord]


@record
class JsonColumn(TypedDict):
    """A column that contains each word only once."""

    at: list[Count]
    """For each account the place of its word."""


@record
class TextColumn(JsonColumn):
    """Of texts."""

    words: list[str | None]


@record
class StateColumn(JsonColumn):
    """Of states of accounts."""

    words: list[AccountState]


@record
class RoleColumn(JsonColumn):
    """Of parts in the organization."""

    words: list[AccountRole]


@record
class StatusColumn(JsonColumn):
    """Of statuses."""

    words: list[Status]


@record
class ReasonColumn(JsonColumn):
    """Of reasons of statuses."""

    words: list[StatusReason | None]


@record
class LeftToSecureColumn(JsonColumn):
    """Of how accounts count among the root logins left to secure; ``null``: nothing is left to secure."""

    words: list[LeftToSecure | None]


@record
class ReadinessColumn(JsonColumn):
    """Of what a deletion would find, exceptions apart; ``null``: it has nothing to do in the account."""

    words: list[DeletionReadiness | None]


@record
class AccountColumns(TypedDict):
    """A list for each field, all of equal length and in the same order."""

    account_id: list[AccountNumber]
    name: list[str]
    email: list[str]
    ou_id: TextColumn
    state: StateColumn
    role: RoleColumn
    status: StatusColumn
    reason: ReasonColumn
    detail: TextColumn
    is_in_order: list[Literal[0, 1]]
    unread: list[Literal[0, 1]]
    """Whether the last attempt couldn't read the account, whatever an earlier reading shows."""
    failed_attempt: TextColumn
    """When, by whom and why an attempt after the reading failed."""
    left_to_secure: LeftToSecureColumn
    kinds: list[Count | None]
    """Sums of 1, 2, 4 and 8 for the kinds in their order; ``null`` where it wasn't read."""
    has_details: list[Literal[0, 1]]
    """Whether ages and last use of each kind that is there are known, from this reading or an earlier audit with
    details.
    """
    last_used_at: list[int | None]
    """In seconds since 1970, as the next three; ``null`` if never used, or if it wasn't read."""
    last_used_as: TextColumn
    """By what: the password, or an access key, for which service and in which Region."""
    password_used_at: list[int | None]
    key_used_at: list[int | None]
    """The last use of any access key."""
    oldest_at: list[int | None]
    """When the oldest access key or signing certificate was created."""
    observed_at: list[int | None]
    """In seconds since 1970."""
    deletion: ReadinessColumn
    tags: list[dict[str, str] | None]


@record
class CompactListing(ListedOrganization, Answer):
    """The whole organization."""

    organizational_units: list[UnitRecord]
    kinds: list[CredentialKind]
    summary: StatusCounts
    root_logins_left_to_secure: RootLoginsLeftRecord
    columns: AccountColumns


def list_accounts(
    request: Request,
    services: Served,
    ou: Filter = None,
    tag: Filters = None,
    status: Annotated[list[Status] | None, Query(max_length=10)] = None,
    q: Annotated[str, Query(max_length=256, description="A part of id, name, e-mail or path.")] = "",
    details: bool = False,
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    """List accounts with the last reading of their root user credentials.

    Makes no AWS call; ``observed_at`` is the time of each reading. ``summary`` counts the accounts that match.
    """
    pages: AccountsCache = request.app.state.account_pages
    known = pages.take(services, is_later_page=after is not None)
    inventory = known.inventory
    if inventory is None:
        return show_page(
            "accounts",
            [],
            None,
            **describe_listing(services, None),
            summary=known.summary,
            root_logins_left_to_secure=known.left_to_secure,
            total=0,
        )
    ou_id = find_organizational_unit(ou, inventory.organizational_units).ou_id if ou else None
    tags, text = frozenset(map(parse_tag, tag or ())), q.casefold()

    def fits(entry: AccountStatus) -> bool:
        """Whether an account passes. Tags that weren't read don't match."""
        account = entry.account
        named = (account.account_id, account.name, account.email, account.ou_path)
        return (
            (ou_id is None or ou_id in account.ou_ids)
            and tags <= frozenset((account.tags or {}).items())
            and (not status or counted_status(entry) in status)
            and (not text or any(text in value.casefold() for value in named))
        )

    narrowed = known.narrow(fits) if ou or tags or status or text else known
    page, following = cut_page(narrowed.statuses, lambda entry: entry.account.account_id, after, limit)
    shown = read_in_detail(services, inventory, [entry.account for entry in page]) if details else page
    return show_page(
        "accounts",
        [stored_account_to_record(entry, details=details) for entry in shown],
        following,
        **describe_listing(services, inventory),
        summary=narrowed.summary,
        root_logins_left_to_secure=narrowed.left_to_secure,
        total=len(narrowed.statuses),
    )


def show_account(request: Request, services: Served, account_id: Name) -> dict[str, Any]:
    """Show an account, with the details of its last reading, and its recovery windows."""
    wanted = parse_account_id(account_id)
    pages: AccountsCache = request.app.state.account_pages
    inventory = pages.take(services, is_later_page=False).inventory
    accounts = () if inventory is None else inventory.accounts
    account = next((listed for listed in accounts if listed.account_id == wanted), None)
    if inventory is None or account is None:
        raise NotFoundError(
            f"Account {wanted} isn't known here.",
            hint=Hint("Run an audit that lists the organization again.", "account.refresh"),
        )
    (found,) = read_in_detail(services, inventory, [account])
    windows = services.windows.list_of_account(wanted)
    return show_one(
        {
            **stored_account_to_record(found, details=True),
            "window_ids": [window.window_id for window in windows],
        }
    )


def show_organization(services: Served) -> dict[str, Any]:
    """Show the organization and its tree of organizational units, as last listed."""
    inventory = services.inventory_store.find_last()
    units = () if inventory is None else inventory.organizational_units
    delegates = None if inventory is None else inventory.delegated_administrator_ids
    record = {
        **describe_listing(services, inventory),
        "partition": None if inventory is None else inventory.organization.partition,
        "has_all_features": None if inventory is None else inventory.organization.has_all_features,
        "delegated_administrator_ids": None if delegates is None else sorted(delegates),
        "organizational_units": [asdict(unit) for unit in units],
    }
    return show_page("organizations", [record], None)


def show_tree(services: Served) -> dict[str, Any]:
    """Show the tree of organizational units, as last listed, each with its path of names."""
    inventory = services.inventory_store.find_last()
    units = () if inventory is None else inventory.organizational_units
    paths = list_paths({unit.ou_id: unit for unit in units})
    return show_one(
        {
            **describe_listing(services, inventory),
            "root_id": next((unit.ou_id for unit in units if unit.parent_id is None), None),
            "units": [{**asdict(unit), "path": paths[unit.ou_id]} for unit in units],
        }
    )


def list_compactly(
    request: Request,
    services: Served,
    if_none_match: Annotated[str | None, Header(max_length=1_024)] = None,
    cache_control: Annotated[str | None, Header(max_length=100)] = None,
) -> Response:
    """List the whole organization in columns: its units, and every account with its last reading.

    Makes no AWS call. ``observed_at`` is in seconds since 1970. ``kinds`` is the sum of 1, 2, 4 and 8 for the listed
    kinds in their order, and ``null`` if the account wasn't read. A column of words is ``{words, at}``. The answer can
    be a few seconds old. With ``Cache-Control: no-cache`` it includes everything recorded before the request.
    """
    pages: AccountsCache = request.app.state.account_pages
    listings: CompactListingCache = request.app.state.compact_listings
    # Source: RFC 9111, section 5.2.1.4.
    is_newest = "no-cache" in (cache_control or "").lower()
    listing = listings.take(services, pages, includes_all_so_far=is_newest)
    headers = {"ETag": listing.etag, "Vary": "Accept-Encoding, Authorization, Cookie"}
    if is_known(if_none_match, listing.etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if takes_gzip(request.headers.get("accept-encoding", "")):
        return Response(
            listing.compressed, media_type="application/json", headers=headers | {"Content-Encoding": "gzip"}
        )
    return Response(listing.plain, media_type="application/json", headers=headers)


LISTING_ROWS = (
    read("/accounts/compact", Permission.ACCOUNTS_READ, list_compactly, CompactListing, load=RouteLoad.HEAVY),
)

ROWS = (
    read("/organizations", Permission.ACCOUNTS_READ, show_organization, OrganizationPage),
    read("/organization", Permission.ACCOUNTS_READ, show_tree, TreeAnswer, load=RouteLoad.HEAVY),
    read("/accounts", Permission.ACCOUNTS_READ, list_accounts, AccountPage, load=RouteLoad.HEAVY),
    read("/accounts/{account_id}", Permission.ACCOUNTS_READ, show_account, AccountAnswer),
)
