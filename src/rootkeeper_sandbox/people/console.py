"""The console page of a root user who is signed in: what the account holds, and a few actions in it.

The page calls IAM through throttling, faults, policies and records, as an API call does, so a policy against root
users shows in every part of it. Only signature and wire are left out: the browser's session proves who calls.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from rootkeeper_sandbox.codec.errors import RefusalError
from rootkeeper_sandbox.codec.models import load_model
from rootkeeper_sandbox.codec.parameters import compile_constraints
from rootkeeper_sandbox.codec.registry import make_codecs
from rootkeeper_sandbox.exchange import Call, HttpResponse, ServiceError
from rootkeeper_sandbox.people.events import SignInStep
from rootkeeper_sandbox.people.layout import (
    Child,
    Markup,
    account_of_password,
    alert,
    code,
    facts,
    form,
    form_field,
    hidden,
    notice,
    redirect,
    refusal,
    section,
    table,
    tag,
)
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
    throttle,
    wait,
)
from rootkeeper_sandbox.state.accounts import Account, hash_password, verify_password
from rootkeeper_sandbox.state.people import SignInSession
from rootkeeper_sandbox.state.policies import ADMINISTRATOR_ACCESS_ARN

_REGION = "us-east-1"
_STEPS = (throttle, find_fault_effects, check_permission, wait, provide)


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """What a call answered, or how it was refused."""

    result: dict[str, Any] = field(default_factory=dict)
    error: ServiceError | None = None


async def call_iam(page_request: PageRequest, session: SignInSession, operation: str, **parameters: str) -> CallOutcome:
    """Call IAM as the root user who is signed in; UserName left out means that root user."""
    context = _begin(page_request, session, operation, parameters)
    try:
        _find_check(operation)({"UserName": "root"} | parameters)
        for step in _STEPS:
            waiting = step(context)
            if waiting is not None:
                await waiting
    except RefusalError as refused:
        context.error = context.codec.make_error(refused)
    except ServiceError as error:
        context.error = error
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
        region=_REGION,
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


@lru_cache(maxsize=32)
def _find_check(operation: str) -> Callable[[dict[str, Any]], None]:
    return compile_constraints(load_model("iam").operation_model(operation).input_shape)


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


def render_error_notice(error: ServiceError) -> Markup:
    """Show that what was asked for is refused, in AWS's own words."""
    return alert(*_render_error_text(error))


def _render_error_text(error: ServiceError) -> Sequence[Child]:
    return tag("p", tag("strong", error.code)), tag("p", error.message)


async def show(page_request: PageRequest) -> HttpResponse:
    """Show the console."""
    reported = _NOTICES.get(page_request.query.get("notice", ""))
    return await _render(page_request, notice(tag("p", reported)) if reported else None)


async def _render(page_request: PageRequest, message: Child = None, status: int = 200) -> HttpResponse:
    session, account = require_ready_account(page_request)
    return page_request.page(
        "Console",
        message,
        _render_identity(page_request, session, account),
        section(
            "Account summary",
            _render_summary(await call_iam(page_request, session, "GetAccountSummary")),
            name="summary",
        ),
        section(
            "Access keys of the root user",
            *_render_keys(page_request, await call_iam(page_request, session, "ListAccessKeys")),
            name="access-keys",
        ),
        section(
            "MFA devices of the root user",
            *_render_devices(await call_iam(page_request, session, "ListMFADevices")),
            name="mfa-devices",
        ),
        section(
            "IAM users", *_render_users(page_request, await call_iam(page_request, session, "ListUsers")), name="users"
        ),
        section("CloudShell", *_render_cloud_shell(page_request), name="cloudshell"),
        section("Password", _render_password_form(page_request, account), name="password-change"),
        status=status,
    )


def _render_identity(page_request: PageRequest, session: SignInSession, account: Account) -> Child:
    return section(
        "Signed in as the root user",
        facts(
            ("Account", tag("bdi", account.name)),
            ("Account id", code(account.account_id)),
            ("E-mail address", tag("bdi", account.email)),
            ("Principal", code(page_request.world.root_user_arn(account.account_id))),
            (
                "Signed in",
                f"{session.signed_in_at:%Y-%m-%d %H:%M:%S UTC}, {'with' if session.has_mfa else 'without'} MFA",
            ),
            ("Ends", f"{session.expires_at:%Y-%m-%d %H:%M:%S UTC}, even if the password is deleted before"),
        ),
        form("/signout", page_request.form_token, button="Sign out", is_quiet=True),
        name="identity",
    )


def _render_summary(outcome: CallOutcome) -> Child:
    if outcome.error:
        return refusal(*_render_error_text(outcome.error))
    found: dict[str, int] = outcome.result["SummaryMap"]
    presence = {True: "present", False: "none"}
    shown = {name: presence[found[name] > 0] if name.startswith("Account") else str(found[name]) for name in _SUMMARY}
    return facts(*((label, shown[name]) for name, label in _SUMMARY.items()))


def _render_keys(page_request: PageRequest, outcome: CallOutcome) -> Sequence[Child]:
    if outcome.error:
        return [refusal(*_render_error_text(outcome.error))]
    keys: list[dict[str, Any]] = outcome.result["AccessKeyMetadata"]
    rows = [
        (
            code(key["AccessKeyId"]),
            key["Status"],
            f"{key['CreateDate']:%Y-%m-%d}",
            form(
                "/console/access-keys/delete",
                page_request.form_token,
                hidden("access_key_id", key["AccessKeyId"]),
                button="Delete",
                is_quiet=True,
            ),
        )
        for key in keys
    ]
    shown = table(("Access key", "Status", "Created", "Delete"), rows, caption="Long-term access keys")
    create = form("/console/access-keys", page_request.form_token, button="Create access key", is_quiet=True)
    return [shown if keys else tag("p", "There is none."), create]


def _render_devices(outcome: CallOutcome) -> Sequence[Child]:
    if outcome.error:
        return [refusal(*_render_error_text(outcome.error)), _link_registration()]
    devices: list[dict[str, Any]] = outcome.result["MFADevices"]
    rows = [(code(device["SerialNumber"]), f"{device['EnableDate']:%Y-%m-%d}") for device in devices]
    shown = table(("Serial number", "Registered"), rows, caption="Registered devices")
    return [shown if devices else tag("p", "There is none."), _link_registration()]


def _link_registration() -> Child:
    return tag("p", tag("a", "Register an MFA device", href="/console/register-mfa"))


def _render_users(page_request: PageRequest, outcome: CallOutcome) -> Sequence[Child]:
    if outcome.error:
        return [refusal(*_render_error_text(outcome.error))]
    users: list[dict[str, Any]] = outcome.result["Users"]
    rows = [(tag("bdi", user["UserName"]), code(user["Arn"])) for user in users]
    return [
        table(("User", "ARN"), rows, caption="IAM users of the account") if users else tag("p", "There is none."),
        tag(
            "p",
            "A root user can't open root sessions. To work in other accounts when IAM Identity Center is down, it"
            " creates an IAM user that may.",
        ),
        form(
            "/console/users",
            page_request.form_token,
            form_field("Name of a new user", "user_name", maxlength=64, value="", autocomplete="off"),
            tag(
                "div",
                tag(
                    "input", type="checkbox", id="is_administrator", name="is_administrator", value="yes", checked=True
                ),
                tag("label", "Attach AdministratorAccess", for_="is_administrator"),
                class_="choice",
            ),
            button="Create user with access key",
            is_quiet=True,
        ),
    ]


def _render_cloud_shell(page_request: PageRequest) -> Sequence[Child]:
    button = form(
        "/console/cloudshell", page_request.form_token, button="Show what CloudShell works with", is_quiet=True
    )
    return [tag("p", "A command line as the root user who is signed in, without an access key."), button]


def _render_password_form(page_request: PageRequest, account: Account) -> Child:
    if not account.root_user.has_password:
        return tag("p", _NO_PASSWORD)
    return form(
        "/console/password",
        page_request.form_token,
        account_of_password(account.email),
        form_field("Current password", "current", type="password", autocomplete="current-password"),
        form_field("New password", "password", hint=PASSWORD_HINT, type="password", autocomplete="new-password"),
        button="Change password",
        is_quiet=True,
    )


async def open_cloud_shell(page_request: PageRequest) -> HttpResponse:
    """Show temporary credentials of the root user who is signed in."""
    session, _ = require_ready_account(page_request)
    credential = issue_to_root_user(page_request, session)
    shown = notice(
        tag("p", "Paste these into a terminal of yours; it replaces CloudShell:"),
        tag("pre", render_exports(page_request, credential)),
    )
    return await _render(page_request, shown)


async def create_access_key(page_request: PageRequest) -> HttpResponse:
    """Create an access key of the root user and show its secret."""
    session, _ = require_ready_account(page_request)
    outcome = await call_iam(page_request, session, "CreateAccessKey")
    if outcome.error:
        return await _render(page_request, render_error_notice(outcome.error), outcome.error.status)
    return await _render(page_request, _render_new_key(outcome.result["AccessKey"], "The root user's access key"))


def _render_new_key(key: dict[str, str], whose: str) -> Child:
    exports = f"export AWS_ACCESS_KEY_ID={key['AccessKeyId']}\nexport AWS_SECRET_ACCESS_KEY={key['SecretAccessKey']}"
    return notice(tag("p", f"{whose} is created. Its secret is shown this once:"), tag("pre", exports))


async def delete_access_key(page_request: PageRequest) -> HttpResponse:
    """Delete one of the root user's access keys."""
    session, _ = require_ready_account(page_request)
    outcome = await call_iam(page_request, session, "DeleteAccessKey", AccessKeyId=page_request.text("access_key_id"))
    if outcome.error:
        return await _render(page_request, render_error_notice(outcome.error), outcome.error.status)
    return redirect("/console?notice=key-deleted")


async def create_user(page_request: PageRequest) -> HttpResponse:
    """Create an IAM user with an access key; stops at the first refusal and shows what was done before."""
    session, _ = require_ready_account(page_request)
    name = page_request.text("user_name").strip()
    steps: list[tuple[str, dict[str, str]]] = [("CreateUser", {})]
    if page_request.text("is_administrator") == "yes":
        steps.append(("AttachUserPolicy", {"PolicyArn": ADMINISTRATOR_ACCESS_ARN}))
    steps.append(("CreateAccessKey", {}))
    outcome = CallOutcome()
    for operation, parameters in steps:
        outcome = await call_iam(page_request, session, operation, UserName=name, **parameters)
        if outcome.error:
            return await _render(page_request, render_error_notice(outcome.error), outcome.error.status)
    made = _render_new_key(outcome.result["AccessKey"], f"The IAM user {name} with an access key")
    link = tag("a", "Register an MFA device for this user", href=f"/console/register-mfa?{urlencode({'user': name})}")
    return await _render(page_request, [made, tag("p", link)])


async def change_password(page_request: PageRequest) -> HttpResponse:
    """Change the root user's password; the event says whether it was changed."""
    _, account = require_ready_account(page_request)
    fault = await _try_password(page_request, account, page_request.text("current"), page_request.text("password"))
    record_step(page_request, SignInStep.PASSWORD_UPDATED, account.account_id, is_success=fault is None)
    if fault:
        return await _render(page_request, alert(tag("p", fault)), 403 if fault == _WRONG_PASSWORD else 422)
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
