"""Command lines that need, in the circumstances made for them, everything that their command's policy grants."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.functional.promises.forked_runs import ForkedRun
from tests.functional.promises.interposed_proxy import hide_policy, keep_answer
from tests.functional.promises.locked_resources import LOCKED_BUCKET, LOCKED_QUEUE
from tests.functional.promises.permitted_operator import (
    DELEGATE,
    DEPARTING,
    OTHER,
    SMALL_ORGANIZATION,
    TARGET,
    Answering,
    PermittedOperator,
    hide_places,
    in_order,
    lose_the_start,
    with_keys,
)
from tests.functional.running import Run
from tests.root_person import RootPerson

Prepare = Callable[[PermittedOperator], None]
Meanwhile = Callable[[PermittedOperator, ForkedRun], None]

DEMO = "demo"
REPORT_PLACE = ("amzn-s3-demo-reports", "evidence/")
BREAK_GLASS = ("breakglass", "--fail-on", "none", "-o", "json")
TODAY = datetime.now(UTC).date().isoformat()
ADD_EXCEPTION = ("exceptions", "add", "{target}", "--owner", "Ana", "--reason", "A test", "--until", "30d", "--yes")
REMOVE_EXCEPTION = ("exceptions", "remove", "{target}", "--yes")
ATTEST = (
    *("failsafe", "attest", "{delegate}", "--claim", "kept", "--owner", "Ana", "--reason", "A test"),
    *("--until", "30d", "--yes"),
)
RECORD_DRILL = (
    *("failsafe", "record-drill", "{delegate}", "--by", "Ana", "--at", TODAY),
    *("--outcome", "passed", "--alarm", "seen", "--yes"),
)
RECOVER = ("recover", "{target}", "--reason", "A drill", "--yes")
SET_UP = ("failsafe", "set-up", "{delegate}", "--for", "1h", "--yes")
CHANGE_ADDRESS = ("emails", "change", "{target}", "{address}", "--reason", "A test", "--yes")
PLAN = ("plan", "{target}", "--out", "{folder}/new.json", "--fail-on", "unknown")
DELETE = ("delete", "{target}", "--yes")
APPLY = ("apply", "{folder}/plan.json", "--yes")
RESUME = ("jobs", "resume", "{job}", "--yes")
DELETE_IN_WAVES = ("delete", "{target}", "{other}", "--wave", "1", "--pause", "1h", "--yes")
GUARDRAIL = {
    "name": "RegionsInUse",
    "type": "SERVICE_CONTROL_POLICY",
    "content": {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "ec2:*", "Resource": "*"}],
    },
    "targets": [TARGET, DELEGATE],
}
DENY_ROOT = {
    "name": "NoRoot",
    "type": "SERVICE_CONTROL_POLICY",
    "content": {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "NoRootAtAll",
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}},
            }
        ],
    },
    "targets": [],
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One command line in its circumstances."""

    words: tuple[str, ...]
    prepare: Prepare
    good: int = 0
    meanwhile: Meanwhile | None = None
    """What is done meanwhile, while it runs."""
    answering: Answering = keep_answer
    """What becomes of AWS's answers."""
    scenario: str = SMALL_ORGANIZATION
    is_blocked: bool = False
    """Whether a policy blocks every call in root sessions."""

    def run(self, operator: PermittedOperator) -> Run:
        """Carry it out, its circumstances being made."""
        with operator.blocked() if self.is_blocked else nullcontext():
            run = operator.begin(*self.words, answering=self.answering)
            if self.meanwhile is not None:
                self.meanwhile(operator, run)
            return run.wait()


# What is there before.


def settle_in(operator: PermittedOperator) -> None:
    """Make the databases that attempts begin with; then an account leaves."""
    operator.sandbox.create_policy(GUARDRAIL)
    operator.blocking_policy_id = operator.sandbox.create_policy(DENY_ROOT)["policy_id"]
    operator.sandbox.put_root_user(DELEGATE, in_order(DELEGATE))
    audit = ("audit", "--fail-on", "none")
    operator.keep_database("audited", audit, ("status", "--accept", "--yes"), RECORD_DRILL)
    operator.keep_database("an exception", audit, ADD_EXCEPTION)
    operator.keep_database("a window", (*RECOVER, "--leave-open"))
    operator.empty()
    keep_an_interrupted_deletion(operator)
    operator.client("organizations").remove_account_from_organization(AccountId=DEPARTING)


def keep_an_interrupted_deletion(operator: PermittedOperator) -> None:
    operator.forget_database()
    for account_id in (TARGET, OTHER):
        operator.sandbox.put_root_user(account_id, with_keys(account_id))
    run = operator.begin(*DELETE_IN_WAVES, principal="management-admin")
    assert operator.hears(run, "Wave 1 of 2"), run.remarks
    run.signal(signal.SIGINT)
    ended = run.wait()
    operator.keep("an interrupted deletion")
    named = re.search(r"jobs resume (j-\w+)", ended.stderr)
    assert named, ended.shown
    operator.job_id = named[1]
    operator.sandbox.put_root_user(OTHER, {})


def know_nothing(operator: PermittedOperator) -> None:
    operator.switch_on()
    operator.forget_database()
    operator.empty()


def remember(operator: PermittedOperator) -> None:
    know_nothing(operator)
    operator.restore_database("audited")


def know_nothing_of_credentials(operator: PermittedOperator) -> None:
    know_nothing(operator)
    operator.fill()


def remember_and_fill(operator: PermittedOperator) -> None:
    remember(operator)
    operator.fill()


def have_a_plan(operator: PermittedOperator) -> None:
    know_nothing(operator)
    operator.sandbox.put_root_user(TARGET, with_keys(TARGET))
    plan = operator.folder / "plan.json"
    if not plan.exists():
        words = ("plan", "{target}", "--out", str(plan), "--fail-on", "none")
        run = operator.run(*words, principal="management-admin")
        assert run.status == 0, run.shown
        operator.forget_database()


def remember_and_have_a_plan(operator: PermittedOperator) -> None:
    have_a_plan(operator)
    operator.restore_database("audited")


def have_an_exception(operator: PermittedOperator) -> None:
    know_nothing(operator)
    operator.restore_database("an exception")


def have_a_window(operator: PermittedOperator) -> None:
    know_nothing(operator)
    operator.restore_database("a window")
    operator.sandbox.put_root_user(TARGET, {"recovery_allowed": True})


def have_an_interrupted_deletion(operator: PermittedOperator) -> None:
    know_nothing(operator)
    operator.restore_database("an interrupted deletion")
    operator.sandbox.put_root_user(OTHER, with_keys(OTHER))


def have_a_failsafe_without_login(operator: PermittedOperator) -> None:
    know_nothing(operator)
    operator.sandbox.put_root_user(DELEGATE, {})


def remember_a_failsafe_without_login(operator: PermittedOperator) -> None:
    remember(operator)
    operator.sandbox.put_root_user(DELEGATE, {})


def have_a_new_address(operator: PermittedOperator) -> None:
    know_nothing(operator)
    operator.take_address()


def remember_and_have_a_new_address(operator: PermittedOperator) -> None:
    remember(operator)
    operator.take_address()


def have_a_one_time_password(operator: PermittedOperator) -> None:
    have_a_new_address(operator)
    begun = operator.run(*CHANGE_ADDRESS, principal="management-admin")
    assert begun.status == 4, begun.shown
    (mail,) = operator.sandbox.mailbox(operator.address)
    found = re.search(r"Verification code: (\w+)", str(mail["body"]))
    assert found, mail
    (operator.folder / "one-time-password").write_text(found[1])


def remember_and_have_a_hub(operator: PermittedOperator) -> None:
    remember(operator)
    hub = operator.client("securityhub")
    with suppress(hub.exceptions.ResourceConflictException):
        hub.enable_security_hub(EnableDefaultStandards=False)


def remember_and_have_a_bucket(operator: PermittedOperator) -> None:
    remember(operator)
    s3 = operator.client("s3")
    if not s3.list_buckets()["Buckets"]:
        s3.create_bucket(Bucket=REPORT_PLACE[0])


def have_nothing_on(operator: PermittedOperator) -> None:
    operator.switch_off()
    operator.forget_database()


def have_the_demo(operator: PermittedOperator) -> None:
    operator.sandbox.reset()
    operator.sandbox.clear_faults()
    operator.switch_on()
    operator.forget_database()


def have_no_credential_report(operator: PermittedOperator) -> None:
    have_the_demo(operator)
    error = {"code": "ReportNotPresent", "status": 410, "message": "There is no report yet."}
    operator.sandbox.faults(service="iam", operation="GetCredentialReport", times=1, error=error)


# What happens meanwhile.


def stop_waiting(operator: PermittedOperator, run: ForkedRun) -> None:
    """Ctrl-C once the window is open, and again while it can't be closed."""
    if operator.hears(run, "forgot-password"):
        run.signal(signal.SIGINT)
        if operator.hears(run, "isn't closed"):
            run.signal(signal.SIGINT)


def complete_the_login(operator: PermittedOperator, run: ForkedRun) -> None:
    if operator.hears(run, "forgot-password"):
        RootPerson(operator.sandbox, DELEGATE).complete()


def read_organization(
    *words: str, remembered: tuple[str, ...] | None = None, first: Prepare = know_nothing, then: Prepare = remember
) -> tuple[Attempt, ...]:
    """Without any memory; and where an account has left since, and AWS gives no accounts' places."""
    return Attempt(words, first), Attempt(remembered or words, then, answering=hide_places)


def meet_a_policy(*words: str, good: int, prepare: Prepare = remember) -> Attempt:
    """Where a policy blocks, and AWS doesn't name it."""
    return Attempt(words, prepare, good, answering=hide_policy, is_blocked=True)


ATTEMPTS: dict[str, tuple[Attempt, ...]] = {
    "status": (
        Attempt(("status", "--fail-on", "unknown"), remember),
        Attempt(("status", "--accept", "--yes"), remember),
    ),
    # Without --refresh an audit that knows the organization may end before it is listed.
    "audit": read_organization(
        "audit", "--tag", "audited=yes", remembered=("audit", "--refresh", "--fail-on", "unknown")
    ),
    "preflight": read_organization("preflight", "--tag", "audited=yes", remembered=("preflight",)),
    "emails list": read_organization("emails", "list", "--tag", "audited=yes", remembered=("emails", "list")),
    "emails attest": (
        Attempt(("emails", "attest", "a@example.com", "--by", "Ana", "--until", "30d", "--yes"), remember),
    ),
    "controls attest": (
        Attempt(
            (
                *("controls", "attest", "cis-7.0/5.3", "--owner", "Ana", "--reason", "A test"),
                *("--until", "30d", "--yes"),
            ),
            remember,
        ),
    ),
    "failsafe check": read_organization("failsafe", "check", first=remember),
    "failsafe runbook": read_organization("failsafe", "runbook"),
    "failsafe attest": read_organization(*ATTEST),
    "failsafe record-drill": read_organization(*RECORD_DRILL),
    "breakglass": (
        Attempt(BREAK_GLASS, have_the_demo, scenario=DEMO),
        Attempt(BREAK_GLASS, have_no_credential_report, scenario=DEMO),
        Attempt(BREAK_GLASS, remember, answering=hide_places),
    ),
    "plan": (
        *read_organization(
            *("plan", "--tag", "environment=prod", "--out", "{folder}/new.json", "--fail-on", "unknown"),
            remembered=PLAN,
            first=know_nothing_of_credentials,
            then=remember_and_fill,
        ),
        meet_a_policy(*PLAN, good=1),
    ),
    **{
        f"policies {name}": (Attempt(("policies", name), know_nothing),)
        for name in ("alarms", "cloudformation", "roles", "scp", "terraform")
    },
    "jobs list": (Attempt(("jobs", "list"), have_an_interrupted_deletion),),
    "jobs show": (Attempt(("jobs", "show", "{job}"), have_an_interrupted_deletion),),
    "jobs cancel": (Attempt(("jobs", "cancel", "{job}"), have_an_interrupted_deletion),),
    "jobs resume": (
        *read_organization(*RESUME, first=have_an_interrupted_deletion, then=have_an_interrupted_deletion),
        meet_a_policy(*RESUME, good=4, prepare=have_an_interrupted_deletion),
    ),
    "exceptions list": (Attempt(("exceptions", "list"), remember),),
    "windows list": (Attempt(("windows", "list"), have_a_window),),
    "windows report": (Attempt(("windows", "report", "{target}"), have_a_window),),
    "windows show": (Attempt(("windows", "show", "{target}"), have_a_window),),
    "delete": (
        *read_organization(
            *("delete", "--tag", "environment=prod", "--yes"),
            remembered=DELETE,
            first=know_nothing_of_credentials,
            then=remember_and_fill,
        ),
        meet_a_policy(*DELETE, good=4),
    ),
    "apply": (
        *read_organization(*APPLY, first=have_a_plan, then=remember_and_have_a_plan),
        meet_a_policy(*APPLY, good=4, prepare=remember_and_have_a_plan),
    ),
    "exceptions add": read_organization(*ADD_EXCEPTION),
    "exceptions remove": read_organization(*REMOVE_EXCEPTION, first=have_an_exception, then=have_an_exception),
    "recover": (
        *read_organization(*RECOVER, "--leave-open"),
        Attempt((*RECOVER, "--for", "1h"), know_nothing, meanwhile=stop_waiting),
    ),
    "windows close": (Attempt(("windows", "close", "{target}", "--yes"), have_a_window),),
    "failsafe set-up": (
        Attempt(SET_UP, have_a_failsafe_without_login, meanwhile=complete_the_login),
        Attempt(SET_UP, have_a_failsafe_without_login, meanwhile=stop_waiting, good=4),
        Attempt(SET_UP, remember_a_failsafe_without_login, meanwhile=stop_waiting, good=4, answering=hide_places),
    ),
    "emails change": (
        Attempt(CHANGE_ADDRESS, have_a_new_address, good=4),
        Attempt(CHANGE_ADDRESS, remember_and_have_a_new_address, good=4, answering=hide_places),
        Attempt((*CHANGE_ADDRESS, "--otp-from", "{folder}/one-time-password"), have_a_one_time_password),
        Attempt(CHANGE_ADDRESS, have_a_new_address, good=4, answering=lose_the_start),
    ),
    "report send": (
        Attempt(("report", "send", "--to", "securityhub", "--yes"), remember_and_have_a_hub),
        Attempt(
            ("report", "send", "--to", f"s3://{'/'.join(REPORT_PLACE)}", "--format", "csv", "--yes"),
            remember_and_have_a_bucket,
        ),
    ),
    "unlock s3": (
        *read_organization("unlock", "s3", "{target}"),
        meet_a_policy("unlock", "s3", "{target}", good=3),
        Attempt(("unlock", "s3", *LOCKED_BUCKET, "--remove", "--yes"), have_the_demo, scenario=DEMO),
    ),
    "unlock sqs": (
        *read_organization("unlock", "sqs", "{target}"),
        meet_a_policy("unlock", "sqs", "{target}", good=3),
        Attempt(("unlock", "sqs", *LOCKED_QUEUE, "--corrected", "--yes"), have_the_demo, scenario=DEMO),
    ),
    "enable": (Attempt(("enable", "--delegated-administrator", "{delegate}", "--yes"), have_nothing_on),),
    "disable": (Attempt(("disable", "--trusted-access", "--yes"), remember),),
}
"""For each command the attempts that together need all that it may need."""

OF_OTHER_COMMANDS = {
    "ledger adopt": Attempt(("ledger", "adopt", "--yes"), remember, good=1),
}
"""Commands that also need what other commands need (``audit`` and ``windows close``), and do their first part without
it."""

WITHOUT_AWS = {
    "controls frameworks": Attempt(("controls", "frameworks"), remember),
    "controls list": Attempt(("controls", "list", "--framework", "cis-7.0", "--fail-on", "none"), remember),
    "controls show": Attempt(("controls", "show", "cis-7.0/2.4", "--fail-on", "none"), remember),
    "database backup": Attempt(("database", "backup", "--to", "{folder}/backups"), remember),
    "database check": Attempt(("database", "check"), remember),
    "diff": Attempt(("diff", "--list"), remember),
    "history": Attempt(("history", "{target}"), remember),
    "ledger export": Attempt(("ledger", "export"), remember),
    "ledger list": Attempt(("ledger", "list"), remember),
    "ledger verify": Attempt(("ledger", "verify"), remember),
    "notifications list": Attempt(("notifications", "list"), remember),
    "token list": Attempt(("token", "list"), remember),
    "users list": Attempt(("users", "list"), remember),
    "report write": Attempt(("report", "--from", "30d", "--fail-on", "none"), remember),
}
"""Commands that read and write the database alone."""
