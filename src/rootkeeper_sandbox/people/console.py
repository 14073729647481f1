"""The console page of a root user who is signed in: the account's contents, and a few actions in it.

The page calls IAM through throttling, faults, policies and records, as an API call does, so a policy against root
users shows in every part of it. Only signature and wire are left out: the browser's session proves who calls.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from rootkeeper_sandbox.codec.models import load_model
from rootkeeper_sandbox.codec.parameters import compile_constraints
from rootkeeper_sandbox.codec.registry import make_codecs
from rootkeeper_sandbox.exchange import Call, HttpResponse, ServiceError
from rootkeeper_sandbox.partitions import PARTITIONS
from rootkeeper_sandbox.people.events import SignInStep
from rootkeeper_sandbox.people.layout import redirect
from rootkeeper_sandbox.people.visits import (
    PASSWORD_HINT,
    PageRequest,
    RedirectedError,
    find_password_fault,
    issue_to_root_user,
    make_principal,
    record_step,
    render_exports,
)
from rootkeeper_sandbox.pipeline import (
    RequestContext,
    check_permission,
    find_fault_effects,
    provide,
    record,
    take_steps,
    throttle,
    wait,
)
from rootkeeper_sandbox.state.accounts import Account, hash_password, verify_password
from rootkeeper_sandbox.state.people import SignInSession
from rootkeeper_sandbox.state.policies import ADMINISTRATOR_ACCESS, managed_policy_arn


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """The result of a call, or its refusal."""

    result: dict[str, Any] = field(default_factory=dict)
    error: ServiceError | None = None


async def call_iam(page_request: PageRequest, session: SignInSession, operation: str, **parameters: str) -> CallOutcome:
    """Call IAM as the root user who is signed in; UserName left out means that root user."""
    context = _begin(page_request, session, operation, parameters)
    await take_steps(context, _STEPS)
    record(context, context.error.status if context.error else 200)
    return CallOutcome(context.result, context.error)


def _begin(
    page_request: PageRequest, session: SignInSession, operation: str, parameters: dict[str, str]
) -> RequestContext:
    instance, request, request_id = page_request.instance, page_request.request, str(uuid.uuid4())
    principal = make_principal(page_request, session)
    call = Call(
        world=page_request.world,
        service="iam",
        operation=operation,
        region=PARTITIONS[page_request.world.partition].home_region,
        is_global_endpoint=False,
        principal=principal,
        parameters=parameters,
        now=page_request.now,
        request_id=request_id,
        source_ip=request.source_ip,
        user_agent=request.headers.get("user-agent", ""),
        event_details={"sessionCredentialFromConsole": "true"},
    )
    return RequestContext(
        instance=instance,
        request=request,
        request_id=request_id,
        codec=make_codecs("iam")[-1],
        operation_name=operation,
        operation=instance.services["iam"][operation],
        principal=principal,
        call=call,
        account_id=principal.account_id,
    )


def _check_parameters(context: RequestContext) -> None:
    call = context.known_call
    _find_check(call.operation)({"UserName": "root", **call.parameters})


@lru_cache(maxsize=32)
def _find_check(operation: str) -> Callable[[dict[str, Any]], None]:
    return compile_constraints(load_model("iam").operation_model(operation).input_shape)


_STEPS = (_check_parameters, throttle, find_fault_effects, check_permission, wait, provide)

_SUMMARY = {
    "AccountPasswordPresent": "Root user password",
    "AccountAccessKeysPresent": "Root user access keys",
    "AccountSigningCertificatesPresent": "Root user signing certificates",
    "AccountMFAEnabled": "Root user MFA",
    "Users": "IAM users",
    "Roles": "IAM roles",
}

_NOTICES = {
    "key-deleted": "The access key is deleted.",
    "mfa-registered": "The MFA device is registered.",
    "password-changed": "The password is changed.",
}

_WRONG_PASSWORD = "The current password isn't right."  # noqa: S105 - a message
_NO_PASSWORD = "The root user has no password any more; only password recovery can set one."  # noqa: S105 - a message


def is_mfa_due(page_request: PageRequest, account: Account) -> bool:
    """Return whether a root user can't put off registering MFA any longer."""
    root_user = account.root_user
    profile = root_user.login_profile
    due_at = profile.mfa_due_at if profile else None
    return due_at is not None and due_at <= page_request.now and not root_user.mfa_devices


def require_ready_account(page_request: PageRequest) -> tuple[SignInSession, Account]:
    """Get who is signed in and may work."""
    session, account = page_request.require_account()
    if is_mfa_due(page_request, account):
        raise RedirectedError("/console/register-mfa")
    return session, account


async def show(page_request: PageRequest) -> HttpResponse:
    return await _render(page_request, notice=_NOTICES.get(page_request.query.get("notice", "")))


async def _render(page_request: PageRequest, status: int = 200, **outcome: Any) -> HttpResponse:
    """Render the console, with the outcome of an action."""
    session, account = require_ready_account(page_request)
    if error := outcome.get("error"):
        status = error.status
    values: dict[str, Any] = {"key": None, "user_name": None, "exports": None, **outcome}
    return page_request.page(
        "console",
        "Console",
        status,
        account=account,
        session=session,
        principal_arn=page_request.world.root_user_arn(account.account_id),
        summary=await call_iam(page_request, session, "GetAccountSummary"),
        summary_labels=_SUMMARY,
        keys=await call_iam(page_request, session, "ListAccessKeys"),
        devices=await call_iam(page_request, session, "ListMFADevices"),
        users=await call_iam(page_request, session, "ListUsers"),
        password_hint=PASSWORD_HINT,
        no_password=_NO_PASSWORD,
        **values,
    )


async def open_cloud_shell(page_request: PageRequest) -> HttpResponse:
    """Show temporary credentials of the root user who is signed in."""
    session, _ = require_ready_account(page_request)
    return await _render(page_request, exports=render_exports(page_request, issue_to_root_user(page_request, session)))


async def create_access_key(page_request: PageRequest) -> HttpResponse:
    """Create an access key of the root user and show its secret."""
    session, _ = require_ready_account(page_request)
    outcome = await call_iam(page_request, session, "CreateAccessKey")
    if outcome.error:
        return await _render(page_request, error=outcome.error)
    return await _render(page_request, key=outcome.result["AccessKey"], whose="The root user's access key")


async def delete_access_key(page_request: PageRequest) -> HttpResponse:
    """Delete an access key of the root user."""
    session, _ = require_ready_account(page_request)
    outcome = await call_iam(page_request, session, "DeleteAccessKey", AccessKeyId=page_request.text("access_key_id"))
    if outcome.error:
        return await _render(page_request, error=outcome.error)
    return redirect("/console?notice=key-deleted")


async def create_user(page_request: PageRequest) -> HttpResponse:
    """Create an IAM user with an access key; stops at the first refusal and shows the steps done before."""
    session, _ = require_ready_account(page_request)
    name = page_request.text("user_name").strip()
    steps: list[tuple[str, dict[str, str]]] = [("CreateUser", {})]
    if page_request.text("is_administrator") == "yes":
        policy_arn = managed_policy_arn(page_request.world.partition, ADMINISTRATOR_ACCESS)
        steps.append(("AttachUserPolicy", {"PolicyArn": policy_arn}))
    steps.append(("CreateAccessKey", {}))
    outcome = CallOutcome()
    for operation, parameters in steps:
        outcome = await call_iam(page_request, session, operation, UserName=name, **parameters)
        if outcome.error:
            return await _render(page_request, error=outcome.error)
    whose = f"The IAM user {name} with an access key"
    return await _render(page_request, key=outcome.result["AccessKey"], whose=whose, user_name=name)


async def change_password(page_request: PageRequest) -> HttpResponse:
    """Change the root user's password; the event says whether it was changed."""
    _, account = require_ready_account(page_request)
    fault = await _try_password(page_request, account, page_request.text("current"), page_request.text("password"))
    record_step(page_request, SignInStep.PASSWORD_UPDATED, account.account_id, is_success=fault is None)
    if fault:
        return await _render(page_request, 403 if fault == _WRONG_PASSWORD else 422, fault=fault)
    return redirect("/console?notice=password-changed")


async def _try_password(page_request: PageRequest, account: Account, current: str, password: str) -> str | None:
    profile = account.root_user.login_profile
    if not await asyncio.to_thread(verify_password, profile.password if profile else None, current):
        return _WRONG_PASSWORD if account.root_user.has_password else _NO_PASSWORD
    fault = find_password_fault(password, account)
    if fault:
        return fault
    hashed = await asyncio.to_thread(hash_password, password)
    found = page_request.world.account(account.account_id).root_user.login_profile
    if found is None or found is not profile:
        return _NO_PASSWORD
    found.password = hashed
    return None
