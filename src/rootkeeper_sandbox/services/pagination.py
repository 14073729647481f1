"""Pages of a listing, and the sealed tokens that lead from one page to the next.

A token is bound to the operation, its other parameters and the caller's account, so that a token from another
listing, altered or made up is refused, as AWS does.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from rootkeeper_sandbox.exchange import Call, ServiceError

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def format_event_time(moment: datetime) -> str:
    """Write a time as CloudTrail's elements do: ``Oct 25, 2024, 9:07:11 PM``."""
    half = "AM" if moment.hour < 12 else "PM"
    clock = f"{moment.hour % 12 or 12}:{moment.minute:02}:{moment.second:02} {half}"
    return f"{_MONTHS[moment.month - 1]} {moment.day}, {moment.year}, {clock}"


_SEAL_BYTES = 16
_OFFSET_BYTES = 4
_COUNT_BYTES = 2
_MAX_COUNT = 1 << 8 * _COUNT_BYTES

_NOT_PART_OF_THE_LISTING = (
    "ContinuationToken", "Marker", "MaxBuckets", "MaxItems", "MaxKeys", "MaxResults", "NextToken",
)  # fmt: skip

Item = TypeVar("Item")


def cut_page(
    call: Call, items: Sequence[Item], size: int, token: str | None, refusal: ServiceError
) -> tuple[list[Item], str | None]:
    """Cut the page that ``token`` leads to; the second value leads to the next page, ``None`` after the last.

    :raises ServiceError: ``refusal``, if the token isn't from this listing.
    """
    start, empty_pages = _open(call, token, refusal)
    if call.wants_empty_page:
        return [], seal_token(call, start, empty_pages + 1)
    end = start + size
    return list(items[start:end]), seal_token(call, end) if end < len(items) else None


def seal_token(call: Call, offset: int, empty_pages: int = 0) -> str:
    """Make the token that leads to the items from ``offset`` on.

    ``empty_pages`` is how many pages without any item came in a row, so that no token comes twice.
    """
    packed = offset.to_bytes(_OFFSET_BYTES) + (empty_pages % _MAX_COUNT).to_bytes(_COUNT_BYTES)
    return base64.urlsafe_b64encode(packed + _seal(call, packed)).decode()


def open_token(call: Call, token: str | None, refusal: ServiceError) -> int:
    """Give the offset that a token leads to; 0 without a token."""
    return _open(call, token, refusal)[0]


def _open(call: Call, token: str | None, refusal: ServiceError) -> tuple[int, int]:
    if token is None:
        return 0, 0
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise refusal from error
    packed = raw[: _OFFSET_BYTES + _COUNT_BYTES]
    if not hmac.compare_digest(raw[_OFFSET_BYTES + _COUNT_BYTES :], _seal(call, packed)):
        raise refusal
    return int.from_bytes(packed[:_OFFSET_BYTES]), int.from_bytes(packed[_OFFSET_BYTES:])


def _seal(call: Call, packed: bytes) -> bytes:
    parameters = {name: value for name, value in call.parameters.items() if name not in _NOT_PART_OF_THE_LISTING}
    listing = json.dumps(
        [call.service, call.operation, call.principal.account_id, parameters], sort_keys=True, default=str
    )
    return hmac.digest(call.world.page_token_key, packed + listing.encode(), hashlib.sha256)[:_SEAL_BYTES]
