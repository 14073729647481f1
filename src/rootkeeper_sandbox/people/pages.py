"""The front page, and which page answers which request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from itertools import islice
from urllib.parse import unquote

from rootkeeper_sandbox.codec.s3 import is_s3_host
from rootkeeper_sandbox.exchange import HttpRequest, HttpResponse
from rootkeeper_sandbox.instance import SandboxInstance
from rootkeeper_sandbox.partitions import PARTITIONS
from rootkeeper_sandbox.people import codes, console, mfa, portal, sign_in
from rootkeeper_sandbox.people.layout import redirect
from rootkeeper_sandbox.people.visits import PageRequest, RedirectedError, begin_page_request, end_page_request
from rootkeeper_sandbox.state.organization import Feature

_SHOWN_ACCOUNTS = 40


async def show(page_request: PageRequest) -> HttpResponse:
    organization = page_request.world.organization
    accounts = organization.accounts
    caption = "Accounts of the organization"
    if len(accounts) > _SHOWN_ACCOUNTS:
        caption = f"The first {_SHOWN_ACCOUNTS} of {len(accounts)} accounts"
    return page_request.page(
        "home",
        "An AWS organization on your machine",
        organization=organization,
        features=[str(feature) for feature in Feature if feature in organization.features],
        now=page_request.now,
        authority=page_request.authority,
        accounts=list(islice(accounts.values(), _SHOWN_ACCOUNTS)),
        caption=caption,
    )


Handler = Callable[[PageRequest], Awaitable[HttpResponse]]
_PLACES = frozenset({"codes", "console", "identity-center", "mailbox", "root-users", "signin", "signout"})
"""First segments of pages. As names of buckets they are served to signed requests only."""
_SIGN_IN_PLACES = frozenset({"console", "root-users", "signin"})
"""First segments of pages for root users who sign in."""
_FORM = "application/x-www-form-urlencoded"

_ROUTES: Mapping[str, Mapping[str, Handler]] = {
    "/": {"GET": show},
    "/codes": {"GET": codes.show_codes},
    "/console": {"GET": console.show},
    "/console/access-keys": {"POST": console.create_access_key},
    "/console/access-keys/delete": {"POST": console.delete_access_key},
    "/console/cloudshell": {"POST": console.open_cloud_shell},
    "/console/password": {"POST": console.change_password},
    "/console/register-mfa": {"GET": mfa.show, "POST": mfa.begin},
    "/console/register-mfa/codes": {"GET": mfa.ask_codes, "POST": mfa.finish},
    "/console/users": {"POST": console.create_user},
    "/identity-center": {"GET": portal.show},
    "/identity-center/credentials": {"POST": portal.issue_credentials},
    "/identity-center/status": {"POST": portal.set_status},
    "/mailbox": {"GET": sign_in.show_all},
    "/mailbox/*": {"GET": sign_in.show_one},
    "/root-users/*": {"GET": codes.show_root_user},
    "/signin": {"GET": sign_in.show_sign_in, "POST": sign_in.sign_in},
    "/signin/forgot-password": {"GET": sign_in.show_recovery, "POST": sign_in.send_link},
    "/signin/mfa": {"GET": sign_in.ask_code, "POST": sign_in.check_code},
    "/signin/reset-password": {"GET": sign_in.ask_password, "POST": sign_in.set_password},
    "/signout": {"POST": sign_in.sign_out},
}
"""By path, ``*`` standing for a segment, then by method."""


def is_for_people(request: HttpRequest) -> bool:
    """Return whether a browser sent a request: it has no signature, and its path is a page's.

    Every API call has the front page's path, too, so the page is only for requests that ask for HTML.
    """
    headers, query = request.headers, request.query_string.lower()
    if "authorization" in headers or "x-amz-target" in headers or "x-amz-" in query or "awsaccesskeyid=" in query:
        return False
    if request.method not in ("GET", "HEAD", "POST") or is_s3_host(headers.get("host", "")):
        return False
    if request.raw_path == "/":
        return request.method != "POST" and not query and "text/html" in headers.get("accept", "")
    return request.raw_path.lstrip("/").partition("/")[0] in _PLACES


async def answer_person(instance: SandboxInstance, request: HttpRequest) -> HttpResponse:
    path = unquote(request.raw_path, errors="replace").rstrip("/") or "/"
    page_request = begin_page_request(instance, request, path)
    instance.world.settle(page_request.now)
    try:
        response = await _answer(page_request)
    except RedirectedError as elsewhere:
        response = redirect(elsewhere.target)
    return end_page_request(page_request, response)


async def _answer(page_request: PageRequest) -> HttpResponse:
    methods = _find_methods(page_request.request.raw_path, page_request.path)
    obstacle = PARTITIONS[page_request.world.partition].sign_in_obstacle
    if methods is not None and obstacle and page_request.path.split("/")[1] in _SIGN_IN_PLACES:
        return page_request.page("message", "Root user sign in", 403, text=obstacle)
    if methods is None:
        return page_request.page("message", "Page not found", 404, text="There is no such page in the sandbox.")
    method = "GET" if page_request.request.method == "HEAD" else page_request.request.method
    handler = methods.get(method)
    if handler is None:
        response = page_request.page("message", "Not allowed", 405, text=f"This page doesn't take {method}.")
        response.headers["allow"] = ", ".join(sorted(methods))
        return response
    return _refuse_foreign_form(page_request) or await handler(page_request)


def _find_methods(raw_path: str, path: str) -> Mapping[str, Handler] | None:
    """Find a page; a slash that was sent encoded belongs to its segment."""
    segments = raw_path.strip("/").split("/")
    if len(segments) == 2 and f"/{segments[0]}/*" in _ROUTES:
        return _ROUTES[f"/{segments[0]}/*"]
    return _ROUTES.get(path)


def _refuse_foreign_form(page_request: PageRequest) -> HttpResponse | None:
    """Refuse forms that didn't come from our own pages, shown to this browser."""
    if page_request.request.method != "POST":
        return None
    headers = page_request.request.headers
    if headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        return page_request.page("message", "Not a form", 415, text="The sandbox's pages take forms only.")
    origin = headers.get("origin")
    is_own_origin = origin is None or origin.partition("://")[2] == headers.get("host")
    if is_own_origin and page_request.has_form_token:
        return None
    return page_request.page("expired", "This form has expired", 403)
