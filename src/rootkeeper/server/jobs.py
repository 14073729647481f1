"""Bodies of requests for jobs, and a job's changes as server-sent events.

Events are read from the job's row, so they include a job that another process performs. A stream ends with its job,
when the client leaves or loses its permission, when the server stops, or after an hour.

Source: HTML standard, server-sent events.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Annotated, Any, TypeAlias

from pydantic import AwareDatetime, BeforeValidator, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from rootkeeper.access.rules import Identity, Permission
from rootkeeper.audit.rules import AuditRequest
from rootkeeper.aws.rules import ResourceKind
from rootkeeper.composition.serving import ServerRuntime
from rootkeeper.deletion.rules import RECENT_USE, DeletionOptions
from rootkeeper.delivery.targets import DeliveryRequest, parse_request
from rootkeeper.errors import AccountBusyError, RootkeeperError
from rootkeeper.jobs.records import job_to_record
from rootkeeper.jobs.rules import Job
from rootkeeper.organization.accounts import parse_account_id
from rootkeeper.organization.records import SelectionBody, parse_selection
from rootkeeper.organization.selection import EVERYTHING, SelectionRequest
from rootkeeper.organization.statuses import FAIL_ON_FINDINGS, CredentialKind, FailOn
from rootkeeper.removal.rules import ALL_KINDS
from rootkeeper.server.guards import identify
from rootkeeper.server.parameters import Body, NamedAccountText, Text, show_example
from rootkeeper.shapes import ShortText, to_json_record
from rootkeeper.unlock.rules import ChangeKind
from rootkeeper.values import JsonValue
from rootkeeper.worker.requests import PlanRequest, PreflightRequest, UnlockRequest, plan_to_parameters

_MOST = 20_000
"""How many accounts a wave may have."""

_LONGEST_DOCUMENT = 2 * 1024 * 1024
_LONGEST_RECENT = int(timedelta(days=3650).total_seconds())


def _accept_accounts(selection: Any) -> Any:
    """Accept ``accounts`` as another name of ``named``."""
    if isinstance(selection, dict) and "accounts" in selection and "named" not in selection:
        return {"named" if name == "accounts" else name: value for name, value in selection.items()}
    return selection


_Selection: TypeAlias = Annotated[SelectionBody, BeforeValidator(_accept_accounts)]


class AuditBody(Body):
    """An audit; without a selection, of all accounts."""

    model_config = show_example({"selection": {"organizational_units": ["Root/Workloads"], "tags": ["team=payments"]}})

    selection: _Selection | None = None
    details: bool = False
    refresh: bool = False
    fail_on: tuple[FailOn, ...] | None = None

    def to_parameters(self) -> dict[str, JsonValue]:
        """:raises InputError: if the selection is invalid."""
        fail_on = FAIL_ON_FINDINGS if self.fail_on is None else frozenset(self.fail_on)
        return to_json_record(AuditRequest(_or_everything(self.selection), self.details, self.refresh, fail_on))


class PlanBody(Body):
    """A plan of a deletion; a selection is required."""

    model_config = show_example(
        {
            "selection": {"named": ["222233334444", "payments"], "statuses": ["present"]},
            "allowed_uses": [["222233334444", "Its owner agreed on 12 January."]],
        }
    )

    selection: _Selection
    only: Annotated[tuple[CredentialKind, ...], Field(min_length=1)] | None = None
    allowed_uses: Annotated[
        tuple[tuple[ShortText, Text], ...],
        Field(
            max_length=1_000,
            description="Accounts whose recently used password or key may be deleted, each with a reason.",
        ),
    ] = ()
    recent_seconds: Annotated[int, Field(ge=0, le=_LONGEST_RECENT)] | None = None
    not_before: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None

    def to_parameters(self, recent: timedelta = RECENT_USE) -> dict[str, JsonValue]:
        """:param recent: the server's setting; a request may be more cautious, but not less.
        :raises InputError: if the selection is invalid.
        """
        return plan_to_parameters(
            PlanRequest(
                parse_selection(self.selection),
                DeletionOptions(
                    only=ALL_KINDS if self.only is None else frozenset(self.only),
                    allowed_uses=dict(self.allowed_uses),
                    recent=max(recent, timedelta(seconds=self.recent_seconds or 0)),
                    not_before=self.not_before,
                    not_after=self.valid_until,
                ),
            )
        )


class WavesBody(Body):
    """The waves of a deletion."""

    canary: Annotated[int, Field(ge=0, le=1_000)] = 0
    size: Annotated[int | None, Field(ge=1, le=_MOST)] = None
    pause_seconds: Annotated[int, Field(ge=0, le=86_400)] = 0
    stop_after_failures: Annotated[int | None, Field(ge=1, le=_MOST)] = None


class DeletionBody(Body):
    """A deletion: exactly what a plan of this server says."""

    model_config = show_example({"plan_id": "plan-8925fbf6ec"})

    plan_id: Annotated[ShortText, Field(description="Of a plan that this server made; the plan file has it.")]
    only: (
        Annotated[
            tuple[CredentialKind, ...],
            Field(min_length=1, description="Which kinds of the plan to delete. Default: all."),
        ]
        | None
    ) = None
    waves: WavesBody = WavesBody()

    def to_parameters(self) -> dict[str, JsonValue]:
        """Without the facts of the plan, which are added when the job is requested."""
        only: list[JsonValue] | None = None if self.only is None else [kind.value for kind in self.only]
        return {"plan_id": self.plan_id, "only": only, "waves": self.waves.model_dump()}


class PreflightBody(Body):
    """A preflight; without a selection, of all accounts."""

    selection: _Selection | None = None

    def to_parameters(self) -> dict[str, JsonValue]:
        """:raises InputError: if the selection is invalid."""
        return to_json_record(PreflightRequest(_or_everything(self.selection)))


class DeliveryBody(Body):
    """A report to send; without a place, to every place of the server's settings."""

    model_config = show_example({"to": "securityhub"})

    to: Annotated[Text | None, Field(description="One of the setting delivery.targets, without its format.")] = None
    format: Annotated[ShortText | None, Field(description="Default: that of the settings.")] = None
    start: Annotated[AwareDatetime | None, Field(description="Default: the setting delivery.period.")] = None
    end: Annotated[AwareDatetime | None, Field(description="Default: now.")] = None
    stale_after_seconds: Annotated[int | None, Field(ge=1, le=_LONGEST_RECENT)] = None

    def to_request(self) -> DeliveryRequest:
        """:raises InputError: if place or format aren't known."""
        return parse_request(to_json_record(DeliveryRequest(**dict(self))))


class UnlockBody(Body):
    """A reading of bucket or queue policies, or a change of one of them.

    A change has the SHA-256 of the policy that was shown, so that no other policy is changed.
    """

    model_config = show_example({"account": "payments", "kind": "s3", "regions": ["eu-central-1"]})

    account: NamedAccountText
    kind: ResourceKind
    resource: ShortText | None = None
    change: ChangeKind | None = None
    regions: Annotated[tuple[ShortText, ...], Field(max_length=50)] = ()
    included_failsafes: Annotated[tuple[ShortText, ...], Field(max_length=10)] = ()
    shown_sha256: ShortText | None = None
    policy: Annotated[
        str | None, Field(max_length=_LONGEST_DOCUMENT, description="The new policy, for replace and restore.")
    ] = None

    def to_parameters(self) -> dict[str, JsonValue]:
        """Without the policy, which is the job's document.

        :raises InputError: if an account's id is invalid.
        """
        return to_json_record(
            UnlockRequest(
                account=self.account,
                kind=self.kind,
                resource=self.resource,
                change=self.change,
                regions=self.regions,
                included_failsafes=frozenset(parse_account_id(one) for one in self.included_failsafes),
                shown_sha256=self.shown_sha256,
            )
        )


def _or_everything(selection: SelectionBody | None) -> SelectionRequest:
    request = EVERYTHING if selection is None else parse_selection(selection)
    return EVERYTHING if request.is_empty else request


LOOK_SECONDS = 1.0
SIGN_OF_LIFE_SECONDS = 15.0
LONGEST_SECONDS = 3600.0
MOST_STREAMS = 100
MOST_STREAMS_OF_PERSON = 10
"""Of one user or token: enough for the open pages of one person, and nine others have as many."""


async def stream_job(services: ServerRuntime, job_id: str, request: Request) -> StreamingResponse:
    """Return the stream of one job; its first event comes at once.

    :raises InputError: if there is no such job.
    """
    job = await run_in_threadpool(services.jobs.get, job_id)
    streams: StreamCount = request.app.state.streams
    identity: Identity = request.state.identity
    streams.take(identity.identity_id)
    return _CountedStream(_stream_events(services, job, request), lambda: streams.give_back(identity.identity_id))


class _CountedStream(StreamingResponse):
    """A stream that is counted until it ends, also if its client leaves before the first event."""

    def __init__(self, events: AsyncIterator[bytes], give_back: Callable[[], None]) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._give_back = give_back

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._give_back()


class StreamCount:
    """Counts open streams; each reads the database once a second."""

    def __init__(self, most: int = MOST_STREAMS, most_of_person: int = MOST_STREAMS_OF_PERSON) -> None:
        self._most = most
        self._most_of_person = most_of_person
        self._open: Counter[str] = Counter()
        self._guard = threading.Lock()

    def take(self, identity_id: str) -> None:
        """:raises AccountBusyError: if there are too many, in all or of this person."""
        with self._guard:
            if self._open[identity_id] >= self._most_of_person:
                raise AccountBusyError(
                    f"You follow {self._most_of_person} jobs already.",
                    hint="Close other pages and clients, or read the job from time to time instead.",
                )
            if self._open.total() >= self._most:
                raise AccountBusyError("Too many clients follow jobs.", hint="Read the job from time to time instead.")
            self._open[identity_id] += 1

    def give_back(self, identity_id: str) -> None:
        with self._guard:
            self._open[identity_id] -= 1
            self._open += Counter()  # forgets those without any


async def _stream_events(services: ServerRuntime, job: Job, request: Request) -> AsyncIterator[bytes]:
    shown: bytes | None = None
    loop = asyncio.get_running_loop()
    ends_at, spoke_at = loop.time() + LONGEST_SECONDS, loop.time()
    try:
        while True:
            event = render_event(job)
            if event != shown:
                yield event
                shown, spoke_at = event, loop.time()
            if job.is_over or services.is_stopping or loop.time() > ends_at:
                return
            if loop.time() - spoke_at > SIGN_OF_LIFE_SECONDS:
                yield b": still here\n\n"
                spoke_at = loop.time()
            await asyncio.sleep(LOOK_SECONDS)
            job = await run_in_threadpool(_look, services, job.job_id, request)
    except RootkeeperError:
        return  # the client connects again, and then gets the error


def _look(services: ServerRuntime, job_id: str, request: Request) -> Job:
    """:raises RootkeeperError: if the job can't be read, or the client has lost its permission."""
    identify(request, is_use=False).require_permission(Permission.JOBS_READ)
    return services.jobs.get(job_id)


def render_event(job: Job) -> bytes:
    """Render the job's record as one event."""
    return f"event: job\ndata: {json.dumps(job_to_record(job))}\n\n".encode()
