"""Command lines that need, in the circumstances made for them, everything that their command's policy grants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.functional.promises.permitted_operator import DEPARTING, TARGET, PermittedOperator

Prepare = Callable[[PermittedOperator], None]

ADD_EXCEPTION = ("exceptions", "add", "{target}", "--owner", "Ana", "--reason", "A test", "--until", "30d", "--yes")
LEAVE_OPEN = ("recover", "{target}", "--reason", "A drill", "--leave-open", "--yes")
CHANGE_ADDRESS = ("emails", "change", "{target}", "new@example.com", "--reason", "A test", "--override", "--yes")
ON_RARE_OCCASIONS = frozenset({"organizations:DescribeAccount", "organizations:ListAccountsForParent"})
"""Needed where an account has left since the last listing, and where AWS doesn't tell accounts' places."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One command line in its circumstances."""

    words: tuple[str, ...]
    prepare: Prepare
    good: frozenset[int] = frozenset({0})
    is_rare: bool = False
    """Whether accounts have left, and AWS tells no places."""


@dataclass(frozen=True, slots=True)
class Job:
    """The attempts that together need all that a command may need."""

    command: str
    usual: Attempt
    rare: Attempt | None = None

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        return (self.usual,) if self.rare is None else (self.usual, self.rare)

    def choose(self, permission: str) -> Attempt:
        """The attempt that needs it."""
        return self.rare if self.rare is not None and permission in ON_RARE_OCCASIONS else self.usual


def settle_in(operator: PermittedOperator) -> None:
    """Make the databases that the attempts begin with; then an account leaves."""
    operator.keep_database("audited", ["audit", "--fail-on", "none"], ["status", "--accept", "--yes"])
    operator.keep_database("an exception", ["audit", "--fail-on", "none"], ADD_EXCEPTION)
    operator.keep_database("a window", LEAVE_OPEN)
    operator.empty()
    operator.client("organizations").remove_account_from_organization(AccountId=DEPARTING)


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
    know_nothing_of_credentials(operator)
    make_plan(operator)
    operator.forget_database()


def make_plan(operator: PermittedOperator) -> None:
    plan = operator.folder / "plan.json"
    if not plan.exists():
        words = ("plan", "{target}", "--out", str(plan), "--fail-on", "none")
        run = operator.run(*words, principal="management-admin")
        assert run.status == 0, run.shown


def remember_a_plan(operator: PermittedOperator) -> None:
    have_a_plan(operator)
    operator.restore_database("audited")


def have_an_exception(operator: PermittedOperator) -> None:
    know_nothing(operator)
    operator.restore_database("an exception")


def have_a_window(operator: PermittedOperator) -> None:
    know_nothing(operator)
    operator.restore_database("a window")
    operator.sandbox.put_root_user(TARGET, {"recovery_allowed": True})


def have_nothing_on(operator: PermittedOperator) -> None:
    operator.switch_off()
    operator.forget_database()


def make_job(command: str, *words: str, rare: tuple[str, ...] | None = None, **how: Prepare) -> Job:
    """A job of a command that reads the organization: without any memory, and on a rare occasion."""
    usual = Attempt(words, how.get("prepare", know_nothing))
    return Job(command, usual, Attempt(rare or words, how.get("remember", remember), is_rare=True))


FILLED = {"prepare": know_nothing_of_credentials, "remember": remember_and_fill}

JOBS = {
    job.command: job
    for job in (
        Job("status", Attempt(("status",), remember)),
        make_job("audit", "audit", "--tag", "audited=yes", rare=("audit",)),
        make_job("preflight", "preflight", "--tag", "audited=yes", rare=("preflight",)),
        make_job("emails list", "emails", "list"),
        make_job("failsafe check", "failsafe", "check"),
        make_job("failsafe runbook", "failsafe", "runbook"),
        make_job("failsafe record-drill", "failsafe", "record-drill", "{delegate}", "--yes"),
        make_job(
            "plan",
            *("plan", "--tag", "environment=prod", "--out", "{folder}/new.json", "--fail-on", "unknown"),
            rare=("plan", "{target}", "--out", "{folder}/new.json", "--fail-on", "unknown"),
            **FILLED,
        ),
        Job("policies", Attempt(("policies", "scp"), know_nothing)),
        Job("jobs list", Attempt(("jobs", "list"), remember)),
        Job("exceptions list", Attempt(("exceptions", "list"), remember)),
        Job("windows list", Attempt(("windows", "list"), have_a_window)),
        Job("windows show", Attempt(("windows", "show", "{target}"), have_a_window)),
        Job(
            "emails attest",
            Attempt(("emails", "attest", "a@example.com", "--by", "Ana", "--until", "30d", "--yes"), remember),
        ),
        make_job(
            "delete",
            *("delete", "--tag", "environment=prod", "--yes"),
            rare=("delete", "{target}", "--yes"),
            **FILLED,
        ),
        make_job("apply", "apply", "{folder}/plan.json", "--yes", prepare=have_a_plan, remember=remember_a_plan),
        make_job("exceptions add", *ADD_EXCEPTION),
        make_job(
            "exceptions remove",
            "exceptions",
            "remove",
            "{target}",
            "--yes",
            prepare=have_an_exception,
            remember=have_an_exception,
        ),
        make_job("recover", *LEAVE_OPEN),
        Job("windows close", Attempt(("windows", "close", "{target}", "--yes"), have_a_window)),
        make_job("emails change", *CHANGE_ADDRESS),
        make_job("unlock s3", "unlock", "s3", "{target}"),
        make_job("unlock sqs", "unlock", "sqs", "{target}"),
        Job("enable", Attempt(("enable", "--delegated-administrator", "{delegate}", "--yes"), have_nothing_on)),
        Job("disable", Attempt(("disable", "--trusted-access", "--yes"), remember)),
    )
}


def find_plan(folder: Path) -> Path:
    return folder / "plan.json"
