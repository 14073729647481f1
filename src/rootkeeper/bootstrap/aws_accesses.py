"""A server's ways to AWS: for each person and kind of work one gateway, and whose credentials it uses."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from rootkeeper.bootstrap.adapters import make_gateway_options
from rootkeeper.domain.aws_roles import AwsWork
from rootkeeper.domain.identity_names import SERVER_NAME
from rootkeeper.domain.organizations import Caller
from rootkeeper.errors import AwsError
from rootkeeper.ports.clock import Clock
from rootkeeper.settings import Settings

if TYPE_CHECKING:
    from rootkeeper.aws.gateway import AwsGateway
    from rootkeeper.aws.power import GatewayPool
    from rootkeeper.storage.database import Database


class AwsAccessPool:
    """Hands gateways out, and remembers their callers; safe in many threads."""

    def __init__(self, settings: Settings, clock: Clock, profile: str | None, region: str | None) -> None:
        """Nothing is opened yet."""
        self._settings = settings
        self._clock = clock
        self._profile = profile
        self._region = region
        self._callers: WeakKeyDictionary[AwsGateway, Caller] = WeakKeyDictionary()

    @cached_property
    def gateway_pool(self) -> GatewayPool:
        """:raises SettingsError: if the roles can't be used.

        :raises InputError: if the AWS settings can't be used.
        """
        from rootkeeper.aws.power import GatewayPool

        roles = self._settings.aws_roles
        return GatewayPool(
            make_gateway_options(self._settings, self._profile, self._region),
            {
                AwsWork.AUDIT: roles.audit,
                AwsWork.DELETE: roles.delete,
                AwsWork.RECOVER: roles.recover,
                AwsWork.UNLOCK: roles.unlock,
            },
            self._clock,
        )

    def gateway(self, work: AwsWork, person: str) -> AwsGateway:
        """The gateway of one person for one kind of work. No call is made."""
        return self.gateway_pool.gateway(work, person)

    def read_caller(self, gateway: AwsGateway) -> Caller:
        """Whose credentials a gateway uses; AWS is asked once.

        :raises AwsError: if AWS can't be asked.
        """
        found = self._callers.get(gateway)
        if found is None:
            found = self._callers[gateway] = gateway.read_caller()
        return found

    def find_caller(self, gateway: AwsGateway) -> Caller | None:
        """The same, if AWS was asked before."""
        return self._callers.get(gateway)

    def renew(self) -> tuple[str, ...]:
        """Try to have all of it; one sentence for each part that can't be had."""
        failures = self.gateway_pool.renew().failures
        return tuple(
            f"The role for {failure.work.value} can't be assumed: {failure.reason}" if failure.work else failure.reason
            for failure in failures
        )

    def learn_callers(self, works: Iterable[AwsWork]) -> None:
        """Ask AWS whose credentials the server's own work uses, so that its entries in the ledger can say it.

        :raises AwsError: if AWS can't be asked.
        """
        for work in works:
            self.read_caller(self.gateway(work, SERVER_NAME))

    def share_quotas(self, database: Database, organization_id: str) -> None:
        """Draw on the token buckets of the database, as other processes do; again after it was away.

        Does nothing while AWS can't say against whose account the calls count.
        """
        # AWS counts AssumeRoot against the account of the roles, and all work draws on one set of buckets here.
        gateway = self.gateway(AwsWork.AUDIT, SERVER_NAME)
        try:
            caller = self.read_caller(gateway)
        except AwsError:
            return
        whose = f"{caller.account_id} {gateway.region} {gateway.endpoint.label}"
        gateway.share_quotas(database.quotas(organization_id, whose, self._clock))
