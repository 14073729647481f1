"""CloudTrail records out of any of the forms in which people have them.

A log file of a trail (``{"Records": […]}``), what ``aws cloudtrail lookup-events`` prints (``{"Events": […]}`` with the
record as text), a list, one event of EventBridge (its record is the ``detail``), or any of these one a line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rootkeeper.errors import InputError


def parse_records(text: str, source: str) -> tuple[Mapping[str, Any], ...]:
    """Every record in ``text``, in order.

    :param source: how a message names where the text is from.
    :raises InputError: if it isn't JSON, or something in it is no record.
    """
    try:
        return tuple(_unwrap(value) for top in _parse(text) for value in _list_values(top))
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"{source} holds no CloudTrail records: {error}",
            hint="Give a log file of a trail (unzipped), the answer of aws cloudtrail lookup-events, or events of"
            " EventBridge, one a line.",
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
    """:raises ValueError: if there is no record in it."""
    if isinstance(value, Mapping) and "CloudTrailEvent" in value:
        value = json.loads(value["CloudTrailEvent"])
    elif isinstance(value, Mapping) and "detail" in value and "detail-type" in value:
        value = value["detail"]
    if not isinstance(value, Mapping) or "eventName" not in value:
        raise ValueError(f"{json.dumps(value)[:60]} is no record.")
    return value
