"""The codec of each served service, and the codec that answers for services that the sandbox doesn't serve."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from botocore.model import ServiceModel

from rootkeeper_sandbox.codec.ec2 import Ec2Codec
from rootkeeper_sandbox.codec.errors import (
    JSON_WORDING,
    QUERY_WORDING,
    Refusal,
    RefusalError,
    make_refusal_error,
    make_s3_error,
)
from rootkeeper_sandbox.codec.json_protocol import JsonCodec, render_json_error
from rootkeeper_sandbox.codec.models import Codec, load_model
from rootkeeper_sandbox.codec.query import QueryCodec, render_query_error
from rootkeeper_sandbox.codec.rest import RestJsonCodec, SecurityHubCodec
from rootkeeper_sandbox.codec.s3 import S3Codec
from rootkeeper_sandbox.codec.sqs import SqsJsonCodec, SqsQueryCodec
from rootkeeper_sandbox.codec.xml import escape_text
from rootkeeper_sandbox.exchange import HttpRequest, HttpResponse, ServiceError

_NAMESPACE = "https://iam.amazonaws.com/doc/2010-05-08/"
"""The namespace that AWS's front ends use for errors that no service has worded."""


class UnservedCodec(Codec):
    """A service that isn't served, or none at all."""

    def __init__(self, service: str, request: HttpRequest) -> None:
        self.service = service
        self.signing_name = None
        self._headers = request.headers

    @property
    def _content_type(self) -> str:
        content_type = self._headers.get("content-type", "").partition(";")[0]
        return content_type if "json" in content_type else "application/x-amz-json-1.1"

    @property
    def _is_json(self) -> bool:
        return "x-amz-target" in self._headers or "json" in self._headers.get("content-type", "").partition(";")[0]

    def find_operation(self, request: HttpRequest) -> str | None:
        target = request.headers.get("x-amz-target")
        return f"{request.method} {request.raw_path}" if target is None else target.rpartition(".")[2]

    def refuse_operation(self, operation: str, request: HttpRequest) -> RefusalError:  # noqa: ARG002 - of a codec
        return RefusalError(Refusal.UNKNOWN_OPERATION, f"The sandbox does not serve {self.service}.")

    def is_unsigned(self, operation: str) -> bool:  # noqa: ARG002 - of a codec
        return False

    def parse(self, operation: str, request: HttpRequest) -> dict[str, Any]:
        raise self.refuse_operation(operation, request)

    def render_error(self, error: ServiceError, request_id: str) -> HttpResponse:
        if self._is_json:
            response = render_json_error(error, request_id, self._content_type, "message")
            response.headers["x-amzn-errortype"] = error.code
            return response
        if self.service == "s3":
            body = (
                f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{escape_text(error.code)}</Code>'
                f"<Message>{escape_text(error.message)}</Message><RequestId>{request_id}</RequestId></Error>"
            )
            return HttpResponse(error.status, "application/xml", body.encode(), {"x-amz-request-id": request_id})
        return render_query_error(error, request_id, _NAMESPACE)

    def make_error(self, refused: RefusalError) -> ServiceError:
        if self.service == "s3" and not self._is_json:
            return make_s3_error(refused)
        return make_refusal_error(JSON_WORDING if self._is_json else QUERY_WORDING, refused)


CodecMaker = Callable[[ServiceModel], Codec]
_CODECS: Mapping[str, CodecMaker] = {"json": JsonCodec, "query": QueryCodec, "rest-json": RestJsonCodec}
"""By the protocol's name in the model."""
_OWN_CODECS: Mapping[str, tuple[CodecMaker, ...]] = {
    "s3": (S3Codec,),
    "securityhub": (SecurityHubCodec,),
    "sqs": (SqsQueryCodec, SqsJsonCodec),
}
"""Services that differ from their model on the wire, or that speak several protocols."""


def load_services(names: Iterable[str]) -> tuple[Codec, ...]:
    """Make the codecs of the services, one for each protocol that a service speaks."""
    return tuple(codec for name in names for codec in make_codecs(name))


@cache
def make_codecs(name: str) -> tuple[Codec, ...]:
    """Make the codecs of a service, today's protocol last; all sandboxes of a process share them."""
    if name == "ec2":
        return (Ec2Codec(),)
    model = load_model(name)
    makers = _OWN_CODECS.get(name) or (_CODECS[model.metadata["protocol"]],)
    return tuple(make(model) for make in makers)
