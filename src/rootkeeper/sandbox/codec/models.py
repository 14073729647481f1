"""botocore's service models, loaded once each."""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel


def load_description(service: str) -> dict[str, Any]:
    """Load the newest model of a service as the JSON that it is, a copy of its own for every caller."""
    description: dict[str, Any] = Loader().load_service_model(service, "service-2")
    return description


@cache
def load_model(service: str) -> ServiceModel:
    """Load the newest model of a service by botocore's name of it, such as ``sso-admin``."""
    return ServiceModel(load_description(service), service)
