"""The path of an API call: route, authenticate, parse, throttle, faults, authorize, provide, serialize, record, keep.

Each step reads and fills a ``RequestContext``. A refusal at any step skips to the answer, in the protocol's own
form.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from rootkeeper_sandbox.authentication import Authorization, read_authorization
from rootkeeper_sandbox.authorization.authorizer import authorize, task_policy_name
from rootkeeper_sandbox.codec.errors import Refusal, RefusalError
from rootkeeper_sandbox.codec.models import Codec
from rootkeeper_sandbox.codec.registry import UnservedCodec
from rootkeeper_sandbox.exchange import Call, Credential, HttpRequest, HttpResponse, Operation, Principal, ServiceError
from rootkeeper_sandbox.faults import FaultEffects, make_false_result
from rootkeeper_sandbox.instance import SandboxInstance
from rootkeeper_sandbox.partitions import PARTITIONS, Partition
from rootkeeper_sandbox.routing import RequestRecord, find_region, is_global_endpoint, make_request_id
from rootkeeper_sandbox.state_file import StateFileError
from rootkeeper_sandbox.trail import ApiCallEvent


@dataclass(slots=True)
class RequestContext:
    """A request on its way through the steps."""

    instance: SandboxInstance
    request: HttpRequest
    request_id: str
    codec: Codec
    """Words every refusal; before the request is routed, in no service's name."""
    operation_name: str | None = None
    operation: Operation | None = None
    authorization: Authorization | None = None
    principal: Principal | None = None
    call: Call | None = None
    account_id: str | None = None
    """The account that the call concerns."""
    disturbance: FaultEffects = field(default_factory=FaultEffects)
    result: dict[str, Any] = field(default_factory=dict)
    error: ServiceError | None = None

    @property
    def partition(self) -> Partition:
        return PARTITIONS[self.instance.world.partition]

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
    """Answer a request; the second value is whether to cut the connection instead."""
    context = RequestContext(instance, request, make_request_id(), UnservedCodec("this service", request))
    await take_steps(context, STEPS)
    response = serialize(context)
    record(context, response.status)
    try:
        waiting = keep(context)
        if waiting is not None:
            await waiting
    except StateFileError as error:
        failure = ServiceError("InternalFailure", f"The sandbox {error}", 500)
        response = context.codec.render_error(failure, context.request_id)
    return response, context.disturbance.cuts_connection


Step = Callable[[RequestContext], Awaitable[None] | None]


async def take_steps(context: RequestContext, steps: Iterable[Step]) -> None:
    """Take the steps in order, until a step refuses."""
    try:
        for step in steps:
            waiting = step(context)
            if waiting is not None:
                await waiting
    except RefusalError as refused:
        context.error = context.codec.make_error(refused)
    except ServiceError as error:
        context.error = error


def finish_due_work(context: RequestContext) -> None:
    """Finish slow work, such as a new account, once its time has come."""
    context.instance.world.settle(context.instance.clock.now())


def route(context: RequestContext) -> None:
    """Find the service and the operation, so that even a refused call is recorded by its name."""
    context.codec = context.instance.router.route(context.request)
    context.operation_name = context.codec.find_operation(context.request)
    served = context.instance.services.get(context.codec.service, {})
    context.operation = served.get(context.operation_name or "")


def authenticate(context: RequestContext) -> None:
    """Find who calls. The sandbox serves no operation that needs no signature."""
    name = context.operation_name or ""
    if "authorization" not in context.request.headers and context.codec.is_unsigned(name):
        raise context.codec.refuse_operation(name, context.request)
    context.authorization = read_authorization(context.request)
    credential = context.instance.authenticator.authenticate(
        context.request, context.authorization, context.codec.signing_name, _find_keys(context, context.authorization)
    )
    context.principal = credential.principal
    context.account_id = credential.principal.account_id


def _find_keys(context: RequestContext, authorization: Authorization) -> Callable[[str], Credential | None]:
    """Give the keys that an endpoint knows: none at endpoints of another partition."""
    region, partition = authorization.scope.region, context.partition
    is_foreign = is_global_endpoint(context.request, region) and not partition.has_global_sts
    if is_foreign or not partition.serves(region):
        return lambda _access_key_id: None
    return context.instance.world.find_credential


def parse(context: RequestContext) -> None:
    """Turn the request into a call with checked parameters."""
    name, codec, request = context.operation_name, context.codec, context.request
    if not name:
        raise RefusalError(Refusal.MISSING_OPERATION, "The request does not say which operation it calls.")
    if context.operation is None:
        raise codec.refuse_operation(name, request)
    region = context.authorization.scope.region if context.authorization else ""
    if context.operation.is_regional_only and is_global_endpoint(request, region):
        raise ServiceError("InvalidAction", "Unknown Operation")
    context.call = _make_call(context, name, codec.parse(name, request))
    if context.operation.target_account:
        context.account_id = context.operation.target_account(context.call) or context.account_id


def _make_call(context: RequestContext, operation: str, parameters: dict[str, Any]) -> Call:
    if context.principal is None or context.authorization is None:
        raise RuntimeError("a call was made before its caller was known")
    request, region = context.request, context.authorization.scope.region
    return Call(
        world=context.instance.world,
        service=context.codec.service,
        operation=operation,
        region=find_region(context.codec.service, region, context.partition),
        is_global_endpoint=is_global_endpoint(request, region),
        principal=context.principal,
        parameters=parameters,
        now=context.instance.clock.now(),
        request_id=context.request_id,
        source_ip=request.source_ip,
        user_agent=request.headers.get("user-agent", ""),
        host=request.headers.get("host", ""),
        event_log=context.instance.trail,
    )


def throttle(context: RequestContext) -> None:
    """Refuse a call that comes faster than its service allows."""
    limits = context.instance.throttle
    if limits and (refusal := limits.find_refusal(context.known_call)):
        raise refusal


def find_fault_effects(context: RequestContext) -> Awaitable[None] | None:
    """Take the time that a call takes, and apply the faults that were ordered."""
    instance = context.instance
    if instance.faults.faults:
        service, operation = context.codec.service, context.operation_name or ""
        context.disturbance = instance.faults.find_fault_effects(service, operation, context.account_id or "")
        context.known_call.wants_empty_page = context.disturbance.empties_page
    seconds = instance.latency_seconds + context.disturbance.latency_seconds
    if seconds:
        return _delay(context, seconds)
    if context.disturbance.error:
        raise context.disturbance.error
    return None


async def _delay(context: RequestContext, seconds: float) -> None:
    await asyncio.sleep(seconds)
    context.known_call.now = context.instance.clock.now()
    if context.disturbance.error:
        raise context.disturbance.error


def check_permission(context: RequestContext) -> None:
    """Run the service's checks that come before authorization, then authorize."""
    call = context.known_call
    if context.known_operation.validate:
        context.known_operation.validate(call)
    authorize(call, context.known_operation)


def wait(context: RequestContext) -> Awaitable[None] | None:
    """Let a call wait until it is ready, as long as it says itself."""
    until_ready = context.known_operation.wait
    return _wait(context, until_ready(context.known_call)) if until_ready else None


async def _wait(context: RequestContext, ready: Awaitable[None]) -> None:
    await ready
    context.known_call.now = context.instance.clock.now()


def provide(context: RequestContext) -> None:
    """Let the service act, or answer as if it had."""
    operation, call = context.known_operation, context.known_call
    is_lie = context.disturbance.gives_false_result and operation.is_mutating
    context.result = make_false_result(operation, call) if is_lie else operation.perform(call)


STEPS: tuple[Step, ...] = (
    finish_due_work,
    route,
    authenticate,
    parse,
    throttle,
    find_fault_effects,
    check_permission,
    wait,
    provide,
)
"""The steps of a request until it is answered or refused; ``serialize``, ``record`` and ``keep`` follow."""


def serialize(context: RequestContext) -> HttpResponse:
    """Write the answer, or the refusal."""
    if context.error:
        response = context.codec.render_error(context.error, context.request_id)
    else:
        response = context.codec.render(context.operation_name or "", context.result, context.request_id)
    if context.call:
        response.headers.update(context.call.response_headers)
    return response


def record(context: RequestContext, status: int) -> None:
    """Enter the call into the request log, and the caller's account's trail."""
    instance = context.instance
    arn = context.principal.task_policy_arn if context.principal else None
    if context.call and context.known_operation.target_account and context.known_operation.condition_keys:
        arn = context.known_operation.condition_keys(context.call).get("sts:TaskPolicyArn", arn)
    instance.requests.append(
        RequestRecord(
            n=instance.requests.next_number(),
            at=instance.clock.now(),
            service=context.codec.service,
            operation=context.operation_name,
            region=_find_region(context),
            principal_arn=context.principal.arn if context.principal else None,
            account_id=context.account_id,
            task_policy=task_policy_name(arn) if arn else None,
            mutating=context.operation is not None and context.operation.is_mutating,
            status=status,
            error_code=context.error.code if context.error else None,
            request_id=context.request_id,
            opened_by=context.principal.opened_by_arn if context.principal else None,
        )
    )
    call = context.call
    if call and not context.known_operation.is_data_event:
        event = ApiCallEvent(
            service=call.service,
            operation=call.operation,
            region=call.region,
            occurred_at=call.now,
            principal=call.principal,
            source_ip=call.source_ip,
            user_agent=call.user_agent,
            request_id=call.request_id,
            is_mutating=context.known_operation.is_mutating,
            parameters=call.parameters,
            details=call.event_details,
            error_code=context.error.code if context.error else None,
            error_message=context.error.message if context.error else None,
        )
        instance.trail.append(event)


def _find_region(context: RequestContext) -> str | None:
    if context.call:
        return context.call.region
    scope = context.authorization.scope if context.authorization else None
    return find_region(context.codec.service, scope.region, context.partition) if scope else None


def keep(context: RequestContext) -> Awaitable[None] | None:
    """Write the call's changes to the disk before it is answered."""
    is_mutating = context.operation is not None and context.operation.is_mutating
    return context.instance.keep(is_mutating=is_mutating)
