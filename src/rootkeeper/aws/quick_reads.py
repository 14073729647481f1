"""A short way for AssumeRoot and the reading calls of root sessions, at a quarter of the CPU of botocore's own.

A deletion makes some thirteen of them for each account. Endpoint, headers and body come from botocore; signature,
parser and exceptions are botocore's; only what carries the request is shorter. The short way tries once and takes
nothing but a plain answer: data, a refusal, or that there is no such thing. After anything else the call goes
botocore's way, with its retries, as if nothing had been tried. What changes something is never tried twice, and has
rules of its own: see ``quick_changes``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from botocore.client import BaseClient
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from rootkeeper.aws.answers import Answer
from rootkeeper.aws.call_templates import PLACEHOLDER, CallTemplate, SignedCall, allow_building, build_template
from rootkeeper.aws.short_way import ShortWay

_READING = ("Get", "List")
_PLAIN_ERRORS = frozenset({"AccessDenied", "NoSuchEntity"})
_VARIABLES: Mapping[str, tuple[str, str]] = {
    "AssumeRoot": ("TargetPrincipal", PLACEHOLDER),
    "GetAccessKeyLastUsed": ("AccessKeyId", "AKIAIOSFODNN7EXAMPLE"),
}
"""The one parameter that differs from call to call, and an example that botocore takes."""


class Gates(Protocol):
    """What a call passes on its way out, as botocore's handlers have it."""

    def pass_before_signing(self, operation: str) -> None:
        """Such as waiting for a token, so that the signature isn't older than the wait."""
        ...

    def pass_before_sending(self) -> None:
        """Such as the check of an intent; what it raises keeps the call back."""
        ...

    def note_refusal(self, operation: str, code: str) -> None:
        """AWS has answered with this error."""
        ...


class OpenGates:
    """Nothing stands in the way."""

    def pass_before_signing(self, operation: str) -> None:
        """Nothing."""

    def pass_before_sending(self) -> None:
        """Nothing."""

    def note_refusal(self, operation: str, code: str) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class QuickReads:
    """The calls of one client that change nothing, from templates."""

    client: BaseClient
    way: ShortWay
    find_credentials: Callable[[], ReadOnlyCredentials]
    gates: Gates = field(default_factory=OpenGates)
    only: str | None = None
    """The one operation that goes this way; ``None``: all that read, by their names."""
    _templates: dict[str, CallTemplate] = field(default_factory=dict)

    def __post_init__(self) -> None:
        allow_building(self.client)

    def find_answer(self, operation: str, parameters: Mapping[str, object]) -> Answer | None:
        """What AWS answers; ``None`` for botocore to make the call.

        :raises botocore.exceptions.ClientError: if AWS refuses, or says that there is no such thing.
        :raises NoRootSessionError: outside a root session, where one is needed; nothing was sent.
        :raises LockLostError: if the intent that the call needs is no longer valid; nothing was sent.
        """
        name, example = _VARIABLES.get(operation, ("", PLACEHOLDER))
        value = str(parameters.get(name, PLACEHOLDER))
        fixed = {key: given for key, given in parameters.items() if key != name}
        is_ours = operation == self.only if self.only else operation.startswith(_READING) and not fixed
        if not is_ours or not value.isalnum() or not self.way.is_open:
            return None
        template = self._templates.get(f"{operation} {fixed}") or self._take_template(operation, fixed, name, example)
        if not self.way.leads_to(template.url):
            return None
        self.gates.pass_before_signing(operation)
        return self._exchange(template, template.sign(value, self.find_credentials()))

    def _exchange(self, template: CallTemplate, call: SignedCall) -> Answer | None:
        answer = self.way.exchange(call, self.gates.pass_before_sending)
        if answer is None:
            return None
        try:
            return template.parse(answer.status, answer.headers, answer.body)
        except ResponseParserError:
            return None
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _PLAIN_ERRORS:
                raise
            self.gates.note_refusal(template.operation, code)
            return None

    def _take_template(self, operation: str, fixed: Mapping[str, object], name: str, example: str) -> CallTemplate:
        """Have botocore build the call, once; nothing is sent."""
        made = build_template(self.client, operation, **({**fixed, name: example} if name else fixed))
        template = replace(made, body=made.body.replace(example.encode(), PLACEHOLDER.encode()))
        self._templates[f"{operation} {fixed}"] = template
        return template
