"""Reads the state of EventBridge rules, in any Region of the caller's account.

A module of its own, because it is the only reader that asks many Regions with the operator's credentials. It gives up
on a Region that can't be reached sooner than other readers: only a line of a report depends on the answer.

Source: EventBridge DescribeRule, API version 2015-10-07.
"""

from __future__ import annotations

from typing import Protocol

from rootkeeper.aws.clients import GatewayPart
from rootkeeper.aws.endpoints import host_and_port, is_aws
from rootkeeper.aws.errors import required
from rootkeeper.errors import AwsNotFoundError, InputError
from rootkeeper.organization.accounts import AccountId

_ATTEMPTS = 2


class EventRuleReader(Protocol):
    """Every method may raise AwsAccessDeniedError, AwsCredentialsError, AwsRejectedError, AwsThrottledError or
    AwsUnreachableError.
    """

    def list_enabled_regions(self, account_id: AccountId | None) -> tuple[str, ...]:
        """List the enabled Regions of an account (``None``: the caller's own). account:ListRegions."""
        ...

    def read_rule_state(self, name: str, region: str) -> str | None:
        """Read the state of a rule of the caller's account; ``None`` if there is no such rule. events:DescribeRule.

        :raises InputError: if the Region or the settings of the endpoint can't be used.
        """
        ...


class AwsEventRules(GatewayPart):
    """Implements ``EventRuleReader``, together with ``AwsResourcePlaces``."""

    def read_rule_state(self, name: str, region: str) -> str | None:
        calls = self._clients.operator_calls_in("events", region, attempts=_ATTEMPTS)
        if is_aws("events", calls.url) is self._clients.endpoint.is_sandbox:
            label = self._clients.endpoint.label
            raise InputError(
                f"Calls to events would go to {host_and_port(calls.url)}, all others to {label}.",
                hint="Check AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_EVENTBRIDGE.",
            )
        try:
            answer = calls.read("DescribeRule", Name=name)
        except AwsNotFoundError:
            return None
        return str(required(answer, "State", "events:DescribeRule"))
