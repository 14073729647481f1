"""IAM's pages: ``MaxItems`` from 1 to 1000, ``Marker`` and ``IsTruncated``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rootkeeper.sandbox.exchange import Call, ServiceError
from rootkeeper.sandbox.services.pagination import InvalidTokenError, cut_page

_DEFAULT_ITEMS = 100


def render_page(call: Call, name: str, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Give one page of ``items`` as the response member ``name``.

    :raises ServiceError: ValidationError, if the marker isn't one of this listing.
    """
    size = call.parameters.get("MaxItems", _DEFAULT_ITEMS)
    try:
        page, marker = cut_page(call, items, size, call.parameters.get("Marker"))
    except InvalidTokenError as error:
        raise ServiceError("ValidationError", f"Invalid Marker: {error}.") from error
    return {name: page, "IsTruncated": marker is not None} | ({"Marker": marker} if marker else {})
