"""The botocore clients, created once and shared by all threads.

Two sessions never mix: the operator's, with the credential chain of the AWS CLI, and the root sessions',
with no chain. (A server that assumes roles shares its clients among operators, see ``credentials``.) Both use the same
endpoints, Region, CA bundle, proxies and FIPS settings. Reading clients retry; changing clients send once, and only
with the receipt of an intent.
"""

from __future__ import annotations

import copy
import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from botocore import xform_name
from botocore.client import BaseClient
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, NoCredentialsError, ProfileNotFound
from botocore.loaders import JSONFileLoader
from botocore.session import Session

from rootkeeper import __version__
from rootkeeper.aws.credentials import (
    AuthorizedCall,
    OperatorCredentials,
    authorize_calls,
    isolate_operator_session,
    isolate_root_session,
    renew_by_aws_time,
    require_authorized_call,
    signed_by,
)
from rootkeeper.aws.deadlines import bound_calls
from rootkeeper.aws.endpoints import choose_region, force_regional_sts, host_and_port, is_aws, make_endpoint
from rootkeeper.aws.errors import (
    CREDENTIALS_ERRORS,
    TRANSLATED,
    AwsResponse,
    FailedCall,
    raise_translated,
    refuse_answer,
    required,
)
from rootkeeper.aws.pacing import GIVE_UP_SECONDS, Pacer, pace_calls
from rootkeeper.aws.times import LatestClock
from rootkeeper.clock import Clock
from rootkeeper.errors import AwsError, AwsThrottledError, AwsUnclearError, InputError
from rootkeeper.ledger.rules import Intent

Created = TypeVar("Created")


class ModelFiles(JSONFileLoader):
    """Loads botocore's models as plain dictionaries, in two thirds of the time that ordered dictionaries take."""

    def load_file(self, file_path: str) -> Any:
        for suffix, open_file in ((".json", open), (".json.gz", gzip.open)):
            with suppress(FileNotFoundError), open_file(file_path + suffix, "rb") as file:
                return json.load(file)
        return None


class EveryService:
    """The names of services, as botocore's loader asks for them: it would read 450 folders to know one. For a service
    without a model it raises an error anyway.
    """

    def __contains__(self, service: object) -> bool:
        return True


class OnFirstUse(Generic[Created]):
    """A client or a session that is created when a call first needs it, because that takes 15 ms and more.

    Safe in many threads.
    """

    def __init__(self, create: Callable[[], Created], creating: threading.RLock) -> None:
        """:param creating: held while it is created, because botocore's sessions aren't safe in many threads."""
        self._create = create
        self._creating = creating
        self._created: Created | None = None

    def get(self) -> Created:
        if self._created is None:  # without the lock, so that no call waits while another client is created
            with self._creating:
                if self._created is None:
                    self._created = self._create()
        return self._created


class ServiceCalls:
    """The calls of a shared client, by CloudTrail's operation names; safe in many threads."""

    def __init__(
        self,
        service: str,
        client: OnFirstUse[BaseClient],
        profile: str | None,
        clock: Clock,
        *,
        in_root_session: bool = False,
        operator: OperatorCredentials | None = None,
    ) -> None:
        """:param operator: the credentials that sign these calls, on a client that several operators share."""
        self._service = service
        self._client = client
        self._operator = operator
        self._profile = profile
        self._clock = clock
        self._in_root_session = in_root_session

    def acting_as(self, operator: OperatorCredentials) -> ServiceCalls:
        """Return the calls of the same client, signed with these credentials."""
        return ServiceCalls(
            self._service,
            self._client,
            self._profile,
            self._clock,
            in_root_session=self._in_root_session,
            operator=operator,
        )

    @property
    def url(self) -> str:
        return str(self._client.get().meta.endpoint_url)

    def knows(self, operation: str) -> bool:
        """Whether the installed AWS SDK has the operation."""
        return operation in self._client.get().meta.service_model.operation_names

    def read(self, operation: str, *, target: str | None = None, **parameters: object) -> AwsResponse:
        """Make a call that changes nothing, with retries: throttles end it only after ``GIVE_UP_SECONDS``.

        :raises AwsUnreachableError: if no readable answer came.
        """
        send = self._method(operation)
        gives_up_at = self._clock.monotonic() + GIVE_UP_SECONDS
        while True:
            try:
                with _translated(lambda: self._call(operation, target)), self._signed():
                    return send(**parameters)
            except AwsThrottledError:
                if self._clock.monotonic() >= gives_up_at:
                    raise
                self._clock.sleep(_THROTTLED_PAUSE_SECONDS)

    def read_on_intent(
        self, operation: str, intent: Intent, clock: Clock, *, target: str, **parameters: object
    ) -> AwsResponse:
        """Make a privileged call that changes nothing (AssumeRoot). Each attempt needs a valid intent.

        :raises LockLostError: if the intent is no longer valid; nothing was sent after that.
        """
        with authorize_calls(intent, clock):
            return self.read(operation, target=target, **parameters)

    def change(
        self, operation: str, intent: Intent, clock: Clock, *, target: str | None = None, **parameters: object
    ) -> AwsResponse:
        """Make a changing call, once.

        :raises LockLostError: if the intent is no longer valid; nothing was sent.
        :raises AwsUnclearError: if it was sent and no clear answer came.
        """
        send = self._method(operation)
        try:
            with (
                authorize_calls(intent, clock) as authorized_call,
                _translated(lambda: self._call(operation, target, authorized_call)),
                self._signed(),
            ):
                answer = send(**parameters)
        except AwsError as error:
            intent.note_request(error.request_id)
            raise
        request_id = answer.get("ResponseMetadata", {}).get("RequestId", "")
        if not request_id:
            raise AwsUnclearError(
                f"{self._call(operation, target)} got an answer that isn't AWS's. It may have acted.",
                operation=f"{self._service}:{operation}",
            )
        intent.note_request(request_id)
        return answer

    def list_all(
        self,
        operation: str,
        member: str,
        *,
        target: str | None = None,
        may_lack_member: bool = False,
        **parameters: object,
    ) -> Iterator[Any]:
        """List the elements of ``member`` on all pages; pages may be empty.

        :param may_lack_member: SQS leaves out an empty list.
        :raises AwsUnreachableError: if a page lacks its list, or the pages don't end.
        """
        token_name, answered_name = _TOKENS[self._service]
        seen: set[str] = set()
        while True:
            answer = self.read(operation, target=target, **parameters)
            if may_lack_member:
                required(answer.get("ResponseMetadata", {}), "RequestId", f"{self._service}:{operation}")
                yield from answer.get(member) or ()
            else:
                yield from required(answer, member, f"{self._service}:{operation}")
            token = answer.get(answered_name)
            if token is None and not answer.get("IsTruncated"):
                return
            if not token or token in seen:
                refuse_answer(f"{self._service}:{operation}", "its pages repeat or are cut off")
            seen.add(token)
            parameters[token_name] = token

    def _signed(self) -> AbstractContextManager[None]:
        return nullcontext() if self._operator is None else signed_by(self._operator)

    def _method(self, operation: str) -> Callable[..., AwsResponse]:
        method: Callable[..., AwsResponse] = getattr(self._client.get(), xform_name(operation))
        return method

    def _call(self, operation: str, target: str | None, authorized_call: AuthorizedCall | None = None) -> FailedCall:
        return FailedCall(
            operation=f"{self._service}:{operation}",
            host=host_and_port(self.url),
            profile=self._profile,
            target=target,
            in_root_session=self._in_root_session,
            may_have_acted=authorized_call is not None and authorized_call.has_left,
        )


_TOKENS = {
    "account": ("NextToken", "NextToken"),
    "iam": ("Marker", "Marker"),
    "identitystore": ("NextToken", "NextToken"),
    "organizations": ("NextToken", "NextToken"),
    "s3": ("ContinuationToken", "ContinuationToken"),
    "securityhub": ("NextToken", "NextToken"),
    "sqs": ("NextToken", "NextToken"),
    "sso-admin": ("NextToken", "NextToken"),
}


@contextmanager
def _translated(describe: Callable[[], FailedCall]) -> Iterator[None]:
    try:
        yield
    except TRANSLATED as error:
        raise_translated(error, describe())


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """How the gateway is opened; credentials and endpoints come from the AWS CLI's sources (``AWS_*``, profiles)."""

    profile: str | None = None
    region: str | None = None
    """``None``: from ``AWS_REGION``, ``AWS_DEFAULT_REGION`` or the profile (no opt-in Region), else ``us-east-1``."""
    organization_id: str | None = None
    """The only organization that the credentials may belong to; ``None``: any."""
    external_id: str | None = None
    """Of the roles that a server assumes."""
    concurrency: int = 128
    """The maximum of calls in flight, and of connections of each client."""
    api_share: float = 1.0
    """The part of the published rates that is used, above 0 and up to 1. More than 1 is for sandboxes only."""
    credentials_renewed: bool = False
    """Whether the operator knows that credentials without a readable end are renewed without a person."""
    connect_timeout_seconds: float = 10
    read_timeout_seconds: float = 30
    call_timeout_seconds: float = 20
    """For a whole call: from its first request to the end of its answer."""


_LOADERS: dict[str | None, Any] = {}
"""By botocore's setting ``data_path``."""


def _share_loader(session: Session) -> Any:
    """Return the loader of service models that all sessions of the process share: the models of one take 9 MB."""
    place = session.get_config_variable("data_path")
    loader = _LOADERS.setdefault(place, session.get_component("data_loader"))
    if not isinstance(loader.file_loader, ModelFiles):
        loader.file_loader = ModelFiles()
        loader.list_available_services = lambda type_name: EveryService()  # noqa: ARG005 - botocore's name
    return loader


READING_ATTEMPTS = 8
CHANGING_ATTEMPTS = 1
"""A retry after an unclear answer could hide that the first attempt acted."""
_THROTTLED_PAUSE_SECONDS = 1.0
"""Before a call is repeated that AWS throttled at all of botocore's attempts."""
_SHARE_HINT = "Set ROOTKEEPER_AWS_API_SHARE to at most 100. More than AWS's published rates is for a sandbox only."


class AwsClients:
    """Every client that the gateway uses.

    :raises InputError: if profile, Region, endpoint or another AWS setting can't be used.
    """

    def __init__(self, options: GatewayOptions, clock: Clock, *, starting: AwsClients | None = None) -> None:
        """:param starting: the clients with the credentials that assume the roles of operators. These clients sign only
        after :meth:`acting_as`.
        """
        self.clock = clock
        self.options = options
        self.pacer: Pacer = starting.pacer if starting else Pacer(clock, options.api_share)
        self.latest_clock: LatestClock = starting.latest_clock if starting else LatestClock(clock)
        """AWS's time, by which recovery windows are due and requests are signed."""
        self._operator: OperatorCredentials | None = None
        self._creating = threading.RLock()
        self._root = OnFirstUse(self._create_root_session, self._creating)
        self._regional: dict[tuple[str, str, bool], ServiceCalls] = {}
        """The operator's calls of ``regional_calls``, without an operator."""
        self._regional_root: dict[tuple[str, str, bool], ServiceCalls] = {}
        with _settings_translated(options.profile):
            self.session = Session(profile=options.profile)
            force_regional_sts(self.session)
            self.latest_clock.time_calls(self.session)
            self.starting_session = starting.session if starting else self.session
            """The session of the credentials that assume all roles."""
            if starting:
                isolate_operator_session(self.session)
                self.session.register_component("data_loader", starting.session.get_component("data_loader"))
            else:
                self.session.register_component("data_loader", _share_loader(self.session))
                renew_by_aws_time(self.session, self.latest_clock.find_aws_time)
            self.region = choose_region(self.session, options.region)
            self.partition = str(self.session.get_partition_for_region(self.region))
            self.profile: str | None = self.session.profile
            self._create_clients(options)
        reading = {"sts": self.sts, "iam": self.iam, "organizations": self.organizations, "account": self.account}
        self.endpoint = make_endpoint({service: calls.url for service, calls in reading.items()})
        if options.api_share > 1 and not self.endpoint.is_sandbox:
            raise InputError("The setting aws.api_share is above 100, and calls go to AWS.", hint=_SHARE_HINT)

    def _create_clients(self, options: GatewayOptions) -> None:
        reading, changing = _configure(options, READING_ATTEMPTS), _configure(options, CHANGING_ATTEMPTS)
        create, own, root = self._create_calls, OnFirstUse(lambda: self.session, self._creating), self._root
        self.sts = create(own, "sts", reading, "before-send.sts.AssumeRoot")
        self.iam = create(own, "iam", reading)
        self.organizations = create(own, "organizations", reading)
        self.account = create(own, "account", reading)
        self.sso_admin = create(own, "sso-admin", reading)
        self.identitystore = create(own, "identitystore", reading)
        self.iam_changing = create(own, "iam", changing, "before-send.iam")
        self.organizations_changing = create(own, "organizations", changing, "before-send.organizations")
        self.account_changing = create(own, "account", changing, "before-send.account")
        self.root_sts = create(root, "sts", reading)
        self.root_iam = create(root, "iam", reading)
        self.root_iam_changing = create(root, "iam", changing, "before-send.iam")

    def _create_root_session(self) -> Session:
        root = Session(profile=self.options.profile)
        force_regional_sts(root)
        isolate_root_session(root)
        self.latest_clock.time_calls(root)
        root.register_component("data_loader", self.session.get_component("data_loader"))
        return root

    def operator_calls_in(self, service: str, region: str, *, attempts: int = READING_ATTEMPTS) -> ServiceCalls:
        """Create a client for the operator's reading calls to another Region or service.

        :raises InputError: if the Region or the settings of the endpoint can't be used.
        """
        config = _configure(self.options, attempts, service)
        with self._creating, _settings_translated(self.profile):
            client: BaseClient = self.session.create_client(service, region_name=region, config=config)
        bound_calls(client, self.options.call_timeout_seconds)
        created = OnFirstUse(lambda: client, self._creating)
        return ServiceCalls(service, created, self.profile, self.clock, operator=self._operator)

    def regional_calls(self, service: str, region: str, *, changing: bool = False) -> ServiceCalls:
        """Return the operator's calls to Security Hub or S3 in a Region. Changing calls need an intent.

        :raises InputError: if they don't go where all other calls go: to AWS, or to a sandbox.
        """
        key = (service, region, changing)
        with self._creating:
            if key not in self._regional:
                config = _configure(self.options, CHANGING_ATTEMPTS if changing else READING_ATTEMPTS, service)
                own = OnFirstUse(lambda: self.session, self._creating)
                guarded = f"before-send.{service}" if changing else None
                self._regional[key] = self._create_calls(own, service, config, guarded, region=region)
        calls = self._regional[key]
        if is_aws(service, calls.url) is self.endpoint.is_sandbox:
            raise InputError(
                f"The endpoint of {service} is {host_and_port(calls.url)}, but that of the other calls is "
                f"{self.endpoint.label}. Nothing was sent.",
                hint="Set AWS_ENDPOINT_URL for all services, or for none.",
            )
        return calls if self._operator is None else calls.acting_as(self._operator)

    def regional_root_calls(self, service: str, region: str, *, changing: bool = False) -> ServiceCalls:
        """Return the calls of root sessions to S3 or SQS, which have an endpoint in each Region.

        As those to IAM, they sign only with the root session that was entered. Changing calls need an intent.

        :raises InputError: if the Region or the settings of the endpoint can't be used.
        """
        key = (service, region, changing)
        with self._creating:
            if key not in self._regional_root:
                config = _configure(self.options, CHANGING_ATTEMPTS if changing else READING_ATTEMPTS, service)
                try:
                    client: BaseClient = self._root.get().create_client(service, region_name=region, config=config)
                except (BotoCoreError, ValueError) as error:
                    raise InputError(
                        f"{service} can't be used in {region}: {error}", hint="Check the Region and AWS_ENDPOINT_URL."
                    ) from error
                bound_calls(client, self.options.call_timeout_seconds)
                if service == "s3":
                    client.meta.events.register_last("before-call.s3", _stay_in_region)
                if changing:
                    client.meta.events.register_first(f"before-send.{service}", require_authorized_call)
                created = OnFirstUse(lambda: client, self._creating)
                calls = ServiceCalls(service, created, self.profile, self.clock, in_root_session=True)
                self._regional_root[key] = calls
            return self._regional_root[key]

    def acting_as(self, operator: OperatorCredentials) -> AwsClients:
        """Return the same, shared clients with the credentials of an operator."""
        acting = copy.copy(self)
        bound = {name: getattr(self, name).acting_as(operator) for name in _OPERATOR_CALLS}
        vars(acting).update(bound, _operator=operator)
        return acting

    def reconnected(self) -> AwsClients:
        """Return the same clients with connections of their own, made on first use."""
        fresh = copy.copy(self)
        vars(fresh).update(_regional={}, _regional_root={})
        fresh._create_clients(self.options)  # noqa: SLF001 - of the same class
        return fresh

    def _create_calls(
        self,
        session: OnFirstUse[Session],
        service: str,
        config: Config,
        guarded: str | None = None,
        *,
        region: str | None = None,
    ) -> ServiceCalls:
        """:param guarded: the event of botocore before a request that needs an intent."""
        in_root_session = session is self._root

        def create() -> BaseClient:
            with _settings_translated(self.profile):
                client: BaseClient = session.get().create_client(
                    service, region_name=region or self.region, config=config
                )
            bound_calls(client, self.options.call_timeout_seconds)
            if guarded is not None:
                client.meta.events.register_first(guarded, require_authorized_call)
            if not in_root_session:
                pace_calls(client, service, lambda: self.pacer)
            return client

        client, operator = OnFirstUse(create, self._creating), None if in_root_session else self._operator
        return ServiceCalls(
            service, client, self.profile, self.clock, in_root_session=in_root_session, operator=operator
        )

    def find_operator(self) -> ReadOnlyCredentials:
        """Return the operator's credentials that are valid now, fetched or renewed if necessary.

        :raises NoCredentialsError: if there are none.
        :raises AwsError: if a role can't be assumed.
        """
        if self._operator is not None:
            return self._operator.freeze()
        credentials = self.session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        return credentials.get_frozen_credentials()

    def give_up_operator(self) -> None:
        """Drop the operator's credentials that AWS calls expired; those of a role are renewed for the next call."""
        if self._operator is not None:
            self._operator.give_up()

    def create_template_client(self, service: str, *, in_root_session: bool = False) -> BaseClient:
        """Create a client that builds calls and never sends them: it has no pacer and no check of intents."""
        session = self._root.get() if in_root_session else self.session
        credentials: dict[str, Any] = {}
        if self._operator is not None and not in_root_session:
            frozen = self._operator.freeze()
            credentials["aws_access_key_id"] = frozen.access_key
            credentials["aws_secret_access_key"] = frozen.secret_key
            credentials["aws_session_token"] = frozen.token
        with self._creating:
            client: BaseClient = session.create_client(
                service,
                region_name=self.region,
                config=_configure(self.options, CHANGING_ATTEMPTS),
                **credentials,
            )
        return client


_OPERATOR_CALLS = (
    *("sts", "iam", "organizations", "account"),
    *("iam_changing", "organizations_changing", "account_changing"),
    *("sso_admin", "identitystore"),
)


class GatewayPart:
    """Some of the gateway's calls."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients


def _configure(options: GatewayOptions, attempts: int, service: str = "") -> Config:
    """S3 signs paths as they are; other services' signatures encode them twice. Source: S3 API Reference, SigV4."""
    settings: dict[str, Any] = {
        "connect_timeout": options.connect_timeout_seconds,
        "max_pool_connections": options.concurrency,
        "read_timeout": options.read_timeout_seconds,
        "retries": {"mode": "standard", "total_max_attempts": attempts},
        "signature_version": "s3v4" if service == "s3" else "v4",
        "tcp_keepalive": True,
        "user_agent_extra": f"rootkeeper/{__version__}",
    }
    return Config(**settings)


@contextmanager
def _settings_translated(profile: str | None) -> Iterator[None]:
    try:
        yield
    except ProfileNotFound as error:
        raise InputError(str(error), hint="`aws configure list-profiles` shows the profiles.") from error
    except CREDENTIALS_ERRORS as error:
        raise_translated(error, FailedCall(operation="", host="", profile=profile))
    except (BotoCoreError, ValueError) as error:
        raise InputError(
            f"The AWS settings can't be used: {error}",
            hint="Check the AWS_* variables and the AWS configuration file.",
        ) from error


def _stay_in_region(context: dict[str, Any], **_: object) -> None:
    """Make a redirect an error: botocore would send again, and call HeadBucket, which the task policy denies."""
    context["s3_redirect"] = {**context.get("s3_redirect", {}), "redirected": True}


def list_profiles() -> list[str]:
    """List the names of the AWS profiles on this machine, alphabetical. Reads no credentials.

    :raises SettingsError: if a file of the AWS CLI can't be read.
    """
    with _settings_translated(None):
        return sorted(Session().available_profiles)
