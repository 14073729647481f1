"""The front of a server of several organizations: one sign-in, and a process of its own for each organization.

A request to ``/api/v1/organizations/NAME/…`` is checked here for its sign-in, then passed on to the organization's
process as ``/api/v1/…``. Sign-ins, passwords and second factors are the front's own, whichever organization an address
names. No request to an organization makes the front read its database or use its credentials.

A name that doesn't exist is passed on, too, to some organization, as a person without a role or with a token that no
organization has. So the answer, and the time that it takes, say nothing about which organizations exist.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import aiohttp
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from yarl import URL

from rootkeeper.access.rules import Identity, ServerRole, Session
from rootkeeper.errors import (
    Hint,
    NotFoundError,
    NotSignedInError,
    RootkeeperError,
    ServerUnreachableError,
    StrangerError,
)
from rootkeeper.organizations.front import FrontRuntime
from rootkeeper.organizations.processes import OrganizationProcess
from rootkeeper.organizations.roles import find_person
from rootkeeper.organizations.rules import KnownOrganization, OrganizationNumbers
from rootkeeper.server.bodies import USUAL_BYTES
from rootkeeper.server.guards import (
    SAFE_METHODS,
    ApiCaller,
    claim_connection,
    find_caller,
    find_token,
    refuse_connection,
)
from rootkeeper.server.persons import (
    FRONT_HEADER,
    FRONT_HEADERS,
    INVITED_HEADER,
    PERSON_HEADER,
    describe_invited,
    describe_person,
    make_stranger_error,
)
from rootkeeper.server.request_path import ANSWERS, PREFIX, set_route_name
from rootkeeper.server.routes.identities import show_link
from rootkeeper.server.turns import RouteTurns
from rootkeeper.shapes import parse_facts

ROUTE = f"{PREFIX}/organizations/{{name}}"
"""The name of all requests that are passed on, in log and metrics."""
_NUMBERS = f"{PREFIX}/overview/organizations"
_PATH = re.compile(rf"{PREFIX}/organizations/([^/]+)/(.+)", re.DOTALL)
_OWN = re.compile(
    r"(?:auth/.*|sessions(?:/.*)?|me/(?:password|factors)(?:/.*)?"
    r"|identities/[^/]+/(?:sign-out|reset-factors|reset-link))",
    re.DOTALL,
)
"""What is the same for all organizations: sign-ins, passwords and second factors."""
_OF_CONNECTION = frozenset(
    {"connection", "host", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Headers of a connection, which end with it. Source: RFC 9110, section 7.6.1."""
_NOT_PASSED_ON = _OF_CONNECTION | FRONT_HEADERS | {"cookie", "forwarded", "x-forwarded-for", "x-forwarded-proto", "via"}
_NO_TOKEN = "rk_of-no-organization"  # noqa: S105 - a token that no organization has
_CONNECT_SECONDS = 60.0
"""The front keeps the listeners, so only a busy machine makes a connection take long."""
_IDLE_SECONDS = 2.0
"""Shorter than a process keeps an idle connection, which is 5 seconds: a change must not go into one that just ends."""
_SILENT_SECONDS = 300.0
"""Longer than any request waits for AWS."""
_ROLL_UP_SECONDS = 10.0
_CONNECTIONS = 100
"""To each organization's process at a time: others keep theirs when it hangs."""
_LATER = "Try again in a minute. The server's log says why."
_LOOKS_AGAIN_SECONDS = 15.0
"""How often the sign-in of a long answer, such as a stream of events, is checked again."""


@dataclass(slots=True)
class Front:
    """Passes requests on. For its event loop's thread alone."""

    services: FrontRuntime
    _http: aiohttp.ClientSession | None = None
    _members: set[tuple[str, str]] = field(default_factory=set)
    """Callers, by ``caller_id``, who had a role in an organization at their last good request, so that they learn that
    its process is down.
    """

    async def list_known(self, caller: ApiCaller) -> list[KnownOrganization]:
        """Ask each process for the numbers of its organization; list those in which the caller has a role."""
        session = caller.session
        if session is None:
            return []
        processes = self.services.processes.by_name.values()
        found = await asyncio.gather(*(self._ask_numbers(process, session) for process in processes))
        return [known for known in found if known is not None]

    async def _ask_numbers(self, process: OrganizationProcess, session: Session) -> KnownOrganization | None:
        headers = {FRONT_HEADER: self.services.processes.secret, PERSON_HEADER: self._describe(session, process.name)}
        limit = aiohttp.ClientTimeout(total=_ROLL_UP_SECONDS)
        known = KnownOrganization(process.name, process.organization_id, None, "", None, None)
        try:
            async with self._open().get(f"{process.url}{_NUMBERS}", headers=headers, timeout=limit) as answer:
                facts: dict[str, Any] = await answer.json()
                status = HTTPStatus(answer.status)
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError):
            reason = process.fault or "Its process doesn't answer."
            is_known = self._knows(session.identity.identity_id, session.identity.role, process.name)
            return replace(known, problem=reason, hint=_LATER) if is_known else None
        if facts.get("code") == StrangerError.code:
            return None
        self._members.add((session.identity.identity_id, process.name))
        if status is not HTTPStatus.OK:
            return replace(known, problem=str(facts.get("detail")), hint=facts.get("hint"))
        (own,) = facts["organizations"]
        numbers = None if own["numbers"] is None else parse_facts(OrganizationNumbers, own["numbers"])
        return replace(known, numbers=numbers, problem=own["problem"], hint=own["hint"])

    def _knows(self, caller_id: str, role: ServerRole | None, name: str) -> bool:
        return (caller_id, name) in self._members or role is ServerRole.ADMINISTRATOR

    def _describe(self, session: Session, name: str) -> str:
        """Describe the person for the process of an organization, with the groups that matter there."""
        settings = self.services.settings
        return describe_person(session, settings.oidc.issuer, settings.organization_groups.get(name, ()))

    async def pass_on(self, request: Request, name: str, rest: str) -> Response:
        """Answer a request about an organization.

        :raises NotSignedInError: if the request has neither a sign-in nor a token.
        :raises StrangerError: if the caller has no role there, or there is no such organization.
        :raises ServerUnreachableError: if its process doesn't answer.
        """
        caller = await self._identify(request)
        if caller is not None:
            request.state.identity = caller.identity
            if caller.session is None:  # a token of the front itself
                raise make_stranger_error(name)
            if not claim_connection(request, caller.identity):
                return await refuse_connection(request, caller.identity)
        process = self.services.processes.by_name.get(name)
        passed = _PassedRequest(request, caller, name, f"{PREFIX}/{rest}", process is not None)
        process = process or next(iter(self.services.processes.by_name.values()), None)
        if process is None:
            raise make_stranger_error(name)
        if caller is not None and (request.method, rest) == ("POST", "users"):
            return await self._add_user(passed, caller.identity, process)
        return await self._send(passed, process)

    async def _identify(self, request: Request) -> ApiCaller | None:
        """Find the caller; ``None`` for a token that isn't the front's, which may be an organization's."""
        turns: RouteTurns = request.app.state.turns
        try:
            return await turns.identify(request, find_caller)
        except NotSignedInError:
            if find_token(request) is None:
                raise
            return None

    async def _add_user(self, passed: _PassedRequest, by: Identity, process: OrganizationProcess) -> Response:
        """Give a person a role in an organization; invite the person to the server, who isn't there yet."""
        body = await _read_body(passed.request)
        name = _find_name(body)
        known = None if name is None else await run_in_threadpool(find_person, self.services.identities, name)
        invited = known or self.services.make_person(name or "")
        answer = await self._send(passed, process, {INVITED_HEADER: describe_invited(invited)}, body)
        if answer.status_code != HTTPStatus.CREATED:
            return answer
        facts = json.loads(b"".join([piece async for piece in answer.pieces]))
        if known is None:
            facts |= await run_in_threadpool(self._invite, passed.request, invited, by)
        return JSONResponse(facts, answer.status_code)

    def _invite(self, request: Request, invited: Identity, by: Identity) -> dict[str, Any]:
        """Return the facts of the link, with which the person sets a password for all organizations."""
        services = self.services
        with services.act_as(by.to_actor(), None) as acting:
            made = acting.identity_service.invite(invited.name, invited.role, invited.identity_id)
        facts = show_link(request, services, made)
        return {key: facts[key] for key in ("link", "link_ends_at")}

    async def _send(
        self,
        passed: _PassedRequest,
        process: OrganizationProcess,
        further: Mapping[str, str] = MappingProxyType({}),
        body: bytes | None = None,
    ) -> _PassedAnswer:
        """Send a request to a process, and return its answer, which is passed on while it comes."""
        request = passed.request
        given: Any = body
        if body is None and request.method not in SAFE_METHODS:
            given = request.stream()
        url = URL(f"{process.url}{passed.find_address()}", encoded=True)
        headers = [*passed.list_headers(self.services.processes.secret), *further.items()]
        if passed.session is not None:
            headers.append((PERSON_HEADER, self._describe(passed.session, passed.name)))
        try:
            answer = await self._open().request(request.method, url, headers=headers, data=given, allow_redirects=False)
            refusal = await answer.read() if answer.status in _STRANGERS else None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.services.log.warning(
                "organization.unreachable", f"The process of organization {process.name} didn't answer: {error!r}."
            )
            raise self._make_unreachable(passed, process) from error
        if refusal is not None and _is_strangers(refusal):
            raise make_stranger_error(passed.name)
        if answer.ok:
            self._members.add((passed.caller_id, process.name))
        return _PassedAnswer(passed, answer, refusal)

    def _make_unreachable(self, passed: _PassedRequest, process: OrganizationProcess) -> RootkeeperError:
        """Only those who have a role there may know that there is such an organization."""
        role = None if passed.caller is None else passed.caller.identity.role
        if passed.is_known and self._knows(passed.caller_id, role, process.name):
            fault = process.fault or "Its process doesn't answer."
            return ServerUnreachableError(f"Organization {process.name} can't be reached. {fault}", hint=_LATER)
        return make_stranger_error(passed.name)

    def _open(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, limit_per_host=_CONNECTIONS, keepalive_timeout=_IDLE_SECONDS),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENT_SECONDS),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
        return self._http


@dataclass(frozen=True, slots=True)
class _PassedRequest:
    """A request that is passed on."""

    request: Request
    caller: ApiCaller | None
    """``None`` if it has a token that may be an organization's."""
    name: str
    """Of the organization, as it was asked for."""
    path: str
    """In the organization's process."""
    is_known: bool
    """Whether there is such an organization."""

    @property
    def caller_id(self) -> str:
        """The person's id, or a hash of the token."""
        if self.caller is not None:
            return self.caller.identity.identity_id
        return hashlib.sha256((find_token(self.request) or "").encode()).hexdigest()

    @property
    def session(self) -> Session | None:
        """The sign-in; of a person without any role, if there is no such organization."""
        session = None if self.caller is None else self.caller.session
        return session if session is None or self.is_known else _make_no_one(session)

    def find_address(self) -> str:
        """Return path and query, as the client encoded them."""
        raw = self.request.scope["raw_path"].decode("latin-1")
        rest = raw.split("/", 5)[5]  # after /api/v1/organizations/NAME
        query = self.request.scope["query_string"].decode("latin-1")
        return f"{PREFIX}/{rest}{f'?{query}' if query else ''}"

    def list_headers(self, secret: str) -> list[tuple[str, str]]:
        """List the client's headers, without what only the front may say, and what the front says."""
        request = self.request
        session = self.session
        left_out = _NOT_PASSED_ON if session is None and self.is_known else _NOT_PASSED_ON | {"authorization"}
        headers = [(name, value) for name, value in request.headers.items() if name not in left_out]
        headers += [(FRONT_HEADER, secret), ("X-Forwarded-Proto", request.url.scheme)]
        if request.client is not None:
            headers.append(("X-Forwarded-For", request.client.host))
        if session is None and not self.is_known:
            headers.append(("Authorization", f"Bearer {_NO_TOKEN}"))
        return headers


def _make_no_one(session: Session) -> Session:
    """Return the sign-in of a person who has no role in any organization."""
    return replace(session, identity=replace(session.identity, identity_id="u-none", role=ServerRole.VIEWER))


_STRANGERS = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.UNAUTHORIZED})


def _is_strangers(refusal: bytes) -> bool:
    """Whether a process doesn't know the person or the token."""
    try:
        code = json.loads(refusal).get("code")
    except (ValueError, AttributeError):
        return False
    return code in {StrangerError.code, NotSignedInError.code}


class _PassedAnswer(StreamingResponse):
    """The answer of a process, passed on until its reader's sign-in ends."""

    def __init__(self, passed: _PassedRequest, answer: aiohttp.ClientResponse, read: bytes | None) -> None:
        """:param read: the body, if it was read already."""
        self.pieces = self._read(passed, answer, read)
        super().__init__(self.pieces, answer.status)
        self.raw_headers = [
            (name.lower(), value) for name, value in answer.raw_headers if name.decode().lower() not in _OF_CONNECTION
        ]

    async def _read(
        self, passed: _PassedRequest, answer: aiohttp.ClientResponse, read: bytes | None
    ) -> AsyncIterator[bytes]:
        if read is not None:
            yield read
            return
        clock = asyncio.get_running_loop().time
        look_at = clock() + _LOOKS_AGAIN_SECONDS
        try:
            async for piece in answer.content.iter_any():
                yield piece
                if passed.caller is not None and clock() >= look_at:
                    await run_in_threadpool(find_caller, passed.request, is_use=False)
                    look_at = clock() + _LOOKS_AGAIN_SECONDS
        except NotSignedInError:
            return
        finally:
            answer.close()


async def _read_body(request: Request) -> bytes:
    """:raises HTTPException: if it is too large."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > USUAL_BYTES:
            raise HTTPException(413, f"The request's body is larger than {USUAL_BYTES} bytes.")
    return body


def _find_name(body: bytes) -> str | None:
    """Return the name of a new user; ``None`` if the body isn't valid, which the organization's process answers."""
    try:
        name = json.loads(body)["name"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return name if isinstance(name, str) else None


ALL_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")


async def refuse_unnamed(_: Request) -> Response:
    """Refuse an address that is of an organization and names none.

    :raises InputError: always.
    """
    raise NotFoundError(
        "This server has several organizations, and the address names none.",
        hint=Hint(
            "Use /api/v1/organizations/NAME/… in place of /api/v1/…. GET /api/v1/overview/organizations lists them.",
            "organization.unnamed",
        ),
    )


class OrganizationPaths:
    """Answers requests to addresses of organizations."""

    def __init__(self, app: ASGIApp, front: Front) -> None:
        self._app = app
        self._front = front

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        name, rest = found.groups()
        if _OWN.fullmatch(rest):
            path = f"{PREFIX}/{rest}"
            await self._app({**scope, "path": path, "raw_path": quote(path).encode()}, receive, send)
            return
        set_route_name(scope, ROUTE)
        request = Request(scope, receive)
        response: Response
        try:
            response = await self._front.pass_on(request, name, rest)
        except (RootkeeperError, HTTPException) as error:
            kind: type[Exception] = RootkeeperError if isinstance(error, RootkeeperError) else HTTPException
            response = await ANSWERS[kind](request, error)
        await response(scope, receive, send)
