"""The frame of every page, and the pieces that pages are made of.

Every text is escaped unless it was built here, so that no name can become markup. The style sheet is inline; the
content security policy contains its hash. Colours keep a contrast of at least 4.5 to 1, in light and dark.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from html import escape

from rootkeeper_sandbox.exchange import HttpResponse

_VOID = frozenset({"br", "hr", "input", "link", "meta"})


class Markup(str):
    """A text that is HTML already."""

    __slots__ = ()


Child = str | Markup | None | Iterable["Child"]
Attribute = str | int | bool | None


def tag(name: str, /, *children: Child, **attributes: Attribute) -> Markup:
    """Build an element. ``class_`` is ``class``, ``aria_live`` is ``aria-live``; ``None`` and ``False`` leave out."""
    opening = f"<{name}{''.join(_attribute(key, value) for key, value in attributes.items())}>"
    if name in _VOID:
        return Markup(opening)
    return Markup(f"{opening}{join(children)}</{name}>")


def join(child: Child) -> Markup:
    """Build the content of an element."""
    if child is None:
        return Markup()
    if isinstance(child, Markup):
        return child
    if isinstance(child, str):
        return Markup(escape(child))
    return Markup("".join(join(inner) for inner in child))


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    shown = name.rstrip("_").replace("_", "-")
    return f" {shown}" if value is True else f' {shown}="{escape(str(value))}"'


STYLE = """
:root { color-scheme: light dark; --page: #f4f5f7; --card: #ffffff; --text: #16191f; --soft: #545b64; --line: #c6cad1;
  --link: #0b5cad; --accent: #0b5cad; --on-accent: #ffffff; --badge: #ffd84d; --bad: #a11a1a; --bad-back: #fdf0ee;
  --good: #17663a; --good-back: #eef8f1; --code: #eef0f3 }
@media (prefers-color-scheme: dark) { :root { --page: #10151d; --card: #1a212c; --text: #e6e9ee; --soft: #aab2bf;
  --line: #465062; --link: #7db9f5; --accent: #7db9f5; --on-accent: #0d1520; --badge: #ffd84d; --bad: #ff9d91;
  --bad-back: #34191b; --good: #84dca6; --good-back: #14301f; --code: #242d3b } }
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, "DejaVu Sans", sans-serif;
  overflow-wrap: break-word }
header { display: flex; flex-wrap: wrap; gap: .25rem 2rem; align-items: center; justify-content: space-between;
  padding: .5rem 1.25rem; background: var(--card); border-bottom: 4px solid var(--badge) }
header p, header ul { margin: 0; padding: 0 }
.place { color: var(--soft) }
.badge { background: var(--badge); color: #16191f; padding: .1rem .5rem; border-radius: .25rem; letter-spacing: .06em }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none }
nav a { display: inline-block; padding: .25rem 0; text-decoration: none }
nav a[aria-current] { color: var(--text); font-weight: 600; border-bottom: 2px solid var(--accent) }
main { max-width: 50rem; margin: 1.5rem auto; padding: 0 1.25rem }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: 1rem 1.25rem; margin: 0 0 1.25rem }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 1rem }
h2 { font-size: 1.15rem; margin: 0 0 .5rem }
p, form, details, .wide { margin: 0 0 .75rem }
section > :last-child { margin-bottom: 0 }
a { color: var(--link) }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.skip { position: absolute; left: -999rem }
.skip:focus { left: 1rem; top: .5rem; background: var(--card); padding: .25rem .75rem }
.field { margin: 0 0 1rem }
label { font-weight: 600; display: block }
.hint, footer, caption { color: var(--soft); font-size: .9rem }
.field .hint { margin: 0 }
input:not([type=hidden], [type=checkbox]), select { display: block; width: 100%; margin-top: .25rem;
  padding: .5rem .65rem;
  font: inherit; color: inherit; background: var(--page); border: 1px solid var(--soft); border-radius: .35rem }
input[aria-invalid] { border: 2px solid var(--bad) }
.choice { display: flex; gap: .5rem; align-items: baseline; margin: 0 0 1rem }
button, .button { display: inline-block; font: inherit; font-weight: 600; padding: .5rem 1.1rem; border-radius: .35rem;
  border: 1px solid var(--accent); background: var(--accent); color: var(--on-accent); text-decoration: none;
  cursor: pointer }
button.quiet { background: transparent; color: var(--link) }
td form { margin: 0 }
td button { padding: .2rem .7rem; white-space: nowrap }
td code { white-space: nowrap }
.alert, .notice { border: 1px solid; border-left-width: .4rem; border-radius: .35rem; padding: .65rem .9rem;
  margin: 0 0 1rem }
.alert { border-color: var(--bad); background: var(--bad-back); color: var(--bad) }
.notice { border-color: var(--good); background: var(--good-back); color: var(--good) }
.alert > :last-child, .notice > :last-child { margin: 0 }
.alert p:first-child:not(:last-child) { margin-bottom: .25rem }
.alert code, .notice code { background: none; color: inherit; padding: 0 }
code, pre { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .9em; background: var(--code);
  border-radius: .25rem; padding: .1rem .3rem; overflow-wrap: anywhere }
pre { padding: .75rem .9rem; white-space: pre-wrap; margin: 0 0 .75rem }
.seed { font-size: 1.15rem; letter-spacing: .06em }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100% }
caption { text-align: left; padding: 0 0 .35rem }
th, td { text-align: left; vertical-align: baseline; padding: .4rem .9rem .4rem 0; border-top: 1px solid var(--line) }
dl { margin: 0 0 .75rem }
dl div { display: flex; flex-wrap: wrap; gap: 0 1rem; padding: .25rem 0 }
dt { flex: 0 0 13rem; color: var(--soft) }
dd { margin: 0; flex: 1 1 14rem; overflow-wrap: anywhere }
svg { display: block; width: 11.5rem; height: 11.5rem; background: #ffffff; border-radius: .35rem; margin: 0 0 .75rem }
footer { max-width: 50rem; margin: 2rem auto; padding: 0 1.25rem }
"""

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

_LINKS = (("/", "Home"), ("/signin", "Sign in"), ("/mailbox", "Mailbox"), ("/identity-center", "Identity Center"))
_CONSOLE_LINK = ("/console", "Console")
"""Replaces the sign-in link while a root user is signed in."""


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


def email_field(email: str, *, is_invalid: bool) -> Markup:
    return form_field(
        "Root user e-mail address",
        "email",
        value=email,
        type="email",
        autocomplete="username",
        maxlength=320,
        is_invalid=is_invalid,
    )


def code_field(label: str, name: str, *, is_invalid: bool) -> Markup:
    return form_field(
        label, name, autocomplete="one-time-code", inputmode="numeric", maxlength=10, is_invalid=is_invalid
    )


def hidden(name: str, value: str) -> Markup:
    return tag("input", type="hidden", name=name, value=value)


def form_field(
    label: str, name: str, *, hint: Child = None, is_invalid: bool = False, **attributes: Attribute
) -> Markup:
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
    """Render the hidden account name by which password managers know whose password a form is about."""
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
