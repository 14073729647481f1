"""The codecs of the services that the sandbox serves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from botocore.model import ServiceModel

from rootkeeper.sandbox.codec.json_protocol import JsonCodec
from rootkeeper.sandbox.codec.models import load_model
from rootkeeper.sandbox.codec.protocols import Codec
from rootkeeper.sandbox.codec.query_protocol import QueryCodec
from rootkeeper.sandbox.codec.rest_json_protocol import RestJsonCodec
from rootkeeper.sandbox.codec.s3_protocol import S3Codec
from rootkeeper.sandbox.codec.sqs_protocol import SqsJsonCodec, SqsQueryCodec

CodecMaker = Callable[[ServiceModel], Codec]

_CODECS: Mapping[str, CodecMaker] = {"json": JsonCodec, "query": QueryCodec, "rest-json": RestJsonCodec}
"""By the protocol's name in the model."""
_OWN_CODECS: Mapping[str, tuple[CodecMaker, ...]] = {"s3": (S3Codec,), "sqs": (SqsQueryCodec, SqsJsonCodec)}
"""Services whose wire differs from their model, or that speak several protocols."""


@dataclass(frozen=True, slots=True)
class ServedService:
    """A served service, and by what a request shows that it means it."""

    codec: Codec
    signing_name: str
    """The service in a signature's credential scope, such as ``sso`` for sso-admin."""
    target_prefix: str | None
    """What ``X-Amz-Target`` begins with, in the JSON protocols."""
    version: str | None
    """The ``Version`` parameter of the query protocol."""


def load_services(names: Iterable[str]) -> tuple[ServedService, ...]:
    """Load the models of the services and make their codecs, one for each protocol that a service speaks."""
    return tuple(_describe(codec, load_model(name)) for name in names for codec in make_codecs(name))


def make_codecs(name: str) -> tuple[Codec, ...]:
    """Make the codecs of a service, the one that today's clients speak last."""
    model = load_model(name)
    makers = _OWN_CODECS.get(name) or (_CODECS[model.metadata["protocol"]],)
    return tuple(make(model) for make in makers)


def _describe(codec: Codec, model: ServiceModel) -> ServedService:
    return ServedService(
        codec=codec,
        signing_name=model.signing_name,
        target_prefix=model.metadata["targetPrefix"] if isinstance(codec, JsonCodec) else None,
        version=model.metadata["apiVersion"] if isinstance(codec, QueryCodec) else None,
    )
