"""botocore's service models, loaded once each."""

from __future__ import annotations

from functools import cache

from botocore.loaders import Loader
from botocore.model import ServiceModel


@cache
def load_model(service: str) -> ServiceModel:
    """Load the newest model of a service by botocore's name of it, such as ``sso-admin``."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)
