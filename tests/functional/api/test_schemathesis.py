"""All that the OpenAPI document permits to be sent, by each role and by no one: no bug, no answer that it doesn't name.

The inputs are the same in each run. What a body may say beyond its schema, such as a selection that is empty, is
refused with 422, so that schemathesis's own idea of what should be accepted isn't asked.
"""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from rootkeeper.access.rules import ServerRole
from tests.api_conformance import DOCUMENT
from tests.functional.api.serving import ApiServer

pytestmark = pytest.mark.long

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 5
LONGEST_ADDRESS = 60_000
"""A longer one uvicorn refuses by itself, before there is a request. Source: llhttp's limit, 64 KiB."""
SENDERS = (None, *ServerRole)

schema = schemathesis.openapi.from_dict(DOCUMENT)


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_request_is_answered_as_the_document_says(case: schemathesis.Case[Any], walked: ApiServer) -> None:
    """The same comes from each role, and from no one."""
    case.headers.pop("Idempotency-Key", None)  # of two requests by one key the second isn't answered again
    for role in SENDERS:
        headers = {} if role is None else {"Authorization": f"Bearer {walked.token(role)}"}
        response = case.call(base_url=f"http://127.0.0.1:{walked.port}", headers=headers)
        if len(response.request.url or "") < LONGEST_ADDRESS:
            case.validate_response(response, checks=CHECKS)
