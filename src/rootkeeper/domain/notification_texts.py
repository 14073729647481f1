"""Notifications as texts: what a person reads, what a webhook gets, what is kept.

Names of accounts and reasons come from outside. A text for people holds nothing that mail, chat or a terminal takes for
markup, a header, a link or a call to everybody, whatever the service makes of its messages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rootkeeper.domain.ledger import render_time
from rootkeeper.domain.notifications import Notification, NotificationEvent, Severity
from rootkeeper.domain.organizations import AccountId

SCHEMA_VERSION = 1
LONGEST_TITLE = 200
LONGEST_BODY = 4000
_LOOKALIKES = str.maketrans({"<": "\u2039", ">": "\u203a", "`": "\u02bc", "[": "\u27e6", "]": "\u27e7", "\\": "\u2216"})
"""What begins markup somewhere, and what looks like it and begins none."""
_CALLS_TO_ALL = re.compile(r"@(?=(?:everyone|here|channel|all|room)\b)", re.IGNORECASE)
_LINKS = re.compile(r"://|(?<=\bwww)\.", re.IGNORECASE)
_DOUBLED = re.compile(r"([*_~|])(?=\1)")


def render_title(notification: Notification) -> str:
    """One line: how urgent, where, and what."""
    where = "" if notification.endpoint == "AWS" else f"{notification.endpoint}: "
    text = f"{notification.severity.value.upper()}: {where}{notification.title}"
    return _shorten(" ".join(clean(text).split()), LONGEST_TITLE)


def render_body(notification: Notification) -> str:
    """The sentences, then what they are about."""
    facts = {
        "Event": notification.event.value,
        "At": f"{notification.at:%Y-%m-%d %H:%M:%S} UTC",
        "Organization": f"{notification.organization_id} ({notification.endpoint})",
        "Account": notification.account_id,
        "Window": notification.window_id,
    }
    lines = [f"{name}: {' '.join(clean(value).split())}" for name, value in facts.items() if value]
    return "\n".join([_shorten(clean(notification.body), LONGEST_BODY), "", *lines])


def clean(text: str) -> str:
    """``text`` without what isn't seen, turns the reading direction, or is taken for markup or a link somewhere."""
    seen = "".join(one if one.isprintable() or one == "\n" else " " for one in text).translate(_LOOKALIKES)
    return _DOUBLED.sub("\\1 ", _LINKS.sub(_break_link, _CALLS_TO_ALL.sub("(at)", seen)))


def _break_link(found: re.Match[str]) -> str:
    return ": //" if found[0].startswith(":") else " ."


def _shorten(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}\u2026"


def notification_to_record(notification: Notification) -> dict[str, Any]:
    """As it is kept and as a webhook gets it; the texts are data there, and left as they are."""
    return {
        "event": notification.event.value,
        "severity": notification.severity.value,
        "title": notification.title,
        "body": notification.body,
        "at": render_time(notification.at),
        "organization_id": notification.organization_id,
        "endpoint": notification.endpoint,
        "account_id": notification.account_id,
        "window_id": notification.window_id,
        "deduplication_key": notification.deduplication_key,
    }


def notification_from_record(record: Mapping[str, Any]) -> Notification:
    """What :func:`notification_to_record` made."""
    account_id = record["account_id"]
    return Notification(
        event=NotificationEvent(record["event"]),
        severity=Severity(record["severity"]),
        title=record["title"],
        body=record["body"],
        at=datetime.fromisoformat(record["at"]),
        organization_id=record["organization_id"],
        endpoint=record["endpoint"],
        account_id=None if account_id is None else AccountId(account_id),
        window_id=record["window_id"],
        deduplication_key=record["deduplication_key"],
    )
