"""Reads requests by a codec without the model's constraints, which made-up values seldom meet."""

from __future__ import annotations

from typing import Any

from rootkeeper_sandbox.codec.models import Codec
from rootkeeper_sandbox.codec.rest import RestJsonCodec, RestRequest, parse_query, split_path
from rootkeeper_sandbox.codec.s3 import S3Codec, decode_label
from rootkeeper_sandbox.exchange import HttpRequest
from rootkeeper_sandbox.services.registry import SERVICES

SERVED = [(service, operation) for service, operations in SERVICES.items() for operation in operations]


def read_parameters(codec: Codec, operation: str, request: HttpRequest) -> dict[str, Any]:
    """Read the parameters of a request."""
    if isinstance(codec, S3Codec | RestJsonCodec):
        path = request.raw_path.rstrip("/") if request.raw_path.count("/") == 2 else request.raw_path
        encoded = codec._routes.get(operation).match_path(split_path(path)) or {}
        labels = {name: decode_label(text) for name, text in encoded.items()}
        parts = RestRequest(labels, parse_query(request.query_string), request.headers, request.body)
        return codec._operations.get(operation).read_parameters(parts)
    found: dict[str, Any] = codec._operations.get(operation).read_parameters(request)  # type: ignore[attr-defined]  # of JsonCodec and QueryCodec
    return found
