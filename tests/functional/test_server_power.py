"""A server's power over AWS: four shipped roles, each for its work, each call in the name of the person.

The use cases are put together as a server does, and AWS is the sandbox, which has the roles, their trust and its trail.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rootkeeper.audit.rules import AuditRequest
from rootkeeper.aws.clients import GatewayOptions
from rootkeeper.aws.gateway import GatewayPool
from rootkeeper.aws.rules import AwsWork, Lifetime, ResourceKind
from rootkeeper.clock import SystemClock
from rootkeeper.composition.application import Application
from rootkeeper.deletion.rules import DeletionOptions
from rootkeeper.errors import AwsAccessDeniedError, AwsCredentialsError, ClockWrongError, RootkeeperError
from rootkeeper.ledger.rules import Actor, ActorKind
from rootkeeper.organization.accounts import Account, AccountId, Inventory
from rootkeeper.organization.selection import NamedAccount, SelectionRequest
from rootkeeper.settings.reading import load_settings
from rootkeeper.unlock.rules import ChangeKind
from rootkeeper.unlock.service import PolicyChangeRequest
from rootkeeper.windows.checks import RecoveryRequest
from rootkeeper.windows.rules import WindowState
from tests.fakes.operators import RecordingProgress
from tests.functional.administration import DELEGATE, Administration
from tests.functional.server_roles import SERVER_USER, ServerRoles
from tests.sandbox_process import SandboxProcess

EVERYTHING = AccountId("800090001000")
CLEAN = AccountId("400050006000")
ORDERS, BUCKET = AccountId("888899990000"), "amzn-s3-demo-orders-invoices"


@pytest.fixture
def roles(sandbox: SandboxProcess) -> ServerRoles:
    Administration(sandbox).set_up()
    Administration(sandbox).trust_account_management()
    return ServerRoles.make(sandbox)


@dataclass(frozen=True, slots=True)
class Server:
    """As far as its power goes."""

    gateway_pool: GatewayPool
    environment: dict[str, str]
    folder: Path

    @contextmanager
    def act_as(self, person: str, work: AwsWork) -> Iterator[Application]:
        settings = {
            name: value
            for name, value in self.environment.items()
            if name.startswith("ROOTKEEPER_") and not name.startswith("ROOTKEEPER_AWS_ROLES")
        }
        with Application(load_settings(None, settings, self.folder)) as application:
            application.aws = self.gateway_pool.gateway(work, person)
            application.actor = Actor(person, ActorKind.SIGNED_IN, application.caller.arn)
            yield application


@pytest.fixture
def server(roles: ServerRoles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    for name, value in roles.environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    settings = load_settings(None, {"ROOTKEEPER_AWS_VERIFY_SECONDS": "0"} | _own(roles.environment), tmp_path)
    arns = {work: str(getattr(settings.aws_roles, work.value)) for work in AwsWork}
    gateway_pool = GatewayPool(
        GatewayOptions(concurrency=8, api_share=settings.aws.api_share / 100), arns, SystemClock()
    )
    environment = roles.environment | {"ROOTKEEPER_AWS_VERIFY_SECONDS": "0"}
    return Server(gateway_pool, environment, tmp_path)


def _own(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith("ROOTKEEPER_")}


def audit(server: Server, person: str, *account_ids: AccountId) -> set[str]:
    with server.act_as(person, AwsWork.AUDIT) as application:
        report = application.audit.run(RecordingProgress(), AuditRequest(select(*account_ids)))
        return {account.status.value for account in report.accounts}  # type: ignore[union-attr]  # not interrupted


def delete(server: Server, person: str, account_id: AccountId, work: AwsWork = AwsWork.DELETE) -> None:
    progress = RecordingProgress()
    with server.act_as(person, work) as application:
        application.prepare_for_changes(progress)
        reading = application.deletion.plan(select(account_id), DeletionOptions(), progress)
        application.deletion.apply(reading.plan, progress, reading.inventory)


def recover(server: Server, person: str, account_id: AccountId, work: AwsWork = AwsWork.RECOVER) -> str:
    """Open and close a window; the state that it ends in."""
    progress = RecordingProgress()
    with server.act_as(person, work) as application:
        application.prepare_for_changes(progress)
        inventory = application.inventory_reader.read(progress)
        request = RecoveryRequest(find_account(inventory, account_id), "A drill", None, 600)
        opening = application.window_opener(progress).open(application.recovery_planner.plan(inventory, request))
        assert opening.window.state is WindowState.OPEN
    with server.act_as("rootkeeper", AwsWork.RECOVER) as application:
        return application.window_closer(progress).close(opening.window).window.state.value


def unlock(server: Server, person: str, work: AwsWork = AwsWork.UNLOCK) -> None:
    progress = RecordingProgress()
    with server.act_as(person, work) as application:
        account = find_account(application.inventory_reader.read(progress), ORDERS)
        request = PolicyChangeRequest(account, ResourceKind.BUCKET, BUCKET, ChangeKind.REMOVE)
        application.unlock_run.apply(application.unlock_planner.plan(request, progress), progress)


def find_account(inventory: Inventory, account_id: AccountId) -> Account:
    return next(account for account in inventory.accounts if account.account_id == account_id)


def select(*account_ids: AccountId) -> SelectionRequest:
    return SelectionRequest(named=tuple(NamedAccount(account_id, "the test") for account_id in account_ids))


def list_callers(sandbox: SandboxProcess, since: int) -> set[str]:
    """Whose credentials signed; root sessions apart."""
    found = {request["principal_arn"] for request in sandbox.requests(since)}
    return {arn for arn in found if not arn.endswith(":root")}


def session_arn(work: AwsWork, person: str) -> str:
    return f"arn:aws:sts::{DELEGATE}:assumed-role/rootkeeper-{work.value}/{person}"


SERVER_ARN = f"arn:aws:iam::{DELEGATE}:user/{SERVER_USER}"


def test_p17_the_four_roles_are_enough_and_each_work_uses_its_own_alone(
    server: Server, sandbox: SandboxProcess
) -> None:
    works: dict[AwsWork, Callable[[], object]] = {
        AwsWork.AUDIT: lambda: audit(server, "ana", EVERYTHING, CLEAN),
        AwsWork.DELETE: lambda: delete(server, "ana", EVERYTHING),
        AwsWork.UNLOCK: lambda: unlock(server, "ana"),
    }
    for work, act in works.items():
        since = sandbox.last_request()
        act()
        assert list_callers(sandbox, since) == {SERVER_ARN, session_arn(work, "ana")}
    since = sandbox.last_request()
    assert recover(server, "ana", CLEAN) == "CLOSED_VERIFIED"
    used = {session_arn(AwsWork.RECOVER, person) for person in ("ana", "rootkeeper")}
    assert list_callers(sandbox, since) == {SERVER_ARN, *used}
    assert audit(server, "ana", EVERYTHING, CLEAN) == {"not_present"}


def test_the_starting_credentials_do_nothing_but_assume_the_roles(server: Server, sandbox: SandboxProcess) -> None:
    since = sandbox.last_request()
    audit(server, "ana", CLEAN)
    server.gateway_pool.renew()
    own = {one["operation"] for one in sandbox.requests(since) if one["principal_arn"] == SERVER_ARN}
    assert own == {"AssumeRole", "GetCallerIdentity"}


def test_p31_cloudtrail_names_the_person_in_every_call(server: Server, sandbox: SandboxProcess) -> None:
    audit(server, "ana@example.com", CLEAN)
    audit(server, "ben@example.com", CLEAN)
    events = sandbox.events(DELEGATE)
    opened = [event for event in events if event["eventName"] == "AssumeRoot"]
    named = [event["userIdentity"]["sessionContext"]["sourceIdentity"] for event in opened]
    assert named == ["ana@example.com", "ben@example.com"]
    assumed = [event["requestParameters"] for event in events if event["eventName"] == "AssumeRole"]
    assert {(one["sourceIdentity"], one["roleSessionName"]) for one in assumed} == {(name, name) for name in named}


@pytest.mark.parametrize("work", [AwsWork.AUDIT, AwsWork.UNLOCK])
def test_p17_a_role_of_other_work_neither_deletes_nor_recovers(
    server: Server, sandbox: SandboxProcess, work: AwsWork
) -> None:
    before = sandbox.accounts()
    for act in (delete, recover):
        with suppress(RootkeeperError, AssertionError):
            act(server, "ana", CLEAN if act is recover else EVERYTHING, work)
    assert sandbox.accounts() == before


@pytest.mark.parametrize("work", [AwsWork.AUDIT, AwsWork.DELETE, AwsWork.RECOVER])
def test_p17_a_role_of_other_work_does_not_unlock(server: Server, work: AwsWork) -> None:
    with pytest.raises(AwsAccessDeniedError):
        unlock(server, "ana", work)


def test_the_server_s_own_credentials_can_do_nothing_by_themselves(roles: ServerRoles) -> None:
    for service, call in (("organizations", "list_accounts"), ("iam", "list_users")):
        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(roles.client(service), call)()


def test_a_role_that_was_removed_is_named_by_the_check_and_in_the_work(server: Server, roles: ServerRoles) -> None:
    assert server.gateway_pool.renew().is_sound
    roles.remove(AwsWork.DELETE)
    check = server.gateway_pool.renew()
    assert [failure.work for failure in check.failures] == [AwsWork.DELETE]
    audit(server, "ana", CLEAN)
    with pytest.raises(AwsCredentialsError, match="rootkeeper-delete"):
        delete(server, "ana", EVERYTHING)


def test_sessions_that_aws_calls_expired_are_opened_again(server: Server, sandbox: SandboxProcess) -> None:
    assert audit(server, "ana", CLEAN) == {"not_present"}
    sandbox.clock(3700)
    with pytest.raises(AwsCredentialsError):
        server.gateway_pool.gateway(AwsWork.AUDIT, "ana").read_organization()
    assert server.gateway_pool.gateway(AwsWork.AUDIT, "ana").read_organization().organization_id == "o-exampleorgid"


def test_a_window_may_be_longer_than_a_role_s_session(server: Server) -> None:
    lifetime = server.gateway_pool.gateway(AwsWork.RECOVER, "ana").find_credentials_lifetime()
    assert lifetime.lifetime is Lifetime.STATIC


def test_p08_no_secret_of_a_role_gets_into_the_database(server: Server, sandbox: SandboxProcess) -> None:
    audit(server, "ana", CLEAN)
    keys = server.gateway_pool._credentials[AwsWork.AUDIT, "ana"].freeze()
    kept: dict[str, Any] = {path.name: path.read_bytes() for path in server.folder.rglob("*") if path.is_file()}
    assert any(re.search(rb"SQLite", content) for content in kept.values())
    for secret in (keys.secret_key, keys.token):
        assert not [name for name, content in kept.items() if str(secret).encode() in content]


def test_while_this_machine_s_clock_is_off_aws_s_nothing_is_opened(server: Server, sandbox: SandboxProcess) -> None:
    progress = RecordingProgress()
    with server.act_as("ana", AwsWork.RECOVER) as application:
        inventory = application.inventory_reader.read(progress)
        request = RecoveryRequest(find_account(inventory, CLEAN), "A drill", None, 600)
        plan = application.recovery_planner.plan(inventory, request)
        sandbox.clock(30 * 60)
        for act in (
            lambda: application.recovery_planner.plan(inventory, request),
            lambda: application.window_opener(progress).open(plan),
        ):
            with pytest.raises(ClockWrongError, match=r"(29|30) minutes behind"):
                act()
        assert application.windows.list_windows() == ()
    assert sandbox.root_user(CLEAN)["recovery_allowed"] is False
