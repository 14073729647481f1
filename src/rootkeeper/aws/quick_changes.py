"""The same short way for the four calls that delete root user credentials: sent once, or left to botocore untried.

Endpoint, headers and body come from botocore, signature, parser and exceptions are botocore's. What is unclear stays
unclear: no second attempt is made by either way. The intent is checked when the connection is open, as the last thing
before the bytes leave, which botocore's own events are too early for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote_plus

from botocore.client import BaseClient
from botocore.credentials import ReadOnlyCredentials

from rootkeeper.aws.answers import Answer
from rootkeeper.aws.call_templates import PLACEHOLDER, CallTemplate, allow_building, build_template
from rootkeeper.aws.short_way import ShortWay

_VARIABLES: Mapping[str, tuple[str, str] | None] = {
    "DeactivateMFADevice": ("SerialNumber", "SERIALNUMBEROFANEXAMPLE"),
    "DeleteAccessKey": ("AccessKeyId", "AKIAIOSFODNN7EXAMPLE"),
    "DeleteLoginProfile": None,
    "DeleteSigningCertificate": ("CertificateId", "CERTIFICATEIDOFANEXAMPLE"),
}
"""The one parameter of each, and an example that botocore takes."""
_IS_PLAIN = re.compile(r"[\w+=/:,.@-]{1,256}", re.ASCII)
"""What AWS allows in such a name. Source: IAM DeactivateMFADevice, API version 2010-05-08. Others botocore judges."""


@dataclass(frozen=True, slots=True)
class QuickChanges:
    """The deleting calls of root sessions, from templates."""

    client: BaseClient
    """Which makes the same calls where the short way is closed."""
    way: ShortWay
    find_credentials: Callable[[], ReadOnlyCredentials]
    _templates: dict[str, CallTemplate] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for operation in _VARIABLES:
            allow_building(self.client, f"before-send.iam.{operation}")

    def find_answer(self, operation: str, parameters: Mapping[str, object], leave: Callable[[], None]) -> Answer | None:
        """What AWS answers; ``None`` for botocore to make the call, since nothing was tried.

        :param leave: called just before the request goes; what it raises keeps it back.
        :raises botocore.exceptions.BotoCoreError: as botocore does, if no answer comes.
        :raises botocore.exceptions.ClientError: if AWS refuses.
        :raises ResponseParserError: if what comes isn't AWS's protocol.
        :raises NoRootSessionError: outside a root session; nothing was sent.
        """
        if operation not in _VARIABLES or not self.way.is_open:
            return None
        value = _find_value(operation, parameters)
        if value is None:
            return None
        credentials = self.find_credentials()
        template = self._templates.get(operation) or self._take_template(operation)
        if not self.way.leads_to(template.url):
            return None
        answer = self.way.send(template.sign(value, credentials), leave)
        return template.parse(answer.status, answer.headers, answer.body)

    def _take_template(self, operation: str) -> CallTemplate:
        variable = _VARIABLES[operation]
        parameters = {} if variable is None else {variable[0]: variable[1]}
        made = build_template(self.client, operation, **parameters)
        if variable is not None:
            made = replace(made, body=made.body.replace(variable[1].encode(), PLACEHOLDER.encode()))
        self._templates[operation] = made
        return made


def _find_value(operation: str, parameters: Mapping[str, object]) -> str | None:
    """The parameter as it stands in a body; ``None`` if it, or another one, isn't what is expected."""
    variable = _VARIABLES[operation]
    if variable is None:
        return None if parameters else ""
    value = parameters.get(variable[0])
    if len(parameters) != 1 or not isinstance(value, str) or not _IS_PLAIN.fullmatch(value):
        return None
    return quote_plus(value)
