"""The front page: what this is, which organization it holds, and whom one can be."""

from __future__ import annotations

from itertools import islice

from rootkeeper.sandbox.http_messages import HttpResponse
from rootkeeper.sandbox.people.layout import code, facts, section, table
from rootkeeper.sandbox.people.mailboxes import mailbox_path
from rootkeeper.sandbox.people.markup import Child, tag
from rootkeeper.sandbox.people.visits import PageRequest
from rootkeeper.sandbox.state import Account, AccountState, Feature

_SHOWN_ACCOUNTS = 40


async def show(page_request: PageRequest) -> HttpResponse:
    """Show it."""
    organization = page_request.world.organization
    features = [str(feature) for feature in Feature if feature in organization.features]
    endpoint = f"http://{page_request.authority}"
    return page_request.page(
        "An AWS organization on your machine",
        section(
            "What this is",
            tag(
                "p",
                "The Rootkeeper sandbox answers as AWS does, so that centralized root access can be tried without an"
                " AWS account. Nothing here is real, and nothing leaves this machine.",
            ),
            facts(
                ("Organization", code(organization.organization_id)),
                ("Management account", code(organization.management_account_id)),
                ("Accounts", str(len(organization.accounts))),
                ("Centralized root access", ", ".join(features) or "off"),
                ("Its time", tag("time", page_request.now.strftime("%Y-%m-%d %H:%M:%S UTC"))),
                ("Endpoint for AWS clients", code(f"AWS_ENDPOINT_URL={endpoint}")),
            ),
            tag("p", "Keys for AWS clients: ", code("rootkeeper sandbox env"), "."),
            name="about",
        ),
        section("Root users", *_render_root_users(page_request), name="root-users"),
    )


def _render_root_users(page_request: PageRequest) -> list[Child]:
    accounts = page_request.world.organization.accounts
    shown = islice(accounts.values(), _SHOWN_ACCOUNTS)
    caption = "Accounts of the organization"
    if len(accounts) > _SHOWN_ACCOUNTS:
        caption = f"The first {_SHOWN_ACCOUNTS} of {len(accounts)} accounts"
    return [
        tag("p", "What it takes to sign in stands behind the links of the last column, with codes of MFA devices."),
        table(("Account", "E-mail address", "Can sign in"), map(_render_account, shown), caption=caption),
    ]


def _render_account(account: Account) -> tuple[Child, ...]:
    name = [tag("bdi", account.name), tag("br"), code(account.account_id)]
    address = tag("a", tag("bdi", account.email), href=mailbox_path(account.email))
    how = _describe_sign_in(account)
    if account.root_user.has_password and account.state is AccountState.ACTIVE:
        how = tag("a", how, href=f"/_sandbox/accounts/{account.account_id}/sign-in")
    return name, address, how


def _describe_sign_in(account: Account) -> str:
    root_user = account.root_user
    if account.state is not AccountState.ACTIVE:
        return f"no: {account.state}"
    if root_user.has_password:
        return "with password and MFA" if root_user.mfa_devices else "with password"
    return "after recovery" if root_user.is_recovery_allowed else "no"
