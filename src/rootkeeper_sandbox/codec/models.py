"""botocore's service models, loaded once, and what the codecs of all protocols share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, Protocol, TypeVar

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

from rootkeeper_sandbox.codec.errors import Refusal, RefusalError
from rootkeeper_sandbox.exchange import HttpRequest, HttpResponse, ServiceError


def load_description(service: str) -> dict[str, Any]:
    """Load the newest model of a service as JSON, which callers must not change: loaders can share it."""
    description: dict[str, Any] = Loader().load_service_model(service, "service-2")
    return description


@cache
def load_model(service: str) -> ServiceModel:
    """Load the newest model of a service by botocore's name of it, such as ``sso-admin``."""
    return ServiceModel(load_description(service), service)


class Codec(Protocol):
    """One service in one of its protocols."""

    @property
    def service(self) -> str:
        """The service by botocore's name."""

    def find_operation(self, request: HttpRequest) -> str | None:
        """Find the operation that a request names, whether it exists or not; ``None`` when it names none."""

    def refuse_operation(self, operation: str, request: HttpRequest) -> RefusalError:
        """Word the refusal of an operation that isn't served, or that there is not."""

    def parse(self, operation: str, request: HttpRequest) -> dict[str, Any]:
        """Parse and check the parameters.

        :raises RefusalError: if the body is malformed or a parameter breaks a constraint of the model.
        """

    def render(self, operation: str, result: dict[str, Any], request_id: str) -> HttpResponse:
        """Write an answer."""

    def render_error(self, error: ServiceError, request_id: str) -> HttpResponse:
        """Write an error."""

    def make_error(self, refused: RefusalError) -> ServiceError:
        """Find the code and status of a refusal that isn't the service's own."""


Parts = TypeVar("Parts")
Written = TypeVar("Written")


@dataclass(frozen=True, slots=True)
class CompiledOperation(Generic[Parts, Written]):
    """One operation's model, compiled to functions at its first use."""

    read_parameters: Callable[[Parts], dict[str, Any]]
    """Of the request, or of the parts that REST binds members to."""
    check_parameters: Callable[[dict[str, Any]], None]
    write_result: Callable[[dict[str, Any], str], Written]
    """Takes the result and the request id."""


class OperationTable(Generic[Parts, Written]):
    """The operations of a service, compiled as they are used."""

    def __init__(
        self, model: ServiceModel, compile_one: Callable[[OperationModel], CompiledOperation[Parts, Written]]
    ) -> None:
        self._model = model
        self._names = frozenset(model.operation_names)
        self._compile_one = compile_one
        self._compiled: dict[str, CompiledOperation[Parts, Written]] = {}

    def __contains__(self, operation: str) -> bool:
        return operation in self._names

    def get(self, operation: str) -> CompiledOperation[Parts, Written]:
        """Get an operation that the model has."""
        compiled = self._compiled.get(operation)
        if compiled is None:
            compiled = self._compile_one(self._model.operation_model(operation))
            self._compiled[operation] = compiled
        return compiled

    def parse(self, operation: str, parts: Parts) -> dict[str, Any]:
        """Parse and check the parameters of an operation."""
        compiled = self.get(operation)
        parameters = compiled.read_parameters(parts)
        compiled.check_parameters(parameters)
        return parameters


def not_served(service: str, operation: str) -> RefusalError:
    """Word the refusal of an operation that AWS has and the sandbox hasn't."""
    return RefusalError(Refusal.UNKNOWN_OPERATION, f"The sandbox does not serve {service}:{operation}.")
