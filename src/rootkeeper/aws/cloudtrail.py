"""Parses CloudTrail records, and finds those of root users and of AssumeRoot.

Accepted forms: a log file of a trail (``{"Records": […]}``), the output of ``aws cloudtrail lookup-events``
(``{"Events": […]}`` with the record as text), a list, an event of EventBridge (its record is the ``detail``), or any
of these, each on its own line.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rootkeeper.errors import InputError
from rootkeeper.organization.accounts import AccountId, parse_account_id


def parse_records(text: str, source: str) -> tuple[Mapping[str, Any], ...]:
    """Parse every record in ``text``, in order.

    :param source: the name of the text's origin, for messages.
    :raises InputError: if it isn't JSON, or a part of it isn't a record.
    """
    try:
        return tuple(_unwrap(value) for top in _parse(text) for value in _list_values(top))
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"{source} contains no CloudTrail records: {error}",
            hint="Give a log file of a trail (unzipped), the output of aws cloudtrail lookup-events, or events of"
            " EventBridge, one per line.",
        ) from error


def _parse(text: str) -> list[Any]:
    if not text.strip():
        raise ValueError("it is empty.")
    try:
        return [json.loads(text)]
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]


def _list_values(top: Any) -> Iterator[Any]:
    if isinstance(top, list):
        for item in top:
            yield from _list_values(item)
        return
    lists = [top[name] for name in ("Records", "Events") if isinstance(top, Mapping) and name in top]
    if lists:
        yield from _list_values(lists[0])
    else:
        yield top


def _unwrap(value: Any) -> Mapping[str, Any]:
    """:raises ValueError: if it isn't a record."""
    if isinstance(value, Mapping) and "CloudTrailEvent" in value:
        value = json.loads(value["CloudTrailEvent"])
    elif isinstance(value, Mapping) and "detail" in value and "detail-type" in value:
        value = value["detail"]
    if not isinstance(value, Mapping) or "eventName" not in value:
        raise ValueError(f"{json.dumps(value)[:60]} isn't a record.")
    return value


def is_opening(record: Mapping[str, Any]) -> bool:
    """Whether a record shows AssumeRoot, which AWS may have refused."""
    return (record.get("eventSource"), record.get("eventName")) == ("sts.amazonaws.com", "AssumeRoot")


def parse_target_account(record: Mapping[str, Any]) -> str:
    """Return the account id of AssumeRoot's target (an account id or the root user's ARN); empty if it has none."""
    target = as_text(as_mapping(record.get("requestParameters")).get("targetPrincipal"))
    return target.split(":")[4] if target.count(":") == 5 else target


def as_mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def as_text(value: object) -> str:
    return value if isinstance(value, str) else ""


LONGEST_ID = 64
"""Of an event, as the database takes it; the hash of a longer id takes its place."""
_PLAIN = re.compile(r"[!-~]{1,256}")


@dataclass(frozen=True, slots=True)
class RootRecord:
    """A CloudTrail record of a root user or of AssumeRoot."""

    event_id: str
    account_id: AccountId
    """The root user's account."""
    at: datetime
    source: str
    name: str
    record: Mapping[str, Any]

    @property
    def step(self) -> tuple[str, str]:
        return (self.source, self.name)

    @property
    def has_failed(self) -> bool:
        answer = self.record.get("responseElements")
        refused = isinstance(answer, Mapping) and answer.get(self.name) == "Failure"
        return refused or bool(self.record.get("errorCode")) or self.record.get("errorMessage") is not None

    @property
    def has_mfa(self) -> bool:
        more = self.record.get("additionalEventData")
        return isinstance(more, Mapping) and more.get("MFAUsed") == "Yes"

    @property
    def session_key_id(self) -> str | None:
        """The access key id of an assumed root session; ``None`` for anything else."""
        identity = as_mapping(self.record.get("userIdentity"))
        if as_mapping(identity.get("sessionContext")).get("assumedRoot") == "true":
            return str(identity.get("accessKeyId") or "")
        if self.name == "AssumeRoot":
            answer = as_mapping(as_mapping(self.record.get("responseElements")).get("credentials"))
            return str(answer.get("accessKeyId") or "")
        return None


def is_about_root(record: Mapping[str, Any]) -> bool:
    """Whether a root user acts in a record, or a root session is opened."""
    return as_mapping(record.get("userIdentity")).get("type") == "Root" or is_opening(record)


def parse_root_record(record: Mapping[str, Any]) -> RootRecord:
    """Parse a record that ``is_about_root``.

    :raises ValueError: if it lacks its id, its time or its account.
    """
    event_id, name = str(record.get("eventID") or ""), str(record.get("eventName") or "")
    if not _PLAIN.fullmatch(event_id) or not _PLAIN.fullmatch(name):
        raise ValueError("A record has no valid eventID or no valid eventName.")
    at = datetime.fromisoformat(str(record.get("eventTime")))
    if at.tzinfo is None:
        raise ValueError(f"Record {event_id[:LONGEST_ID]} has an eventTime without a time zone.")
    identity = as_mapping(record.get("userIdentity"))
    account = identity.get("accountId") or record.get("recipientAccountId")
    if identity.get("type") != "Root":
        account = parse_target_account(record) or account
    try:
        account_id = parse_account_id(str(account))
    except InputError as error:
        raise ValueError(f"Record {event_id[:LONGEST_ID]} has no account id.") from error
    return RootRecord(
        event_id=event_id if len(event_id) <= LONGEST_ID else hashlib.sha256(event_id.encode()).hexdigest(),
        account_id=account_id,
        at=at.astimezone(UTC),
        source=str(record.get("eventSource") or ""),
        name=name,
        record=record,
    )


def list_root_records(records: Iterable[Mapping[str, Any]]) -> Iterator[RootRecord]:
    """List the records of root users and of AssumeRoot.

    :raises ValueError: if a record lacks a necessary part.
    """
    return (parse_root_record(record) for record in records if is_about_root(record))
