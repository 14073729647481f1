"""The adapters of a server: its log, its gateways to AWS, and a count of who uses it."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from rootkeeper.acting import make_gateway_options
from rootkeeper.aws.rules import SERVER_NAME, AwsWork
from rootkeeper.clock import Clock
from rootkeeper.errors import AwsError, RootkeeperError
from rootkeeper.ledger.database import Database

if TYPE_CHECKING:
    from rootkeeper.aws.gateway import AwsGateway, GatewayPool
    from rootkeeper.organization.accounts import Caller
    from rootkeeper.settings.sections import Settings

LOGGER_NAME = "rootkeeper.server"


@dataclass(frozen=True, slots=True)
class ServerLog:
    """Writes lines. Thread-safe."""

    def info(self, event: str, text: str, **ids: str | None) -> None:
        """Log something that needs no action."""
        _write(logging.INFO, event, text, ids)

    def warning(self, event: str, text: str, **ids: str | None) -> None:
        """Log something that a person should look at."""
        _write(logging.WARNING, event, text, ids)

    def error(self, event: str, text: str, **ids: str | None) -> None:
        """Log something that a person must look at."""
        _write(logging.ERROR, event, text, ids)

    def failure(self, event: str, what: str, error: BaseException) -> None:
        """Log an error: a deliberate error with its message, any other error with its traceback."""
        if isinstance(error, RootkeeperError):
            self.error(event, f"{what}: {error.message}", code=error.code, hint=error.hint)
        else:
            logging.getLogger(LOGGER_NAME).error(
                "%s: an unexpected %s", what, type(error).__name__, exc_info=error, extra={"event": event, "ids": {}}
            )


def _write(level: int, event: str, text: str, ids: dict[str, str | None]) -> None:
    known = {name: value for name, value in ids.items() if value is not None}
    logging.getLogger(LOGGER_NAME).log(level, "%s", text, extra={"event": event, "ids": known})


class AwsAccessPool:
    """Hands gateways out, and remembers their callers. Thread-safe."""

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
        from rootkeeper.aws.gateway import GatewayPool

        roles = self._settings.aws_roles
        return GatewayPool(
            make_gateway_options(self._settings, self._profile, self._region),
            {
                AwsWork.AUDIT: roles.audit,
                AwsWork.DELETE: roles.delete,
                AwsWork.RECOVER: roles.recover,
                AwsWork.REPORT: roles.report,
                AwsWork.UNLOCK: roles.unlock,
            },
            self._clock,
        )

    def read_caller(self, gateway: AwsGateway) -> Caller:
        """Read the caller of a gateway; AWS is asked once.

        :raises AwsError: if AWS can't be asked.
        """
        found = self._callers.get(gateway)
        if found is None:
            found = self._callers[gateway] = gateway.read_caller()
        return found

    def find_caller(self, gateway: AwsGateway) -> Caller | None:
        """Return the caller of a gateway, if AWS was asked before."""
        return self._callers.get(gateway)

    def renew(self) -> tuple[str, ...]:
        """Try the starting credentials and each role; return a sentence for each failure."""
        failures = self.gateway_pool.renew().failures
        return tuple(
            f"The role for {failure.work.value} can't be assumed: {failure.reason}" if failure.work else failure.reason
            for failure in failures
        )

    def learn_callers(self, *works: AwsWork) -> None:
        """Ask AWS for the callers of the server's own work, so that its ledger entries can name them.

        :raises AwsError: if AWS can't be asked.
        """
        for work in works:
            self.read_caller(self.gateway_pool.gateway(work, SERVER_NAME))

    def share_quotas(self, database: Database, organization_id: str) -> None:
        """Draw on the token buckets of the database, as other processes do; again after it was away.

        Does nothing while AWS can't name the account that the calls count against.
        """
        # AWS counts AssumeRoot against the account of the roles, and all work draws on the same buckets here.
        gateway = self.gateway_pool.gateway(AwsWork.AUDIT, SERVER_NAME)
        try:
            caller = self.read_caller(gateway)
        except AwsError:
            return
        from rootkeeper.aws.pacing import SqlQuotas

        caller_key = f"{caller.account_id} {gateway.region} {gateway.endpoint.label}"
        gateway.share_quotas(SqlQuotas(database.commits, organization_id, caller_key, self._clock))


class UseCounter:
    """Counts users. Thread-safe."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = threading.Condition()

    def begin(self) -> None:
        with self._changed:
            self._count += 1

    def end(self) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait_none(self, seconds: float) -> bool:
        """Wait until it is no longer in use; ``False`` if that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, seconds)
