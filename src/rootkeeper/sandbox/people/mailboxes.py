"""The mail that AWS would have sent: which mailboxes there are, and what is in one."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from rootkeeper.sandbox.http_messages import HttpResponse
from rootkeeper.sandbox.people.layout import redirect, section, table
from rootkeeper.sandbox.people.markup import Child, tag
from rootkeeper.sandbox.people.visits import PageRequest
from rootkeeper.sandbox.state.mailboxes import Message

_SHOWN_MAILBOXES = 200
_OWN_LINK = re.compile(r"http://[^\s/]{1,300}(/signin/reset-password\?token=[A-Za-z0-9_-]{1,100})(?=\s)")
"""The only links that become links here, as paths of our own."""


def mailbox_path(address: str) -> str:
    return f"/mailbox/{quote(address, safe='@')}"


async def show_all(page_request: PageRequest) -> HttpResponse:
    """List the mailboxes that have mail, or go to one."""
    wanted = page_request.query.get("address", "").strip()
    if wanted:
        return redirect(mailbox_path(wanted))
    found = page_request.world.mailboxes.counts()
    rows = [(tag("a", tag("bdi", address), href=mailbox_path(address)), str(number)) for address, number in found]
    shown = rows[:_SHOWN_MAILBOXES]
    caption = f"{len(shown)} of {len(rows)} mailboxes with mail" if len(rows) > len(shown) else "Mailboxes with mail"
    return page_request.page(
        "Mailboxes",
        section(
            "Mail that stays here",
            tag("p", "Everything that AWS would send by mail ends in these mailboxes; nothing leaves this machine."),
            table(("Address", "Messages"), shown, caption=caption) if rows else tag("p", "No mail was sent yet."),
            name="mailboxes",
        ),
        section("Open any mailbox", _address_form(), name="open"),
    )


def _address_form() -> Child:
    return tag(
        "form",
        tag(
            "div",
            tag("label", "E-mail address", for_="address"),
            tag("input", id="address", name="address", type="email", required=True, maxlength=320),
            class_="field",
        ),
        tag("button", "Open", type="submit"),
        method="get",
        action="/mailbox",
    )


async def show_one(page_request: PageRequest) -> HttpResponse:
    """Show the messages of one mailbox, newest first."""
    address = unquote(page_request.request.raw_path.rstrip("/").rpartition("/")[2], errors="replace")
    messages = page_request.world.mailboxes.messages(address)[::-1]
    return page_request.page(
        f"Mailbox of {address}",
        tag("p", tag("a", "All mailboxes", href="/mailbox")),
        *(_render_message(message, number) for number, message in enumerate(messages, start=1)),
        None if messages else tag("p", "This mailbox is empty."),
    )


def _render_message(message: Message, number: int) -> Child:
    sent_at = message.sent_at.isoformat(timespec="seconds")
    return tag(
        "section",
        tag("h2", message.subject, id=f"message-{number}"),
        tag(
            "p",
            "From ",
            tag("bdi", message.sender),
            ", ",
            tag("time", message.sent_at.strftime("%Y-%m-%d %H:%M:%S UTC"), datetime=sent_at),
            class_="hint",
        ),
        tag("pre", *_link_own(message.body)),
        aria_labelledby=f"message-{number}",
    )


def _link_own(body: str) -> list[Child]:
    """Turn our own links into links."""
    pieces: list[Child] = []
    position = 0
    for match in _OWN_LINK.finditer(body):
        pieces += [body[position : match.start()], tag("a", match.group(), href=match.group(1))]
        position = match.end()
    return [*pieces, body[position:]]
