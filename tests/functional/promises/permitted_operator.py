"""An operator who runs command lines with exactly the permissions that a test gives: one IAM user with one policy."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.functional.administration import open_client
from tests.functional.crash.root_users import LONG_AGO, with_every_kind
from tests.functional.promises.forked_runs import ForkedRun, ForkingProgram
from tests.functional.promises.interposed_proxy import Answer, CutError, InterposedProxy, Request, keep_answer
from tests.functional.running import LONG_LEASE, Run
from tests.sandbox_process import SandboxProcess

SMALL_ORGANIZATION = str(Path(__file__).with_name("small_organization.yaml"))
TARGET = "333344445555"
"""Of the small organization; tagged ``environment=prod``."""
OTHER = "444455556666"
DELEGATE = "222233334444"
DEPARTING = "555566667777"
NAME = "observer"
"""The user: without any permission of its own."""
SERVICES = ("iam.amazonaws.com", "account.amazonaws.com")
MAILBOXES = ("management", "security", "shop", "warehouse")
SECONDS = 100

Answering = Callable[[Request, Answer], Answer]


def hide_places(request: Request, answer: Answer) -> Answer:
    """ListAccounts as it was before AWS answered with ``Paths``."""
    if request.operation != "ListAccounts" or answer.status != 200:
        return answer
    body = json.loads(answer.body)
    for account in body["Accounts"]:
        account.pop("Paths", None)
    return Answer(answer.status, answer.headers, json.dumps(body).encode())


def lose_the_start(request: Request, answer: Answer) -> Answer:
    """A change of a root e-mail address begins, and no one hears of it."""
    if request.operation == "StartPrimaryEmailUpdate":
        raise CutError
    return answer


@dataclass(slots=True)
class PermittedOperator:
    """Runs command lines, mostly as a user of the management account who may do what ``permit`` says."""

    sandbox: SandboxProcess
    proxy: InterposedProxy
    forking: ForkingProgram
    folder: Path
    address: str = ""
    """A root e-mail address that no account has; another one after each ``take_address``."""
    job_id: str = ""
    """Of a job that was interrupted."""
    blocking_policy_id: str = ""
    """Of a policy that is attached to nothing until ``blocked``."""
    _addresses: int = 0
    _databases: dict[str, Path] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def hire(
        cls, forking: ForkingProgram, folder: Path, scenario: str = SMALL_ORGANIZATION
    ) -> Iterator[PermittedOperator]:
        (folder / "temporary").mkdir(parents=True)
        with (
            SandboxProcess.start("--scenario", scenario) as sandbox,
            InterposedProxy(sandbox.base_url) as proxy,
        ):
            yield cls(sandbox, proxy, forking, folder)

    def client(self, service: str, principal: str = "management-admin") -> Any:
        return open_client(service, self.sandbox.base_url, self.sandbox.principals()[principal])

    @property
    def database(self) -> Path:
        return self.folder / "data" / "rootkeeper.db"

    def permit(self, document: Mapping[str, Any]) -> None:
        """Exactly this, from now on; AWS takes no policy without a statement."""
        statements = document["Statement"] or [{"Effect": "Deny", "Action": "*", "Resource": "*"}]
        text = json.dumps({**document, "Statement": statements})
        self.client("iam").put_user_policy(UserName=NAME, PolicyName="given", PolicyDocument=text)

    # Running.

    def run(self, *words: str, principal: str = NAME, **how: Any) -> Run:
        """A command line to its end."""
        return self.begin(*words, principal=principal, **how).wait()

    def begin(
        self,
        *words: str,
        principal: str = NAME,
        keys: Mapping[str, str] | None = None,
        answering: Answering = keep_answer,
    ) -> ForkedRun:
        """Start a command line; ``keys`` are variables that replace the principal's, ``answering`` changes answers."""
        self.proxy.forget()
        self.proxy.after = answering
        environment = {
            "HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.database.parent),  # what the ledger remembers is kept with the database
            "PATH": "/usr/bin:/bin",
            "TMPDIR": str(self.folder / "temporary"),
            "COLUMNS": "120",
            "AWS_EC2_METADATA_DISABLED": "true",
            **self.sandbox.environment(principal),
            **(keys or {}),
            "AWS_ENDPOINT_URL": self.proxy.url,
            "ROOTKEEPER_DATABASE_URL": f"sqlite:///{self.database}",
            "ROOTKEEPER_AWS_VERIFY_SECONDS": "0",
            "ROOTKEEPER_LEASE_SECONDS": LONG_LEASE,
            "ROOTKEEPER_EMAILS_ALLOWED_DOMAINS": "example.com",
            "ROOTKEEPER_EMAILS_GROUPS": ", ".join(f"{name}@example.com" for name in MAILBOXES),
        }
        places = {"folder": self.folder, "target": TARGET, "other": OTHER, "delegate": DELEGATE}
        arguments = [word.format(**places, address=self.address, job=self.job_id) for word in words]
        return self.forking.begin(arguments, environment)

    def hears(self, run: ForkedRun, word: str) -> bool:
        """Wait until it says so on stderr; false if it ends without."""
        end = time.monotonic() + SECONDS
        while word not in run.remarks:
            assert time.monotonic() < end, run.remarks
            if run.ends_within(0.02):
                return word in run.remarks
        return True

    def list_used(self) -> set[str]:
        """What the last run called with the caller's own credentials, as a policy names it."""
        own = [request for request in self.proxy.requests if request.account_id is None or request.task_policy]
        return {
            name_permission(request.service, request.operation, request.task_policy)
            for request in own
            if request.operation != "GetCallerIdentity"
        }

    # Setting the scene.

    def take_address(self) -> None:
        self._addresses += 1
        self.address = f"shop+{self._addresses}@example.com"

    def forget_database(self) -> None:
        shutil.rmtree(self.database.parent, ignore_errors=True)

    def keep_database(self, name: str, *command_lines: Sequence[str]) -> None:
        """Remember the database as the administrator's command lines leave it."""
        self.forget_database()
        for words in command_lines:
            run = self.run(*words, principal="management-admin")
            assert run.status == 0, run.shown
        self.keep(name)

    def keep(self, name: str) -> None:
        """Remember the database as it is."""
        kept = self.folder / f"kept-{len(self._databases)}"
        shutil.copytree(self.database.parent, kept)
        self._databases[name] = kept

    def restore_database(self, name: str) -> None:
        self.forget_database()
        shutil.copytree(self._databases[name], self.database.parent)

    def fill(self) -> None:
        """Every kind of root user credential in the target account."""
        self.sandbox.put_root_user(TARGET, with_every_kind(TARGET))

    def empty(self) -> None:
        self.sandbox.put_root_user(TARGET, {})

    @contextmanager
    def blocked(self) -> Iterator[None]:
        """Root sessions can be opened, and a policy denies every call in them."""
        organizations, policy_id = self.client("organizations"), self.blocking_policy_id
        for account_id in (TARGET, OTHER):
            organizations.attach_policy(PolicyId=policy_id, TargetId=account_id)
        try:
            yield
        finally:
            for account_id in (TARGET, OTHER):
                organizations.detach_policy(PolicyId=policy_id, TargetId=account_id)

    def switch_on(self) -> None:
        """Trusted access, both features and the delegated administrator, regardless of what was before."""
        truth, organizations = self.sandbox.organization(), self.client("organizations")
        for service in SERVICES:
            if service not in truth["trusted_services"]:
                organizations.enable_aws_service_access(ServicePrincipal=service)
        if len(truth["features"]) < 2:
            self.client("iam").enable_organizations_root_credentials_management()
            self.client("iam").enable_organizations_root_sessions()
        if DELEGATE not in json.dumps(truth["delegated_administrators"]):
            organizations.register_delegated_administrator(AccountId=DELEGATE, ServicePrincipal=SERVICES[0])

    def switch_off(self) -> None:
        self.switch_on()
        self.client("iam").disable_organizations_root_credentials_management()
        self.client("iam").disable_organizations_root_sessions()
        organizations = self.client("organizations")
        organizations.deregister_delegated_administrator(AccountId=DELEGATE, ServicePrincipal=SERVICES[0])
        organizations.disable_aws_service_access(ServicePrincipal=SERVICES[0])


def with_keys(account_id: str) -> dict[str, Any]:
    """What is the same each time it is put there, so that a plan made before still fits."""
    key = {"access_key_id": f"AKIAIOSFODNN7{account_id[-7:]}", "status": "Active", "created_at": LONG_AGO}
    return {**with_every_kind(account_id), "access_keys": [key], "password": False, "password_last_used_at": None}


def in_order(account_id: str) -> dict[str, Any]:
    """A failsafe's root login, just used."""
    just_now = (datetime.now(UTC) + timedelta(seconds=1)).isoformat(timespec="seconds")
    return {
        **with_every_kind(account_id),
        "password_last_used_at": just_now.replace("+00:00", "Z"),
        "access_keys": [],
        "signing_certificates": [],
    }


def name_permission(service: str, operation: str, task_policy: str | None) -> str:
    """``organizations:ListRoots``, ``sts:AssumeRoot IAMAuditRootUserCredentials``"""
    named = _OTHER_NAMES.get(operation, operation)
    return f"{service}:{named} {task_policy}" if task_policy else f"{service}:{named}"


_OTHER_NAMES = {"HeadObject": "GetObject"}
"""Permissions whose names aren't those of their operations."""
