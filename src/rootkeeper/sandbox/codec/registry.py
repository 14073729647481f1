"""The codecs of the services that the sandbox serves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from botocore.model import ServiceModel

from rootkeeper.sandbox.codec.json_protocol import JsonCodec
from rootkeeper.sandbox.codec.models import load_model
from rootkeeper.sandbox.codec.protocols import Codec
from rootkeeper.sandbox.codec.query_protocol import QueryCodec

_CODECS: dict[str, Callable[[ServiceModel], Codec]] = {"json": JsonCodec, "query": QueryCodec}
"""By the protocol's name in the model."""


@dataclass(frozen=True, slots=True)
class ServedService:
    """A served service, and by what a request shows that it means it."""

    codec: Codec
    signing_name: str
    """The service in a signature's credential scope, such as ``sso`` for sso-admin."""
    target_prefix: str | None
    """What ``X-Amz-Target`` begins with, in the JSON protocols."""
    version: str
    """The ``Version`` parameter of the query protocol."""


def load_services(names: Iterable[str]) -> tuple[ServedService, ...]:
    """Load the models of the services and make their codecs."""
    return tuple(_load(name) for name in names)


def _load(name: str) -> ServedService:
    model = load_model(name)
    return ServedService(
        codec=_CODECS[model.metadata["protocol"]](model),
        signing_name=model.signing_name,
        target_prefix=model.metadata.get("targetPrefix"),
        version=model.metadata["apiVersion"],
    )
