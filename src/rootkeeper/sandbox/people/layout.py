"""The frame of every page, and the pieces that pages are made of."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

from rootkeeper.sandbox.http_messages import HttpResponse
from rootkeeper.sandbox.people.markup import Attribute, Child, Markup, join, tag
from rootkeeper.sandbox.people.style import STYLE

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # Not no-referrer: browsers would then send "Origin: null" with our own forms.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""Sent with every page: no script runs, nothing is loaded, nobody frames it, nothing is kept."""
_LINKS = (("/", "Home"), ("/signin", "Sign in"), ("/mailbox", "Mailbox"), ("/identity-center", "Identity Center"))
_CONSOLE_LINK = ("/console", "Console")
"""In the place of signing in, for whoever has."""


def render_page(
    title: str, *content: Child, place: str, path: str, is_signed_in: bool = False, status: int = 200
) -> HttpResponse:
    """Render a page; ``place`` names the organization or account, ``path`` the page itself among the links."""
    document = tag(
        "html",
        tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", name="color-scheme", content="light dark"),
            tag("title", f"{title} · Rootkeeper SANDBOX"),
            tag("link", rel="icon", href="data:,"),
            tag("style", Markup(STYLE)),
        ),
        tag(
            "body",
            tag("a", "Skip to content", href="#content", class_="skip"),
            _header(place, path, is_signed_in=is_signed_in),
            tag("main", tag("h1", title), *content, id="content"),
            tag(
                "footer",
                tag(
                    "p",
                    "This is a sandbox on your own machine, not AWS. Its passwords and keys are public and worth"
                    " nothing.",
                ),
            ),
        ),
        lang="en",
    )
    body = f"<!doctype html>{document}".encode("utf-8", "replace")
    return HttpResponse(status, "text/html; charset=utf-8", body, dict(HEADERS))


def _header(place: str, path: str, *, is_signed_in: bool) -> Markup:
    shown = [_CONSOLE_LINK if is_signed_in and target == "/signin" else (target, name) for target, name in _LINKS]
    links = [
        tag("li", tag("a", name, href=target, aria_current="page" if target == path else None))
        for target, name in shown
    ]
    return tag(
        "header",
        tag("p", tag("strong", "SANDBOX", class_="badge"), " ", tag("bdi", place), class_="place"),
        tag("nav", tag("ul", *links), aria_label="Pages"),
    )


def redirect(target: str) -> HttpResponse:
    """Send the browser on to one of our own paths, which callers write out themselves."""
    return HttpResponse(303, "text/plain; charset=utf-8", b"", HEADERS | {"location": target})


def form(action: str, form_token: str, *content: Child, button: str, is_quiet: bool = False) -> Markup:
    """A form that is posted with the token that proves that it is ours."""
    return tag(
        "form",
        tag("input", type="hidden", name="form_token", value=form_token),
        *content,
        tag("button", button, type="submit", class_="quiet" if is_quiet else None),
        method="post",
        action=action,
    )


def hidden(name: str, value: str) -> Markup:
    return tag("input", type="hidden", name=name, value=value)


def field(label: str, name: str, *, hint: Child = None, is_invalid: bool = False, **attributes: Attribute) -> Markup:
    """A labelled input; browsers check nothing themselves that the page wouldn't say better."""
    hint_id = f"{name}-hint" if hint else None
    given: dict[str, Attribute] = {"type": "text", "required": True, **attributes}
    return tag(
        "div",
        tag("label", label, for_=name),
        tag("p", hint, id=hint_id, class_="hint") if hint else None,
        tag(
            "input",
            id=name,
            name=name,
            aria_describedby=hint_id,
            aria_invalid="true" if is_invalid else None,
            autofocus=is_invalid,
            **given,
        ),
        class_="field",
    )


def alert(*content: Child) -> Markup:
    """Something that went wrong, which screen readers say at once."""
    return tag("div", *content, role="alert", class_="alert")


def refusal(*content: Child) -> Markup:
    """Something that can't be shown, in its place on the page."""
    return tag("div", *content, class_="alert")


def account_of_password(email: str) -> Markup:
    """Tell password managers whose password a form is about, without showing it."""
    return tag(
        "input",
        type="text",
        name="username",
        value=email,
        autocomplete="username",
        aria_label="Root user e-mail address",
        hidden=True,
    )


def notice(*content: Child) -> Markup:
    """Something that went well."""
    return tag("div", *content, role="status", class_="notice")


def section(title: str, *content: Child, name: str) -> Markup:
    return tag("section", tag("h2", title, id=name), *content, aria_labelledby=name)


def table(headings: Iterable[str], rows: Iterable[Iterable[Child]], *, caption: str) -> Markup:
    """A table that scrolls by itself where it is too wide."""
    head = tag("tr", *(tag("th", heading, scope="col") for heading in headings))
    body = [tag("tr", *(tag("td", cell) for cell in row)) for row in rows]
    content = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body))
    return tag("div", content, class_="wide", tabindex=0, role="group", aria_label=caption)


def facts(*pairs: tuple[str, Child]) -> Markup:
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs))


def code(text: str) -> Markup:
    return tag("code", text)


def paragraphs(*texts: Child) -> Markup:
    return join([tag("p", text) for text in texts])
