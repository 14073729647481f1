"""botocore's service models, loaded once, and the shared base of the codecs of all protocols."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

from rootkeeper_sandbox.codec.errors import Refusal, RefusalError, Wording, make_refusal_error
from rootkeeper_sandbox.exchange import HttpRequest, HttpResponse, ServiceError

_LOADER = Loader()
"""Lists the services that botocore knows only once."""


def load_description(service: str) -> dict[str, Any]:
    """Load the newest model of a service as JSON, which callers must not change: it is shared."""
    description: dict[str, Any] = _LOADER.load_service_model(service, "service-2")
    return description


@cache
def load_model(service: str) -> ServiceModel:
    """Load the newest model of a service by botocore's name of it, such as ``sso-admin``."""
    return ServiceModel(load_description(service), service)


@dataclass(frozen=True, slots=True)
class CompiledOperation:
    """An operation's model, compiled to functions at its first use."""

    read_parameters: Callable[[Any], dict[str, Any]]
    """Of the request, or of the parts that REST binds members to."""
    check_parameters: Callable[[dict[str, Any]], None]
    write_result: Callable[[dict[str, Any], str], Any]
    """Takes the result and the request id."""


class Codec:
    """A service in one of its protocols."""

    wording: Wording
    """Of refusals that aren't the service's own."""
    content_type = ""
    target_prefix: str | None = None
    """The start of ``X-Amz-Target``, in the JSON protocols."""
    version: str | None = None
    """The ``Version`` parameter of the query protocol."""

    def __init__(self, model: ServiceModel) -> None:
        self.service: str = model.service_name
        """By botocore's name."""
        self.signing_name: str | None = model.signing_name
        """The service in a signature's credential scope, such as ``sso`` for sso-admin; ``None`` if it isn't served."""
        self._model = model
        self._names = frozenset(model.operation_names)
        self._compiled: dict[str, CompiledOperation] = {}

    def find_operation(self, request: HttpRequest) -> str | None:
        """Find the operation that a request names, whether it exists or not; ``None`` when it names none."""
        raise NotImplementedError

    def compile_operation(self, operation: OperationModel) -> CompiledOperation:
        raise NotImplementedError

    def get_compiled(self, operation: str) -> CompiledOperation:
        """Get an operation that the model has."""
        compiled = self._compiled.get(operation)
        if compiled is None:
            compiled = self._compiled[operation] = self.compile_operation(self._model.operation_model(operation))
        return compiled

    def refuse_operation(self, operation: str, request: HttpRequest) -> RefusalError:  # noqa: ARG002 - Query reads it
        """Word the refusal of an operation that isn't served, or that there is not."""
        if operation in self._names:
            return not_served(self.service, operation)
        return RefusalError(Refusal.UNKNOWN_OPERATION, f"Could not find operation {operation[:100]}")

    def is_unsigned(self, operation: str) -> bool:
        """Return whether AWS takes calls of an operation without a signature, such as AssumeRoleWithWebIdentity."""
        return operation in self._names and self._model.operation_model(operation).auth_type == "none"

    def bind(self, operation: str, request: HttpRequest) -> Any:  # noqa: ARG002 - REST reads it
        """Give the request in the form that ``read_parameters`` reads."""
        return request

    def parse(self, operation: str, request: HttpRequest) -> dict[str, Any]:
        """Parse and check the parameters.

        :raises RefusalError: if the body is malformed or a parameter breaks a constraint of the model.
        """
        compiled = self.get_compiled(operation)
        parameters = compiled.read_parameters(self.bind(operation, request))
        compiled.check_parameters(parameters)
        return parameters

    def render(self, operation: str, result: dict[str, Any], request_id: str) -> HttpResponse:
        """Write an answer."""
        body = self.get_compiled(operation).write_result(result, request_id)
        return HttpResponse(200, self.content_type, body, {"x-amzn-requestid": request_id})

    def render_error(self, error: ServiceError, request_id: str) -> HttpResponse:
        raise NotImplementedError

    def make_error(self, refused: RefusalError) -> ServiceError:
        """Find the code and status of a refusal that isn't the service's own."""
        return make_refusal_error(self.wording, refused)


def not_served(service: str, operation: str) -> RefusalError:
    """Word the refusal of an operation that AWS has and the sandbox hasn't."""
    return RefusalError(Refusal.UNKNOWN_OPERATION, f"The sandbox does not serve {service}:{operation}.")
