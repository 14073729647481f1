"""The control interface under ``/_sandbox/``: state, faults, clock and records, for tests and teachers.

It speaks plain JSON, needs no signature, and answers only callers on this machine, because the sandbox's keys are
public.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote

from rootkeeper_sandbox.codec.parameters import format_iso8601
from rootkeeper_sandbox.demo import parse_demo_sign_ins
from rootkeeper_sandbox.exchange import HttpRequest, HttpResponse, is_loopback
from rootkeeper_sandbox.faults import parse_fault
from rootkeeper_sandbox.instance import SandboxInstance
from rootkeeper_sandbox.people.codes import describe_sign_in
from rootkeeper_sandbox.throttling import parse_order

PREFIX = "/_sandbox/"
_MAX_ADVANCE_SECONDS = 10 * 366 * 86_400
_ANYTHING = "*"


@dataclass
class ControlError(Exception):
    """A control request that can't be done."""

    status: HTTPStatus
    message: str

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class ControlRequest:
    """A control request, with its path and query string parsed."""

    segments: tuple[str, ...]
    query: Mapping[str, str]
    raw_body: bytes

    def body(self) -> Any:
        """Parse the body.

        :raises ControlError: if it isn't JSON.
        """
        try:
            return json.loads(self.raw_body)
        except (ValueError, RecursionError):
            raise ControlError(HTTPStatus.BAD_REQUEST, "The body must be JSON.") from None


Handler = Callable[[SandboxInstance, ControlRequest], Any]


def answer_control(instance: SandboxInstance, request: HttpRequest) -> HttpResponse:
    """Answer a request under ``/_sandbox/``."""
    try:
        if not is_loopback(request.source_ip):
            raise ControlError(HTTPStatus.FORBIDDEN, "The control interface answers only callers on this machine.")
        handler, control_request = _find_handler(request)
        instance.world.settle(instance.clock.now())
        return _render(HTTPStatus.OK, handler(instance, control_request))
    except ControlError as error:
        return _render(error.status, {"error": error.message})
    except ValueError as error:
        return _render(HTTPStatus.BAD_REQUEST, {"error": str(error)})


def _render(status: HTTPStatus, body: Any) -> HttpResponse:
    return HttpResponse(status, "application/json", json.dumps(body, default=format_iso8601).encode("ascii"))


def _find_handler(request: HttpRequest) -> tuple[Handler, ControlRequest]:
    segments = tuple(unquote(segment) for segment in request.raw_path.removeprefix(PREFIX).strip("/").split("/"))
    methods = next((methods for pattern, methods in _ROUTES if _fits(pattern, segments)), None)
    if methods is None:
        raise ControlError(HTTPStatus.NOT_FOUND, f"There is no {PREFIX}{'/'.join(segments)}.")
    handler = methods.get(request.method)
    if handler is None:
        raise ControlError(HTTPStatus.METHOD_NOT_ALLOWED, f"Use {' or '.join(sorted(methods))}.")
    query = {name: values[-1] for name, values in parse_qs(request.query_string, keep_blank_values=True).items()}
    return handler, ControlRequest(segments, query, request.body)


def _fits(pattern: tuple[str, ...], segments: tuple[str, ...]) -> bool:
    return len(pattern) == len(segments) and all(
        expected in (_ANYTHING, found) for expected, found in zip(pattern, segments, strict=True)
    )


def _put_root_user(instance: SandboxInstance, request: ControlRequest) -> dict[str, Any]:
    account_id = request.segments[1]
    if instance.world.find_account(account_id) is None:
        raise ControlError(HTTPStatus.NOT_FOUND, f"There is no account {account_id}.")
    instance.world.put_root_user(account_id, request.body())
    return {}


def _get_sign_in(instance: SandboxInstance, request: ControlRequest) -> dict[str, Any]:
    account_id = request.segments[1]
    account = instance.world.find_account(account_id)
    if account is None:
        raise ControlError(HTTPStatus.NOT_FOUND, f"There is no account {account_id}.")
    return describe_sign_in(instance.world, account)


def _put_demo(instance: SandboxInstance, request: ControlRequest) -> dict[str, Any]:
    demo = parse_demo_sign_ins(request.body())
    if instance.world.find_account(demo.failsafe_account_id) is None:
        raise ControlError(HTTPStatus.NOT_FOUND, f"There is no account {demo.failsafe_account_id}.")
    instance.demo = demo
    return {}


def _get_identity_center(instance: SandboxInstance, _request: ControlRequest) -> dict[str, str]:
    return {"status": "down" if instance.world.identity_center.is_down else "up"}


def _post_identity_center(instance: SandboxInstance, request: ControlRequest) -> dict[str, str]:
    body = request.body()
    if body not in ({"status": "up"}, {"status": "down"}):
        raise ControlError(HTTPStatus.BAD_REQUEST, 'The body must be {"status": "up"} or {"status": "down"}.')
    instance.world.identity_center.is_down = body["status"] == "down"
    return _get_identity_center(instance, request)


def _get_requests(instance: SandboxInstance, request: ControlRequest) -> list[dict[str, Any]]:
    since = request.query.get("since", "0")
    if not since.isdecimal():
        raise ControlError(HTTPStatus.BAD_REQUEST, "since must be a number of a request, from 0.")
    return instance.requests.since(int(since))


def _post_fault(instance: SandboxInstance, request: ControlRequest) -> dict[str, Any]:
    instance.faults.add(parse_fault(request.body()))
    return {"faults": len(instance.faults.faults)}


def _delete_faults(instance: SandboxInstance, _request: ControlRequest) -> dict[str, Any]:
    instance.faults.clear()
    return {"faults": 0}


def _post_rate(instance: SandboxInstance, request: ControlRequest) -> dict[str, Any]:
    if instance.throttle is None:
        raise ControlError(HTTPStatus.BAD_REQUEST, "Rates need a sandbox that was started with --throttle aws.")
    instance.throttle.order(*parse_order(request.body(), instance.services))
    return {"rates": len(instance.throttle.ordered)}


def _post_clock(instance: SandboxInstance, request: ControlRequest) -> dict[str, str]:
    body = request.body()
    seconds = body.get("advance_seconds") if isinstance(body, dict) and len(body) == 1 else None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= _MAX_ADVANCE_SECONDS:
        message = f"The body must be {{advance_seconds}}, a number from 0 to {_MAX_ADVANCE_SECONDS}."
        raise ControlError(HTTPStatus.BAD_REQUEST, message)
    instance.clock.advance(seconds)
    return {"now": format_iso8601(instance.clock.now())}


def _post_reset(instance: SandboxInstance, _request: ControlRequest) -> dict[str, Any]:
    instance.reset()
    return {}


_ROUTES: tuple[tuple[tuple[str, ...], Mapping[str, Handler]], ...] = (
    (("health",), {"GET": lambda _instance, _request: {"status": "ready"}}),
    (("principals",), {"GET": lambda instance, _request: instance.world.principals()}),
    (("organization",), {"GET": lambda instance, _request: instance.world.describe()}),
    (("accounts", _ANYTHING, "root-user"), {"PUT": _put_root_user}),
    (("accounts", _ANYTHING, "sign-in"), {"GET": _get_sign_in}),
    (("demo",), {"PUT": _put_demo}),
    (("identity-center",), {"GET": _get_identity_center, "POST": _post_identity_center}),
    (("policies",), {"POST": lambda instance, request: instance.world.create_policy(request.body())}),
    (("requests",), {"GET": _get_requests}),
    (("faults",), {"POST": _post_fault, "DELETE": _delete_faults}),
    (("rates",), {"POST": _post_rate}),
    (("clock",), {"POST": _post_clock}),
    (("mailbox", _ANYTHING), {"GET": lambda instance, request: instance.world.mailbox(request.segments[1])}),
    (("events",), {"GET": lambda instance, request: instance.trail.of_account(request.query.get("account_id"))}),
    (("reset",), {"POST": _post_reset}),
)
