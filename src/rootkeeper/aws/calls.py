"""One botocore client, called by CloudTrail's operation names, answering with AWS's values and our errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from botocore import xform_name
from botocore.client import BaseClient

from rootkeeper.aws.answers import AwsResponse, refuse_answer, required
from rootkeeper.aws.departures import AuthorizedCall, authorize_calls
from rootkeeper.aws.endpoints import host_and_port
from rootkeeper.aws.error_translation import TRANSLATED, FailedCall, raise_translated
from rootkeeper.aws.operator_credentials import OperatorCredentials, signed_by
from rootkeeper.domain.ledger import Intent
from rootkeeper.errors import AwsUnclearError
from rootkeeper.ports.clock import Clock


class ServiceCalls:
    """The calls of one shared client; safe in many threads."""

    def __init__(
        self,
        client: BaseClient,
        profile: str | None,
        *,
        in_root_session: bool = False,
        operator: OperatorCredentials | None = None,
    ) -> None:
        """:param operator: signs what this object calls, on a client that several operators share."""
        self._client = client
        self._operator = operator
        self._service = str(client.meta.service_model.service_name)
        self._host = host_and_port(client.meta.endpoint_url)
        self._profile = profile
        self._in_root_session = in_root_session

    def acting_as(self, operator: OperatorCredentials) -> ServiceCalls:
        """The same client, signing with these credentials."""
        return ServiceCalls(self._client, self._profile, in_root_session=self._in_root_session, operator=operator)

    @property
    def url(self) -> str:
        return str(self._client.meta.endpoint_url)

    def knows(self, operation: str) -> bool:
        """Whether the AWS SDK in use has the call."""
        return operation in self._client.meta.service_model.operation_names

    def read(self, operation: str, *, target: str | None = None, **parameters: object) -> AwsResponse:
        """Make a call that changes nothing, with retries.

        :raises AwsUnreachableError: if no answer came that can be read.
        """
        send = self._method(operation)
        with _translated(lambda: self._call(operation, target)), self._signed():
            return send(**parameters)

    def read_on_intent(
        self, operation: str, intent: Intent, clock: Clock, *, target: str, **parameters: object
    ) -> AwsResponse:
        """Make a privileged call that changes nothing (AssumeRoot), with retries, each only while the intent is valid.

        :raises LockLostError: if the intent is no longer valid; nothing was sent since.
        """
        with authorize_calls(intent, clock):
            return self.read(operation, target=target, **parameters)

    def change(
        self, operation: str, intent: Intent, clock: Clock, *, target: str | None = None, **parameters: object
    ) -> AwsResponse:
        """Make a changing call, once.

        :raises LockLostError: if the intent is no longer valid; nothing was sent.
        :raises AwsUnclearError: if it left and no clear answer came.
        """
        send = self._method(operation)
        with (
            authorize_calls(intent, clock) as authorized_call,
            _translated(lambda: self._call(operation, target, authorized_call)),
            self._signed(),
        ):
            answer = send(**parameters)
        if not answer.get("ResponseMetadata", {}).get("RequestId"):
            raise AwsUnclearError(
                f"{self._call(operation, target)} was answered by something that isn't AWS. It may have acted.",
                operation=f"{self._service}:{operation}",
            )
        return answer

    def list_all(
        self,
        operation: str,
        member: str,
        *,
        target: str | None = None,
        may_lack_member: bool = False,
        **parameters: object,
    ) -> Iterator[Any]:
        """Every element of ``member`` on all pages, by the service's kind of token; pages may be empty.

        :param may_lack_member: SQS leaves an empty list out.
        :raises AwsUnreachableError: if a page lacks its list, or the pages don't come to an end.
        """
        token_name, answered_name = _TOKENS[self._service]
        seen: set[str] = set()
        while True:
            answer = self.read(operation, target=target, **parameters)
            if may_lack_member:
                required(answer.get("ResponseMetadata", {}), "RequestId", f"{self._service}:{operation}")
                yield from answer.get(member) or ()
            else:
                yield from required(answer, member, f"{self._service}:{operation}")
            token = answer.get(answered_name)
            if token is None and not answer.get("IsTruncated"):
                return
            if not token or token in seen:
                refuse_answer(f"{self._service}:{operation}", "its pages repeat or are cut off")
            seen.add(token)
            parameters[token_name] = token

    def _signed(self) -> AbstractContextManager[None]:
        return nullcontext() if self._operator is None else signed_by(self._operator)

    def _method(self, operation: str) -> Callable[..., AwsResponse]:
        method: Callable[..., AwsResponse] = getattr(self._client, xform_name(operation))
        return method

    def _call(self, operation: str, target: str | None, authorized_call: AuthorizedCall | None = None) -> FailedCall:
        return FailedCall(
            operation=f"{self._service}:{operation}",
            host=self._host,
            profile=self._profile,
            target=target,
            in_root_session=self._in_root_session,
            may_have_acted=authorized_call is not None and authorized_call.has_left,
        )


_TOKENS = {
    "account": ("NextToken", "NextToken"),
    "iam": ("Marker", "Marker"),
    "identitystore": ("NextToken", "NextToken"),
    "organizations": ("NextToken", "NextToken"),
    "s3": ("ContinuationToken", "ContinuationToken"),
    "sqs": ("NextToken", "NextToken"),
    "sso-admin": ("NextToken", "NextToken"),
}


@contextmanager
def _translated(describe: Callable[[], FailedCall]) -> Iterator[None]:
    try:
        yield
    except TRANSLATED as error:
        raise_translated(error, describe())
