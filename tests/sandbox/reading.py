"""Reads requests by a codec without the model's constraints, which made-up values seldom meet."""

from __future__ import annotations

from typing import Any

from rootkeeper_sandbox.codec.models import Codec
from rootkeeper_sandbox.exchange import HttpRequest
from rootkeeper_sandbox.services.registry import SERVICES

SERVED = [(service, operation) for service, operations in SERVICES.items() for operation in operations]


def read_parameters(codec: Codec, operation: str, request: HttpRequest) -> dict[str, Any]:
    """Read the parameters of a request."""
    return codec.get_compiled(operation).read_parameters(codec.bind(operation, request))
