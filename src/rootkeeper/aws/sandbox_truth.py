"""What a sandbox says of itself beside AWS's own operations: the truth that the guided story is judged by.

Its control interface answers on loopback only, unsigned. Nothing of it is ever asked of AWS, and no proxy is used.
"""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import quote, urlsplit

from rootkeeper.domain.guided_story import FAILSAFE_ID, RECOVERED_ID, StoryState
from rootkeeper.domain.loopback import is_loopback
from rootkeeper.domain.organizations import Endpoint
from rootkeeper.errors import AwsUnreachableError, NotFoundError

_SECONDS = 5.0


def read_story_state(endpoint: Endpoint) -> StoryState:
    """Four reading requests to the control interface of a sandbox on this machine; none of them is an AWS call.

    :raises NotFoundError: if the endpoint is no sandbox on this machine.
    :raises AwsUnreachableError: if it doesn't answer, or with something else.
    """
    parts = urlsplit(endpoint.people_url or "")
    if parts.hostname is None or not is_loopback(parts.hostname):
        raise NotFoundError("There is no sandbox on this machine.", hint="The guided story belongs to rootkeeper demo.")
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=_SECONDS)
    try:
        return StoryState(
            organization=_get(connection, "organization"),
            is_identity_center_down=_get(connection, "identity-center")["status"] == "down",
            events=_get(connection, f"events?account_id={quote(RECOVERED_ID)}"),
            failsafe_events=_get(connection, f"events?account_id={quote(FAILSAFE_ID)}"),
        )
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        raise AwsUnreachableError(
            f"{endpoint.label} doesn't tell how far the story is.", hint="Look whether rootkeeper demo still runs."
        ) from error
    finally:
        connection.close()


def _get(connection: http.client.HTTPConnection, path: str) -> Any:
    connection.request("GET", f"/_sandbox/{path}")
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != http.HTTPStatus.OK:
        raise ValueError(f"{path} answered {answer.status}")
    return json.loads(body)
