"""Answers for services that the sandbox doesn't serve, in the form that the request's own protocol expects."""

from __future__ import annotations

from typing import Any

from rootkeeper.sandbox.codec.json_protocol import render_json_error
from rootkeeper.sandbox.codec.query_protocol import render_query_error
from rootkeeper.sandbox.codec.refusals import JSON_WORDING, QUERY_WORDING, Refusal, RefusalError, make_refusal_error
from rootkeeper.sandbox.codec.s3_refusals import make_s3_error
from rootkeeper.sandbox.codec.xml_writing import escape_text
from rootkeeper.sandbox.exchange import ServiceError
from rootkeeper.sandbox.http_messages import HttpRequest, HttpResponse

_NAMESPACE = "https://iam.amazonaws.com/doc/2010-05-08/"
"""What AWS's front ends put around errors that no service has worded."""


class UnservedCodec:
    """A service that isn't served, or none at all."""

    def __init__(self, service: str, request: HttpRequest) -> None:
        self.service = service
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

    def parse(self, operation: str, request: HttpRequest) -> dict[str, Any]:
        raise self.refuse_operation(operation, request)

    def render(self, operation: str, result: dict[str, Any], request_id: str) -> HttpResponse:
        raise NotImplementedError(f"{self.service}:{operation} has no answer: parse always refuses")

    def render_error(self, error: ServiceError, request_id: str) -> HttpResponse:
        if self._is_json:
            response = render_json_error(error, request_id, self._content_type, "message")
            response.headers["x-amzn-errortype"] = error.code
            return response
        if self.service == "s3":
            return _render_s3_error(error, request_id)
        return render_query_error(error, request_id, _NAMESPACE)

    def make_error(self, refused: RefusalError) -> ServiceError:
        if self.service == "s3" and not self._is_json:
            return make_s3_error(refused)
        return make_refusal_error(JSON_WORDING if self._is_json else QUERY_WORDING, refused)


def _render_s3_error(error: ServiceError, request_id: str) -> HttpResponse:
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{escape_text(error.code)}</Code>'
        f"<Message>{escape_text(error.message)}</Message><RequestId>{request_id}</RequestId></Error>"
    )
    return HttpResponse(error.status, "application/xml", body.encode(), {"x-amz-request-id": request_id})
