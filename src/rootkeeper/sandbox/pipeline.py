"""The path of an API call: route, authenticate, parse, throttle, faults, authorize, provide, serialize, record, keep.

Each step reads and fills one ``Passage``. A refusal at any step skips to the answer, in the protocol's own form.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from rootkeeper.sandbox.authentication import read_authorization
from rootkeeper.sandbox.authorization.authorizer import authorize
from rootkeeper.sandbox.authorization.task_policies import task_policy_name
from rootkeeper.sandbox.codec.protocols import Codec
from rootkeeper.sandbox.codec.refusals import Refusal, RefusalError
from rootkeeper.sandbox.codec.unserved import UnservedCodec
from rootkeeper.sandbox.exchange import Call, Operation, Principal, ServiceError
from rootkeeper.sandbox.faults import Disturbance
from rootkeeper.sandbox.http_messages import HttpRequest, HttpResponse
from rootkeeper.sandbox.instance import SandboxInstance
from rootkeeper.sandbox.lies import make_up_result
from rootkeeper.sandbox.recording import RequestRecord
from rootkeeper.sandbox.request_ids import make_request_id
from rootkeeper.sandbox.routing import find_region, is_global_endpoint
from rootkeeper.sandbox.signatures import Authorization
from rootkeeper.sandbox.state_file import StateFileError
from rootkeeper.sandbox.trail import ApiCallEvent


@dataclass(slots=True)
class Passage:
    """One request on its way through the steps."""

    instance: SandboxInstance
    request: HttpRequest
    request_id: str
    codec: Codec
    """Words every refusal; before the request is routed, in no service's name."""
    signing_name: str | None = None
    operation_name: str | None = None
    operation: Operation | None = None
    authorization: Authorization | None = None
    principal: Principal | None = None
    call: Call | None = None
    account_id: str | None = None
    """The account that the call concerns."""
    disturbance: Disturbance = field(default_factory=Disturbance)
    result: dict[str, Any] = field(default_factory=dict)
    error: ServiceError | None = None

    @property
    def known_operation(self) -> Operation:
        if self.operation is None:
            raise RuntimeError("a step ran before the operation was found")
        return self.operation

    @property
    def known_call(self) -> Call:
        if self.call is None:
            raise RuntimeError("a step ran before the call was parsed")
        return self.call


async def answer(instance: SandboxInstance, request: HttpRequest) -> tuple[HttpResponse, bool]:
    """Take a request along the whole path; also tells whether to cut the connection instead of answering."""
    passage = Passage(instance, request, make_request_id(), UnservedCodec("this service", request))
    try:
        for step in STEPS:
            waiting = step(passage)
            if waiting is not None:
                await waiting
    except RefusalError as refused:
        passage.error = passage.codec.word(refused)
    except ServiceError as error:
        passage.error = error
    response = serialize(passage)
    record(passage, response.status)
    try:
        waiting = keep(passage)
        if waiting is not None:
            await waiting
    except StateFileError as error:
        failure = ServiceError("InternalFailure", f"The sandbox {error}", 500)
        response = passage.codec.render_error(failure, passage.request_id)
    return response, passage.disturbance.cuts_connection


def let_time_pass(passage: Passage) -> None:
    """Let what takes time, such as a new account, be done once its time has come."""
    passage.instance.world.settle(passage.instance.clock.now())


def route(passage: Passage) -> None:
    """Find the service and the operation, so that even a refused call is recorded by its name."""
    passage.codec, passage.signing_name = passage.instance.router.route(passage.request)
    passage.operation_name = passage.codec.find_operation(passage.request)
    served = passage.instance.services.get(passage.codec.service, {})
    passage.operation = served.get(passage.operation_name or "")


def authenticate(passage: Passage) -> None:
    """Find who calls."""
    passage.authorization = read_authorization(passage.request)
    credential = passage.instance.authenticator.authenticate(
        passage.request, passage.authorization, passage.signing_name, passage.instance.world.find_credential
    )
    passage.principal = credential.principal
    passage.account_id = credential.principal.account_id


def parse(passage: Passage) -> None:
    """Turn the request into a call with checked parameters."""
    name, codec, request = passage.operation_name, passage.codec, passage.request
    if not name:
        raise RefusalError(Refusal.MISSING_OPERATION, "The request does not say which operation it calls.")
    if passage.operation is None:
        raise codec.refuse_operation(name, request)
    if passage.operation.is_regional_only and is_global_endpoint(request, _scope_region(passage)):
        raise ServiceError("InvalidAction", "Unknown Operation")
    passage.call = _make_call(passage, name, codec.parse(name, request))
    if passage.operation.target_account:
        passage.account_id = passage.operation.target_account(passage.call) or passage.account_id


def _scope_region(passage: Passage) -> str:
    return passage.authorization.scope.region if passage.authorization else ""


def _make_call(passage: Passage, operation: str, parameters: dict[str, Any]) -> Call:
    if passage.principal is None or passage.authorization is None:
        raise RuntimeError("a call was made before its caller was known")
    request, region = passage.request, passage.authorization.scope.region
    return Call(
        world=passage.instance.world,
        service=passage.codec.service,
        operation=operation,
        region=find_region(passage.codec.service, region),
        is_global_endpoint=is_global_endpoint(request, region),
        principal=passage.principal,
        parameters=parameters,
        now=passage.instance.clock.now(),
        request_id=passage.request_id,
        source_ip=request.source_ip,
        user_agent=request.headers.get("user-agent", ""),
        host=request.headers.get("host", ""),
        event_log=passage.instance.trail,
    )


def throttle(passage: Passage) -> None:
    """Refuse a call that comes faster than its service allows."""
    refusal = passage.instance.throttle.find_refusal(passage.known_call)
    if refusal:
        raise refusal


def disturb(passage: Passage) -> Awaitable[None] | None:
    """Take the time that a call takes, and apply the faults that were ordered."""
    instance = passage.instance
    if instance.faults.faults:
        service, operation = passage.codec.service, passage.operation_name or ""
        passage.disturbance = instance.faults.disturb(service, operation, passage.account_id or "")
        passage.known_call.wants_empty_page = passage.disturbance.empties_page
    seconds = instance.latency_seconds + passage.disturbance.latency_seconds
    if seconds:
        return _delay(passage, seconds)
    if passage.disturbance.error:
        raise passage.disturbance.error
    return None


async def _delay(passage: Passage, seconds: float) -> None:
    await asyncio.sleep(seconds)
    passage.known_call.now = passage.instance.clock.now()
    if passage.disturbance.error:
        raise passage.disturbance.error


def check_permission(passage: Passage) -> None:
    """Check what the service checks before it authorizes, then authorize."""
    call = passage.known_call
    if passage.known_operation.validate:
        passage.known_operation.validate(call)
    authorize(call, passage.known_operation, call.world)


def wait(passage: Passage) -> Awaitable[None] | None:
    """Let a call wait for what it asks for, as long as it says itself."""
    until_ready = passage.known_operation.wait
    return _wait(passage, until_ready(passage.known_call)) if until_ready else None


async def _wait(passage: Passage, ready: Awaitable[None]) -> None:
    await ready
    passage.known_call.now = passage.instance.clock.now()


def provide(passage: Passage) -> None:
    """Let the service act, or answer as if it had."""
    operation, call = passage.known_operation, passage.known_call
    is_lie = passage.disturbance.lies and operation.is_mutating
    passage.result = make_up_result(operation, call) if is_lie else operation.perform(call)


STEPS: tuple[Callable[[Passage], Awaitable[None] | None], ...] = (
    let_time_pass,
    route,
    authenticate,
    parse,
    throttle,
    disturb,
    check_permission,
    wait,
    provide,
)
"""What happens to a request until it is answered or refused; ``serialize``, ``record`` and ``keep`` follow."""


def serialize(passage: Passage) -> HttpResponse:
    """Write the answer, or the refusal."""
    if passage.error:
        response = passage.codec.render_error(passage.error, passage.request_id)
    else:
        response = passage.codec.render(passage.operation_name or "", passage.result, passage.request_id)
    if passage.call:
        response.headers.update(passage.call.response_headers)
    return response


def record(passage: Passage, status: int) -> None:
    """Enter the call into the request log, and the caller's account's trail."""
    instance = passage.instance
    instance.requests.append(
        RequestRecord(
            n=instance.requests.next_number(),
            at=instance.clock.now(),
            service=passage.codec.service,
            operation=passage.operation_name,
            region=_find_region(passage),
            principal_arn=passage.principal.arn if passage.principal else None,
            account_id=passage.account_id,
            task_policy=_find_task_policy(passage),
            mutating=passage.operation is not None and passage.operation.is_mutating,
            status=status,
            error_code=passage.error.code if passage.error else None,
        )
    )
    if passage.call and not passage.known_operation.is_data_event:
        instance.trail.append(_make_event(passage, passage.call))


def _find_region(passage: Passage) -> str | None:
    if passage.call:
        return passage.call.region
    scope = passage.authorization.scope if passage.authorization else None
    return find_region(passage.codec.service, scope.region) if scope else None


def keep(passage: Passage) -> Awaitable[None] | None:
    """See to it that what the call has changed is on the disk before anybody hears of it."""
    is_mutating = passage.operation is not None and passage.operation.is_mutating
    return passage.instance.keep(is_mutating=is_mutating)


def _find_task_policy(passage: Passage) -> str | None:
    arn = passage.principal.task_policy_arn if passage.principal else None
    if passage.call and passage.known_operation.target_account and passage.known_operation.condition_keys:
        arn = passage.known_operation.condition_keys(passage.call).get("sts:TaskPolicyArn", arn)
    return task_policy_name(arn) if arn else None


def _make_event(passage: Passage, call: Call) -> ApiCallEvent:
    return ApiCallEvent(
        service=call.service,
        operation=call.operation,
        region=call.region,
        occurred_at=call.now,
        principal=call.principal,
        source_ip=call.source_ip,
        user_agent=call.user_agent,
        request_id=call.request_id,
        is_mutating=passage.known_operation.is_mutating,
        parameters=call.parameters,
        details=call.event_details,
        error_code=passage.error.code if passage.error else None,
        error_message=passage.error.message if passage.error else None,
    )
