"""A privileged action that the product doesn't have: its row, its change and its restoring are all that it needs.

The action closes a gate, which is a file here. This module is also the program that the tests run and kill: it adds the
action before the product is imported.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import pytest

from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.changes import catalogue
from rootkeeper.changes.rules import Answer, Change, Evaluation
from rootkeeper.changes.runner import ChangeRunner
from rootkeeper.changes.sessions import AccountSessions
from rootkeeper.changes.settlement import settle_orphans
from rootkeeper.clock import SystemClock
from rootkeeper.errors import AwsUnclearError, AwsUnreachableError, RootkeeperError
from rootkeeper.ledger.rules import Action, Actor, ActorKind, Intent, LedgerEntry, Phase, Result
from rootkeeper.organization.accounts import AccountId, Endpoint
from rootkeeper.values import JsonValue

ACCOUNT = AccountId("222233334444")
OPERATION, READ = "example:CloseGate", "example:GetGate"
STEPS = ("begun", "intended", "sent", "observed", "recorded")
"""The moments at which the process is killed; the call acts between the second and the third."""


def add_action() -> Action:
    """Add the action and its row, as a developer would in ``ledger/rules.py`` and ``changes/catalogue.py``."""
    action = str.__new__(Action, "gate:close")
    action._name_, action._value_ = "GATE_CLOSE", "gate:close"
    Action._value2member_map_["gate:close"] = action
    row = catalogue.CatalogueRow(
        commands=("delete",),
        subject="A gate",
        operations=(OPERATION,),
        reads=(READ,),
        parameters=("gate",),
    )
    unlock = catalogue.CatalogueRow(
        commands=("unlock s3",), operations=("s3:CloseGate",), task_policy=TaskPolicy.UNLOCK_BUCKET
    )
    rows: Mapping[Action, catalogue.CatalogueRow] = {**catalogue.CATALOGUE, action: row, cast("Action", "x"): unlock}
    catalogue.CATALOGUE = MappingProxyType(rows)
    return action


@dataclass(frozen=True, slots=True)
class GateClosing(Change[bool]):
    """Closes a gate. Its file shows whether it is closed."""

    action: Action
    gate: Path
    killed_at: str = ""
    account_id: AccountId = ACCOUNT
    pauses_seconds: tuple[float, ...] = ()

    @property
    def parameters(self) -> Mapping[str, JsonValue]:
        return {"gate": self.gate.name}

    def reach(self, step: str) -> None:
        if step == self.killed_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def send(self, intent: Intent) -> None:
        assert intent.parameters["gate"] == self.gate.name
        self.reach("intended")
        self.gate.touch()
        self.reach("sent")

    def observe(self) -> bool:
        if self.gate.with_suffix(".hidden").exists():
            raise AwsUnreachableError("The gate can't be seen.")
        return self.gate.exists()

    def evaluate(self, shown: bool, answer: Answer | None) -> Evaluation:
        if answer is not None:
            self.reach("observed")
        return Evaluation(Result.DONE if shown else Result.FAILED, "As the gate shows.")

    def evaluate_unread(self, error: RootkeeperError, answer: Answer | None) -> Evaluation:
        assert answer is None
        return Evaluation(None, error.message)


def work(folder: Path, mode: str) -> None:
    """Close the gate, killed at the moment that ``mode`` names; or settle what a dead process left."""
    from rootkeeper.ledger.database import DatabaseOptions, open_database

    action, clock = add_action(), SystemClock()
    with open_database(f"sqlite:///{folder / 'rootkeeper.db'}", DatabaseOptions(create=True)) as database:
        owner = database.register_owner(clock)
        actor = Actor("operator@desk", ActorKind.SELF_ASSERTED)
        ledger = database.ledger("o-exampleorgid", Endpoint("SANDBOX 127.0.0.1:4599"), actor, owner)
        runner = ChangeRunner(ledger, clock)
        gate = folder / "north.gate"
        if mode != "settle":
            closing = GateClosing(action, gate, mode)
            closing.reach("begun")
            runner.make(closing)
            closing.reach("recorded")

        def restore(entry: LedgerEntry, _: AccountSessions | None) -> GateClosing:
            return GateClosing(entry.action, folder / str(entry.parameters["gate"]))

        settled = list(settle_orphans(ledger.list_orphans(), restore, runner))
        entries = [entry for entry in database.ledger_reader().list_entries() if entry.action is action]
        report = {
            "settled": [intent.result for intent in settled],
            "intents": sum(entry.phase is Phase.INTENT for entry in entries),
            "outcomes": [entry.result for entry in entries if entry.phase is Phase.OUTCOME],
            "is_intact": database.ledger_reader().verify().is_intact,
        }
        owner.close()
    sys.stdout.write(json.dumps(report))


def show_rows() -> None:
    """Show what doctor, shipped roles and preflight make of the row."""
    add_action()
    from rootkeeper.guardrails.tasks import SIGN_IN_ACTIONS
    from rootkeeper.shipped_policies.rules import ShippedRole, combine, list_commands

    roles = {role.value: combine(list_commands(role)) for role in ShippedRole}
    sys.stdout.write(json.dumps({"roles": repr(roles), "preflight": SIGN_IN_ACTIONS}))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", __name__, *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def read(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_is_made_with_an_intent_and_proven_by_a_reread(tmp_path: Path) -> None:
    report = read(run("work", str(tmp_path), "undisturbed"))
    assert report == {"settled": [], "intents": 1, "outcomes": ["done"], "is_intact": True}


@pytest.mark.parametrize("step", STEPS)
def test_p03_killed_between_any_two_steps_it_is_settled_by_the_next_process(tmp_path: Path, step: str) -> None:
    assert run("work", str(tmp_path), step).returncode == -signal.SIGKILL
    has_acted = (tmp_path / "north.gate").exists()
    assert has_acted is (STEPS.index(step) >= STEPS.index("sent"))
    report = read(run("work", str(tmp_path), "settle"))
    assert report["is_intact"]
    if step == "begun":
        assert report["intents"] == 0
    else:
        assert report["outcomes"] == ["done" if has_acted else "failed"]
        assert report["settled"] == ([] if step == "recorded" else report["outcomes"])


def test_p06_it_stays_open_while_its_effect_cannot_be_seen(tmp_path: Path) -> None:
    run("work", str(tmp_path), "sent")
    hidden = tmp_path / "north.hidden"
    hidden.touch()
    assert read(run("work", str(tmp_path), "settle"))["settled"] == [None]
    hidden.unlink()
    assert read(run("work", str(tmp_path), "settle"))["settled"] == ["done"]


def test_shipped_roles_doctor_and_preflight_follow_from_its_row() -> None:
    shown = read(run("rows"))
    assert OPERATION in shown["roles"]
    assert READ in shown["roles"]
    assert "s3:CloseGate" in shown["preflight"]


def test_an_unclear_answer_and_no_answer_end_in_the_reread() -> None:
    closing = GateClosing(Action.REPORT_SEND, Path("gate"))
    assert closing.may_have_acted(AwsUnclearError("no answer"))
    assert closing.may_have_acted(AwsUnreachableError("no answer"))


if __name__ == "__main__":
    if sys.argv[1] == "rows":
        show_rows()
    else:
        work(Path(sys.argv[2]), sys.argv[3])
