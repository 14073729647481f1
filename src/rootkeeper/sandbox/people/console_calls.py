"""The API calls that the console makes for whoever is signed in: through throttling, faults, policies and records.

Only signature and wire are left out: the session proves who calls.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from rootkeeper.sandbox.codec.constraints import compile_constraints
from rootkeeper.sandbox.codec.models import load_model
from rootkeeper.sandbox.codec.refusals import RefusalError
from rootkeeper.sandbox.codec.registry import make_codecs
from rootkeeper.sandbox.exchange import Call, ServiceError
from rootkeeper.sandbox.people.root_users import make_principal
from rootkeeper.sandbox.people.visits import PageRequest
from rootkeeper.sandbox.pipeline import (
    RequestContext,
    check_permission,
    find_fault_effects,
    provide,
    record,
    throttle,
    wait,
)
from rootkeeper.sandbox.state.sign_ins import SignInSession

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
