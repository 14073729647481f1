"""The pacer as handlers of a botocore client: each attempt takes a token, each throttle slows its quota down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.client import BaseClient

from rootkeeper.aws.error_table import ERRORS
from rootkeeper.aws.pacing import Pacer
from rootkeeper.errors import AwsThrottledError


def pace_calls(client: BaseClient, service: str, find_pacer: Callable[[], Pacer]) -> None:
    """Keep the calls of ``client`` below the published rates, retries included."""

    def pace(operation_name: str, **_: object) -> None:
        find_pacer().take(service, operation_name)

    def notice(event_name: str, parsed_response: Mapping[str, Any] | None, **_: object) -> None:
        code = (parsed_response or {}).get("Error", {}).get("Code")
        if ERRORS.get(code) is AwsThrottledError:
            find_pacer().slow_down(service, event_name.rpartition(".")[2])

    # First of the handlers, so that the signature isn't older than the wait for a token.
    client.meta.events.register_first(f"request-created.{service}", pace)
    client.meta.events.register(f"response-received.{service}", notice)
