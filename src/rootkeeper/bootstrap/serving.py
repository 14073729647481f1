"""A server or worker as it runs: who it is, who acts on it, and how it begins and ends.

It begins with what earlier processes left: overdue windows are closed before anything else is done for anybody. A
window that can't be closed, or AWS that can't be reached, keeps it from nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Self

from rootkeeper.bootstrap.acting import ActorUseCases, AwsAccess, SharedResources
from rootkeeper.bootstrap.aws_accesses import AwsAccessPool
from rootkeeper.bootstrap.loops import Loops
from rootkeeper.bootstrap.served_stores import ServerStores
from rootkeeper.bootstrap.server_log import ServerLog
from rootkeeper.bootstrap.server_readiness import ReadinessChecker
from rootkeeper.bootstrap.uses import UseCounter
from rootkeeper.clock import SystemClock
from rootkeeper.domain.aws_roles import AwsWork
from rootkeeper.domain.guided_story import StoryStep, evaluate_story
from rootkeeper.domain.identity_names import SERVER_NAME
from rootkeeper.domain.ledger import Actor, ActorKind
from rootkeeper.domain.measurements import Measurements
from rootkeeper.domain.organizations import Endpoint, Organization
from rootkeeper.domain.readiness import Readiness
from rootkeeper.domain.schedules import ScheduleStatus
from rootkeeper.domain.watch_sources import find_watch_source_name
from rootkeeper.errors import AwsError, DatabaseError, LedgerOutdatedError, NotFoundError
from rootkeeper.ports.clock import Clock
from rootkeeper.settings import Settings

if TYPE_CHECKING:
    from rootkeeper.aws.gateway import AwsGateway
    from rootkeeper.bootstrap.server_work import ServerWork

FIRST_CLOSING_SECONDS = 10.0
"""How long the first look for overdue windows is waited for, before anything else is done."""
STOP_SECONDS = 8.0
"""How long an orderly end may take; the process itself ends within ten seconds."""
_CLOSE_SECONDS = 1.5
"""The part of it for lease and database."""


class ServerRuntime(ServerStores):
    """One server or worker, of one organization. To be stopped, however far it came."""

    def __init__(
        self,
        settings: Settings,
        *,
        url: str | None = None,
        clock: Clock | None = None,
        profile: str | None = None,
        region: str | None = None,
        log: ServerLog | None = None,
        has_story: bool = False,
    ) -> None:
        """Nothing is opened yet.

        :param url: where its API will listen; ``None`` for a worker.
        :param has_story: whether it tells the guided story, as a demo's server does.
        """
        self.settings = settings
        self.url = url
        self._has_story = has_story
        self.clock = clock or SystemClock()
        self.log = log or ServerLog()
        self.is_stopping = False
        """Whether it is about to end, so that no stream of events may hold it up."""
        self._accesses = AwsAccessPool(settings, self.clock, profile, region)
        self._open = ExitStack()
        self._loops = Loops(self.clock, self._report_failure)
        self._uses = UseCounter()
        self._work: ServerWork | None = None
        self._organization: Organization | None = None
        self._is_started = False
        self._stop_began_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # Beginning.

    def start(self) -> None:
        """Open everything, deal with what earlier processes left, and begin to work; returns when that is under way.

        :raises ServerRunningError: if another server runs on the same SQLite file.
        :raises DatabaseError: if the database can't be opened, or its schema is newer; open windows are named.
        :raises LedgerOutdatedError: if the database is older than its mirror or anchor.
        :raises SettingsError: if a setting can't be used.
        :raises AwsError: if AWS can't say which organization it is, and the database doesn't know.
        """
        self._open_database()
        self.organization_id = self._find_organization_id()
        self._require_not_outdated()
        if self.url is not None:
            self.database.open_cipher(self.organization_id, self.settings.server.key_file)
        work = self._put_together()
        self._warn_of_weakness()
        work.close_first(FIRST_CLOSING_SECONDS)
        if not self.is_stopping:
            self._loops.start(work.list_loops())
        self._is_started = True

    def _open_database(self) -> None:
        from rootkeeper.bootstrap.adapters import open_settings_database
        from rootkeeper.storage.server_locks import take_server_lock

        lock = take_server_lock(self.settings.database.url, self.clock.now(), self.url)
        if lock is not None:
            self._open.enter_context(lock)
        self.database = self._open.enter_context(open_settings_database(self.settings, warn=self._warn))
        self.owner = self.database.register_owner(
            self.clock, self.settings.lease.seconds, must_be_registered=False, replaces_itself=True
        )
        self._open.callback(self.owner.close)

    def _find_organization_id(self) -> str:
        """AWS says; a database of one organization knows it while AWS can't be asked."""
        try:
            found = self.read_organization().organization_id
        except AwsError as error:
            known = self.database.list_organization_ids()
            if len(known) != 1:
                raise
            self.log.failure("aws.unreachable", f"Going on with {known[0]}, which the database knows", error)
            return known[0]
        self._accesses.share_quotas(self.database, found)
        with suppress(AwsError):
            self._accesses.learn_callers([AwsWork.RECOVER])
        return found

    def _require_not_outdated(self) -> None:
        try:
            self.database.require_not_outdated()
        except LedgerOutdatedError:
            for window in self.windows.list_overdue(self.clock.now()):
                self.log.error(
                    "window.overdue",
                    f"Recovery window {window.window_id} of account {window.account_id} is {window.state.value}, and "
                    "nothing closes it until the database's restore is recorded.",
                    window_id=window.window_id,
                    account_id=window.account_id,
                )
            raise

    def _put_together(self) -> ServerWork:
        from rootkeeper.bootstrap.server_work import ServerContext, ServerWork

        self._work = work = ServerWork(
            ServerContext(
                settings=self.settings,
                clock=self.clock,
                log=self.log,
                database=self.database,
                owner=self.owner,
                organization_id=self.organization_id,
                endpoint=self.endpoint,
                accesses=self._accesses,
                act_as=self.act_as,
                act_as_server=self.act_as_server,
            )
        )
        work.require_settings()
        return work

    def _warn_of_weakness(self) -> None:
        try:
            for warning in self._accesses.gateway_pool.list_warnings():
                self.log.warning("aws.power", warning)
        except AwsError as error:
            self.log.failure("aws.power", "The AWS credentials can't be judged", error)
        if self.settings.oidc.issuer and not self.has_local_administrator():
            self.log.warning(
                "access.no_local_administrator",
                "Nobody can keep users while the identity provider is down: add a local user with the role "
                "administrator (rootkeeper users add).",
            )

    # Who acts.

    def act_as(self, actor: Actor, work: AwsWork | None) -> ActorUseCases:
        """The use cases in the name of ``actor``, with the AWS power of ``work`` alone. No call is made.

        :param work: ``None`` for what asks AWS nothing, such as an approval: it doesn't wait for AWS.
        """
        access = self._idle(actor.name) if work is None else self._access(work, actor.name)
        return ActorUseCases(self._shared, actor, access)

    def act_as_server(self, work: AwsWork | None) -> ActorUseCases:
        """What the server does by itself, such as at the end of a window."""
        return self.act_as(Actor(SERVER_NAME, ActorKind.SERVER), work)

    def _access(self, work: AwsWork, person: str) -> AwsAccess:
        return self._make_access(self._accesses.gateway(work, person), person, asks_aws=True)

    def _idle(self, person: str) -> AwsAccess:
        return self._make_access(self._accesses.gateway_pool.starting, person, asks_aws=False)

    def _make_access(self, gateway: AwsGateway, person: str, *, asks_aws: bool) -> AwsAccess:
        accesses = self._accesses
        return AwsAccess(
            gateway,
            partial(accesses.read_caller, gateway),
            partial(accesses.find_caller, gateway) if asks_aws else lambda: None,
            accesses.gateway(AwsWork.UNLOCK, person),
            asks_aws=asks_aws,
        )

    @property
    def _shared(self) -> SharedResources:
        work = self._running_work
        return SharedResources(
            settings=self.settings,
            clock=self.clock,
            database=self.database,
            owner=self.owner,
            organization_id=self.organization_id,
            read_organization=self.read_organization,
            notifier=work.notifier,
            engine=work.jobs.engine,
            uses=self._uses,
            warn=self._warn,
            watch_source_name=find_watch_source_name(self.settings.watching.source),
        )

    @property
    def _running_work(self) -> ServerWork:
        assert self._work is not None, "nobody acts before the server has begun"  # noqa: S101 - a bug of ours
        return self._work

    def read_organization(self) -> Organization:
        """Asks AWS once.

        :raises AwsError: if AWS can't be asked.
        """
        if self._organization is None:
            # The starting credentials may do nothing but assume the roles.
            gateway = self._accesses.gateway(AwsWork.AUDIT, SERVER_NAME)
            self._accesses.read_caller(gateway)
            self._organization = gateway.read_organization()
        return self._organization

    # What is read without acting.

    @property
    def endpoint(self) -> Endpoint:
        return self._accesses.gateway_pool.starting.endpoint

    def list_schedules(self) -> tuple[ScheduleStatus, ...]:
        """What it does by itself at certain times, with the last and the next run of each."""
        return self._running_work.schedules.list_schedules(self.clock.now())

    def get_story(self) -> tuple[StoryStep, ...]:
        """The guided story, and how far it is by the sandbox's truth.

        :raises NotFoundError: if it isn't a demo's server.
        :raises AwsUnreachableError: if the sandbox doesn't answer.
        """
        from rootkeeper.aws.sandbox_truth import read_story_state

        if not self._has_story:
            raise NotFoundError("This server tells no story.", hint="The guided story belongs to rootkeeper demo.")
        return evaluate_story(read_story_state(self.endpoint))

    # Whether it can work.

    def readiness(self) -> Readiness:
        """Whether it can do its work now; nothing is asked of AWS for it."""
        judging = ReadinessChecker(self.owner, self._running_work, self._loops)
        return judging.evaluate(is_started=self._is_started, is_stopping=self.is_stopping)

    def measure(self) -> Measurements:
        """Numbers for those who watch it from outside; nothing is asked of AWS for them."""
        failing, targets = self._running_work.notifying.delivery_loop.count_failing_here()
        try:
            stored = self.database.measure(self.organization_id)
        except DatabaseError:
            stored = None
        return Measurements(
            stored=stored,
            throttles=self._accesses.gateway_pool.starting.count_throttles(),
            notification_targets=targets,
            failing_notification_targets=failing,
            is_ready=self.readiness().is_ready,
        )

    # Ending.

    def begin_stop(self) -> None:
        """Begin nothing new; returns at once."""
        if not self.is_stopping:
            self.is_stopping, self._stop_began_at = True, self.clock.monotonic()
        self._loops.begin_stop()
        if self._work is not None:
            self._work.begin_stop()

    def stop(self) -> bool:
        """Wait for what is under way, then let go of everything.

        What doesn't end in time is left as a process that died would leave it: its lease isn't ended, so that nobody
        takes over while a call of this process may be on its way.

        :returns: whether everything ended.
        """
        self.begin_stop()
        ends = self._stop_began_at + STOP_SECONDS - _CLOSE_SECONDS
        left = self._work.stop(self._left_until(ends)) if self._work is not None else ()
        left += self._loops.wait_stopped(self._left_until(ends))
        left += () if self._uses.wait_none(self._left_until(ends)) else ("requests",)
        if left:
            self.log.warning("stop.unfinished", f"Still under way, and left to be taken up again: {', '.join(left)}.")
            return False
        return _finishes_within(_CLOSE_SECONDS, self._open.close)

    def _left_until(self, ends: float) -> float:
        return max(0.0, ends - self.clock.monotonic())

    # What is told.

    def _warn(self, text: str) -> None:
        self.log.warning("server.warning", text)

    def _report_failure(self, loop: str, error: BaseException) -> None:
        self.log.failure("loop.failed", f"A turn of {loop} failed", error)


def _finishes_within(seconds: float, work: Callable[[], object]) -> bool:
    thread = threading.Thread(target=work, name="rootkeeper-closing-down", daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()
