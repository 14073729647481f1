"""Checks of tokens that are limited to organizational units: whether they may change the accounts of a request.

The last listing says in which unit an account is. Reading isn't limited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

from rootkeeper.access.rules import Identity
from rootkeeper.composition.serving import ServerRuntime
from rootkeeper.deletion.records import parse_plan
from rootkeeper.errors import PermissionDeniedError
from rootkeeper.jobs.rules import Job, JobKind
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.selection import NamedAccount, SelectionRequest, find_account, select_before_tags
from rootkeeper.values import JsonValue
from rootkeeper.worker.requests import parse_audit, parse_deletion, parse_plan_request, parse_preflight


def require_account_access(services: ServerRuntime, identity: Identity, account_ids: Iterable[AccountId]) -> None:
    """:raises PermissionDeniedError: if the token is limited to units above other accounts."""
    if not identity.scope.organizational_units:
        return
    inventory = services.inventory_store.find_last()
    known = {} if inventory is None else {account.account_id: account for account in inventory.accounts}
    for account_id in account_ids:
        identity.require_account_access(account_id, known.get(account_id))


def require_window_access(services: ServerRuntime, identity: Identity, window_id: str) -> None:
    """Check a window's account.

    :raises PermissionDeniedError: if the token is limited to units above other accounts.
    :raises InputError: if there is no such window.
    """
    if identity.scope.organizational_units:
        require_account_access(services, identity, [services.windows.get(window_id).account_id])


def require_within_units(
    services: ServerRuntime,
    identity: Identity,
    kind: JobKind,
    parameters: Mapping[str, JsonValue],
    document: str | None,
) -> None:
    """Check all accounts of a job; of a selection, before tags and statuses narrow it.

    A verification of the ledger changes nothing, so it is allowed.

    :raises PermissionDeniedError: if the token is limited and an account is in another unit, nothing was listed yet,
        or the job isn't about accounts.
    :raises InputError: if the token is limited, and a selection, plan or account is invalid.
    """
    if not identity.scope.organizational_units or kind is JobKind.LEDGER_VERIFICATION:
        return
    if kind is JobKind.DELETION:
        # A new request names its plan; the job of an earlier request has it.
        plan = parse_deletion(parameters, services.jobs).plan if document is None else parse_plan(document)
        require_account_access(services, identity, [target.account_id for target in plan.targets])
    elif kind is JobKind.UNLOCK:
        inventory = services.inventory_store.find_last()
        account = find_account(
            NamedAccount(str(parameters["account"])), () if inventory is None else inventory.accounts
        )
        identity.require_account_access(account.account_id, account)
    elif kind in _SELECTIONS:
        selection = _SELECTIONS[kind](parameters, services.clock.now())
        inventory = services.inventory_store.find_last()
        if inventory is None:
            raise PermissionDeniedError(
                f"The token {identity.name} is limited to units, and the organization hasn't been listed yet.",
                hint="Run an audit first, with an identity that isn't limited.",
            )
        for account in select_before_tags(selection, inventory).included:
            identity.require_account_access(account.account_id, account)
    else:
        raise PermissionDeniedError(
            f"The token {identity.name} is limited to units, and a job of kind {kind.value} isn't about accounts.",
            hint="Use another token.",
        )


_SELECTIONS: Mapping[JobKind, Callable[[Mapping[str, JsonValue], datetime], SelectionRequest]] = MappingProxyType(
    {
        JobKind.AUDIT: lambda parameters, _: parse_audit(parameters).selection,
        JobKind.PLAN: lambda parameters, now: parse_plan_request(parameters, now).selection,
        JobKind.PREFLIGHT: lambda parameters, _: parse_preflight(parameters).selection,
    }
)
"""The selection of a job of each kind."""


def require_job_access(identity: Identity, job: Job) -> None:
    """:raises PermissionDeniedError: if the token is limited to units, and the job belongs to another identity."""
    if identity.scope.organizational_units and job.created_by.casefold() != identity.name.casefold():
        raise PermissionDeniedError(
            f"The token {identity.name} is limited to units, and job {job.job_id} belongs to {job.created_by}.",
            hint="Use another token.",
        )
