"""The frame of every page: templates, their headers, and redirects.

Templates escape every text, so that no name can become markup. The style sheet is inline; the content security policy
contains its hash. Colours keep a contrast of at least 4.5 to 1, in light and dark.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rootkeeper_sandbox.clock import STEP_SECONDS
from rootkeeper_sandbox.exchange import HttpResponse

if TYPE_CHECKING:
    from jinja2 import Environment

_COUNTDOWNS = "\n".join(
    f".left-{left}::after {{ animation-delay: {left - STEP_SECONDS}s }}" for left in range(1, STEP_SECONDS + 1)
)
"""A countdown begins at the second of its page. Elements can't have styles of their own, so each second has a class."""

STYLE = (files(__package__) / "style.css").read_text("utf-8") + _COUNTDOWNS
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
"""Sent with every page: no script runs, nothing is loaded, no page frames it, nothing is cached."""

_OWN_LINK = re.compile(r"http://[^\s/]{1,300}(/signin/reset-password\?token=[A-Za-z0-9_-]{1,100})(?=\s)")
"""The only links in mails that become links, as paths of our own."""


def mailbox_path(address: str) -> str:
    return f"/mailbox/{quote(address, safe='@')}"


def _link_own(body: str) -> str:
    """Write a mail's text as HTML, with our own links as links."""
    return _OWN_LINK.sub(r'<a href="\1">\g<0></a>', escape(body))


_DEVICE_KINDS = {"virtual": "authenticator app", "hardware": "hardware token", "fido": "passkey or security key"}


@cache
def load_templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # here, since few requests are for pages

    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals |= {
        "style": STYLE,
        "device_kinds": _DEVICE_KINDS,
        "mailbox_path": mailbox_path,
        "link_own": _link_own,
        "error": None,
        "fault": None,
        "notice": None,
    }
    return environment


def render_page(template: str, status: int = 200, **values: Any) -> HttpResponse:
    """Render a page.

    A page can show the outcome of an action: ``error`` is AWS's refusal, ``fault`` our own, ``notice`` something
    that went well.
    """
    document = load_templates().get_template(f"{template}.html").render(values)
    return HttpResponse(status, "text/html; charset=utf-8", document.encode("utf-8", "replace"), dict(HEADERS))


def redirect(target: str) -> HttpResponse:
    """Send the browser on to a path of our own, which callers write out themselves."""
    return HttpResponse(303, "text/plain; charset=utf-8", b"", HEADERS | {"location": target})
