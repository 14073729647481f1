"""Which requests are a person's, and which page answers which."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import unquote

from rootkeeper.sandbox.codec.s3_addresses import is_s3_host
from rootkeeper.sandbox.http_messages import HttpRequest, HttpResponse
from rootkeeper.sandbox.instance import SandboxInstance
from rootkeeper.sandbox.people import (
    console,
    front_page,
    mailboxes,
    mfa_registration,
    portal,
    recovery,
    signing_in,
)
from rootkeeper.sandbox.people.layout import alert, paragraphs, redirect
from rootkeeper.sandbox.people.markup import tag
from rootkeeper.sandbox.people.visits import PageRequest, RedirectedError, begin_page_request, end_page_request

Handler = Callable[[PageRequest], Awaitable[HttpResponse]]

_PLACES = frozenset({"console", "identity-center", "mailbox", "signin", "signout"})
"""First segments of pages. As names of buckets they are served to signed requests only."""
_FORM = "application/x-www-form-urlencoded"
_ROUTES: Mapping[str, Mapping[str, Handler]] = {
    "/": {"GET": front_page.show},
    "/console": {"GET": console.show},
    "/console/access-keys": {"POST": console.create_access_key},
    "/console/access-keys/delete": {"POST": console.delete_access_key},
    "/console/cloudshell": {"POST": console.open_cloud_shell},
    "/console/password": {"POST": console.change_password},
    "/console/register-mfa": {"GET": mfa_registration.show, "POST": mfa_registration.begin},
    "/console/register-mfa/codes": {"GET": mfa_registration.ask_codes, "POST": mfa_registration.finish},
    "/console/users": {"POST": console.create_user},
    "/identity-center": {"GET": portal.show},
    "/identity-center/credentials": {"POST": portal.issue_credentials},
    "/identity-center/status": {"POST": portal.set_status},
    "/mailbox": {"GET": mailboxes.show_all},
    "/mailbox/*": {"GET": mailboxes.show_one},
    "/signin": {"GET": signing_in.show, "POST": signing_in.sign_in},
    "/signin/forgot-password": {"GET": recovery.show, "POST": recovery.send_link},
    "/signin/mfa": {"GET": signing_in.ask_code, "POST": signing_in.check_code},
    "/signin/reset-password": {"GET": recovery.ask_password, "POST": recovery.set_password},
    "/signout": {"POST": signing_in.sign_out},
}
"""By path, ``*`` standing for one segment, then by method."""


def is_for_people(request: HttpRequest) -> bool:
    """Tell a browser's request from an AWS client's: no signature, and a path that is a page's.

    The front page's path is that of every API call, so it is for those alone that ask for HTML.
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
    """Answer a browser."""
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
    if methods is None:
        return page_request.page("Page not found", paragraphs("There is no such page in the sandbox."), status=404)
    method = "GET" if page_request.request.method == "HEAD" else page_request.request.method
    handler = methods.get(method)
    if handler is None:
        response = page_request.page("Not allowed", paragraphs(f"This page doesn't take {method}."), status=405)
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
        return page_request.page("Not a form", paragraphs("The sandbox's pages take forms only."), status=415)
    origin = headers.get("origin")
    is_own_origin = origin is None or origin.partition("://")[2] == headers.get("host")
    if is_own_origin and page_request.has_form_token:
        return None
    return page_request.page(
        "This form has expired",
        alert(tag("p", "The form was sent from a page that is no longer valid. Nothing was done.")),
        tag("p", tag("a", "Start again", href="/signin")),
        status=403,
    )
