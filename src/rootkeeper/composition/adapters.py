"""The adapters of the use cases: AWS, the database, the actor, and the log of a server.

Each adapter is made on first use, from the settings.
"""

from __future__ import annotations

import getpass
import logging
import os
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self
from weakref import WeakKeyDictionary

from rootkeeper.aws.rules import SERVER_NAME, AwsWork
from rootkeeper.clock import Clock, SystemClock
from rootkeeper.composition.database import Database, DatabaseOptions, open_database
from rootkeeper.errors import AwsError, RootkeeperError
from rootkeeper.ledger.rules import Actor, ActorKind

if TYPE_CHECKING:
    from rootkeeper.access.factor_store import FactorStore
    from rootkeeper.access.store import IdentityStore, SessionStore
    from rootkeeper.access.views import SavedViewStore
    from rootkeeper.aws.clients import GatewayOptions
    from rootkeeper.aws.gateway import AwsGateway, GatewayPool
    from rootkeeper.database.engines import Store
    from rootkeeper.exceptions.service import DeletionExceptionStore
    from rootkeeper.inventory.store import AuditHistory, ConfirmationStore, InventoryStore
    from rootkeeper.jobs.store import JobStore
    from rootkeeper.ledger.anchor import Anchor
    from rootkeeper.ledger.owners import AccountLocks, Owner
    from rootkeeper.ledger.spill import SpillLedger
    from rootkeeper.ledger.store import SqlLedger
    from rootkeeper.ledger.verification import LedgerReader
    from rootkeeper.ledger.writer import GroupCommit
    from rootkeeper.notifications.service import Notifier
    from rootkeeper.notifications.store import NotificationStore
    from rootkeeper.organization.accounts import Caller, Endpoint, Organization
    from rootkeeper.root_emails.statements import EmailAttestationStore
    from rootkeeper.settings.sections import Settings
    from rootkeeper.settings.store import SettingEditStore
    from rootkeeper.windows.store import RecoveryWindowStore


class Stores:
    """An organization's stores in a database, each made on first use.

    Close them: the lease ends, and mirror and anchor are brought up to date.
    """

    _replaces_itself = False
    """Whether the lease is taken again after the database was away."""

    def __init__(
        self,
        settings: Settings,
        *,
        profile: str | None = None,
        region: str | None = None,
        creates_database: bool = True,
        needs_ledger: bool = True,
        warn: Callable[[str], None] = lambda _: None,
        clock: Clock | None = None,
    ) -> None:
        """Open nothing yet.

        :param needs_ledger: ``False`` for closing a window, which may continue with a spill file alone.
        :param warn: called from any thread with problems beside the ledger.
        :param clock: the machine's own by default.
        """
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self._profile = profile
        self._region = region
        self._creates_database = creates_database
        self._needs_ledger = needs_ledger
        self._warn = warn
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._open.close()

    @cached_property
    def database(self) -> Database:
        """:raises DatabaseError: if it can't be opened."""
        return self._open.enter_context(open_database(self.settings.database.url, self._database_options))

    @cached_property
    def database_of_any_version(self) -> Database:
        """For a check or an upgrade, which don't create it.

        :raises DatabaseError: if it can't be opened.
        """
        options = replace(self._database_options, create=False, any_version=True)
        return self._open.enter_context(open_database(self.settings.database.url, options))

    @property
    def _database_options(self) -> DatabaseOptions:
        anchor: Anchor | None = None
        if (place := self.settings.ledger.bucket_place) is not None:
            from rootkeeper.aws.bucket_anchor import S3Anchor

            # No call is made, and AWS's settings aren't read.
            open_calls = cache(lambda: self._anchoring_gateway.open_bucket_calls())
            anchor = S3Anchor(open_calls, *place, self.settings.ledger.anchor_retention, self.clock)
        return DatabaseOptions(
            create=self._creates_database,
            mirror_path=self.settings.ledger.mirror,
            anchor_path=self.settings.ledger.anchor,
            anchor=anchor,
            memory_folder=None if self.settings.ledger.memory == Path() else self.settings.ledger.memory,
            spill_folder=self.settings.ledger.spill,
            warn=self._warn,
        )

    @property
    def _anchoring_gateway(self) -> AwsGateway:
        """The gateway that reads and writes the anchor in a bucket."""
        raise NotImplementedError

    @cached_property
    def owner(self) -> Owner:
        owner = self.database.register_owner(
            self.clock,
            self.settings.lease.seconds,
            must_be_registered=self._needs_ledger,
            replaces_itself=self._replaces_itself,
        )
        self._open.callback(owner.close)
        return owner

    @cached_property
    def organization_id(self) -> str:
        """The organization that the stores belong to."""
        raise NotImplementedError

    @property
    def store_arguments(self) -> tuple[Store, GroupCommit, str]:
        """The arguments of every store of the organization."""
        return self.database.store, self.database.commits, self.organization_id

    @property
    def ledger_reader(self) -> LedgerReader:
        return self.database.ledger_reader()

    @cached_property
    def windows(self) -> RecoveryWindowStore:
        return self.database.windows(self.organization_id)

    @cached_property
    def inventory_store(self) -> InventoryStore:
        return self.database.inventory(self.organization_id)

    @cached_property
    def setting_edits(self) -> SettingEditStore:
        from rootkeeper.settings.store import SettingEditStore

        return SettingEditStore(*self.store_arguments)

    @property
    def settings_in_force(self) -> Settings:
        """The settings with the changes made in the console; read from the database each time.

        :raises DatabaseError: if the database can't be read.
        """
        from rootkeeper.settings.edits import apply_edits

        return apply_edits(self.settings, self.setting_edits.list_edits())

    @cached_property
    def saved_views(self) -> SavedViewStore:
        from rootkeeper.access.views import SavedViewStore

        return SavedViewStore(*self.store_arguments)

    @cached_property
    def confirmations(self) -> ConfirmationStore:
        return self.database.confirmations(self.organization_id)

    @cached_property
    def email_attestations(self) -> EmailAttestationStore:
        return self.database.email_attestations(self.organization_id)

    @cached_property
    def history(self) -> AuditHistory:
        return self.database.audit_history(self.organization_id)

    @cached_property
    def notification_store(self) -> NotificationStore:
        return self.database.notifications(self.organization_id)

    @cached_property
    def jobs(self) -> JobStore:
        return self.database.jobs(self.organization_id, self.clock, lambda: self.owner)

    @property
    def identities(self) -> IdentityStore:
        return self.database.identities(self.organization_id, self.clock)

    @property
    def sessions(self) -> SessionStore:
        from rootkeeper.access.store import SessionStore

        return SessionStore(*self.store_arguments, self.clock)

    @property
    def factors(self) -> FactorStore:
        return self.database.factors(self.organization_id)


class Adapters(Stores):
    """The stores, AWS, and who acts there."""

    watch_source_name: str | None = None
    """The source of root events that open windows are watched by; only a server has it."""
    _shares_quotas = True

    @cached_property
    def gateway(self) -> AwsGateway:
        """:raises InputError: if profile, Region or endpoint can't be used."""
        from rootkeeper.aws.gateway import open_gateway

        return open_gateway(make_gateway_options(self.settings, self._profile, self._region), self.clock)

    @property
    def window_clock(self) -> Clock:
        """By which recovery windows begin and end: a machine's clock that was set back keeps none of them open."""
        return self.gateway.latest_clock

    @property
    def _anchoring_gateway(self) -> AwsGateway:
        return self.gateway

    @cached_property
    def notifier(self) -> Notifier:
        """Of a server; a command sends no notification."""
        from rootkeeper.notifications.service import NullNotifier

        return NullNotifier()

    @cached_property
    def endpoint(self) -> Endpoint:
        return self.gateway.endpoint

    @cached_property
    def caller(self) -> Caller:
        """:raises AwsError: if AWS can't be asked."""
        return self.gateway.read_caller()

    @cached_property
    def organization(self) -> Organization:
        """Read the caller first: that shows problems with the credentials.

        :raises AwsError: if AWS can't be asked, or the caller's account isn't in an organization.
        """
        _ = self.caller
        return self.gateway.read_organization()

    @cached_property
    def organization_id(self) -> str:
        return self.organization.organization_id

    @cached_property
    def actor(self) -> Actor:
        """The person who runs the command, self-asserted: no sign-in has proven who it is."""
        return Actor(describe_user(), ActorKind.SELF_ASSERTED, self.caller.arn)

    @cached_property
    def ledger(self) -> SqlLedger:
        if self._shares_quotas:
            self._share_quotas()
        return self.database.ledger(self.organization_id, self.endpoint, self.actor, self.owner)

    @cached_property
    def locks(self) -> AccountLocks:
        return self.database.locks(self.organization_id, self.owner)

    @cached_property
    def deletion_exceptions(self) -> DeletionExceptionStore:
        return self.database.deletion_exceptions(self.organization_id)

    def _share_quotas(self) -> None:
        """Processes on the same database draw on the same token buckets, as AWS counts their calls together."""
        caller_key = f"{self.caller.account_id} {self.gateway.region} {self.endpoint.label}"
        self.gateway.share_quotas(self.database.quotas(self.organization_id, caller_key, self.clock))

    def _open_spill(self) -> SpillLedger:
        """Open a spill file. The caller closes it, so that it can be merged."""
        return self.database.open_spill(self.organization_id, self.endpoint, self.actor, self.owner)


def make_gateway_options(settings: Settings, profile: str | None, region: str | None) -> GatewayOptions:
    """Return the options of AWS calls that the settings give."""
    from rootkeeper.aws.clients import GatewayOptions

    return GatewayOptions(
        profile=profile,
        region=region,
        concurrency=settings.aws.concurrency,
        api_share=settings.aws.api_share / 100,
        credentials_renewed=settings.aws.credentials_renewed,
        read_timeout_seconds=settings.aws.read_timeout_seconds,
    )


def describe_user() -> str:
    """``user@host``, as the machine has it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"uid-{os.getuid()}"
    return f"{user}@{socket.gethostname()}"


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
        caller_key = f"{caller.account_id} {gateway.region} {gateway.endpoint.label}"
        gateway.share_quotas(database.quotas(organization_id, caller_key, self._clock))


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
