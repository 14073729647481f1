"""Every console block of README, tutorials and guides: each command is understood, and runs on a demo organization."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import pytest

from rootkeeper.cli.main import PROGRAM
from tests.functional.guide_machine import SANDBOX_URL, GuideMachine, start_sandbox
from tests.functional.guide_preparations import (
    EXCEPTED,
    OWN_SANDBOX,
    PEOPLE,
    PREPARED,
    REQUESTER,
    RUNS_ON,
    SHOWN,
    STATUSES,
)
from tests.functional.guide_shell import list_commands
from tests.functional.terraform import find_plugins, write_settings
from tests.unit.database.samples import REPOSITORY

T = TypeVar("T")
DELEGATE = "222233334444"
ROLES = ("audit", "delete", "recover", "report", "unlock")

FOLDERS = ("docs/tutorials", "docs/guides")
FIRST = (
    "README",
    "small-organization",
    "first-audit",
    "preflight",
    "least-privilege",
    "unlock",
    "failsafe",
    "root-emails",
    "bulk-deletion",
    "recover-a-root-user",
    "evidence",
    "evidence-package",
    "security-tools",
    "controls",
)
"""The pages that run first on one demo, in this order; all others follow in alphabetical order."""


def list_pages() -> dict[str, Path]:
    """README, and each page of ``FOLDERS`` with console blocks, by name."""
    found = {path.stem: path for folder in FOLDERS for path in sorted((REPOSITORY / folder).glob("*.md"))}
    pages = {"README": REPOSITORY / "README.md"} | {name: path for name, path in found.items() if list_commands(path)}
    return {name: pages[name] for name in (*FIRST, *sorted(set(pages) - set(FIRST)))}


PAGES = list_pages()


def find_by_begin(found: Mapping[str, T], command: str) -> T | None:
    """The entry for a command, by how it begins."""
    return next((value for begin, value in found.items() if f"{command} ".startswith(begin)), None)


def test_no_entry_for_a_command_is_stale() -> None:
    stale = [
        (page, begin)
        for kind in (EXCEPTED, PREPARED)
        for page, entries in kind.items()
        for begin in entries
        if not any(f"{command} ".startswith(begin) for command in list_commands(PAGES[page]))
    ]
    assert stale == []
    everything = [f"{command} " for path in PAGES.values() for command in list_commands(path)]
    for begins in (RUNS_ON, SHOWN):
        assert [begin for begin in begins if not any(command.startswith(begin) for command in everything)] == []
    assert [command for command in STATUSES if f"{command} " not in everything] == []


def list_program_calls(command: str) -> Iterator[list[str]]:
    """The arguments of each call of the program in a line of shell."""
    words: list[str] | None = None
    begins = True
    lexer = shlex.shlex(command.replace("\\\n", " "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    for word in lexer:
        if set(word) <= set("();<>|&"):
            if words is not None:
                yield words
            words, begins = None, True
        elif words is not None:
            words.append(word)
        elif begins and word == "rootkeeper":
            words = []
        else:
            begins = begins and "=" in word  # a variable before the program
    if words is not None:
        yield words


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_is_understood(page: str) -> None:
    for command in list_commands(PAGES[page]):
        for arguments in list_program_calls(command):
            if arguments[0] == "sandbox":
                continue  # the arguments are those of another program
            group, context = PROGRAM, None
            name: str | None = "rootkeeper"
            while True:
                context = group.make_context(name, list(arguments), parent=context)
                if not hasattr(group, "resolve_command"):
                    break
                name, group, arguments = group.resolve_command(context, [*context._protected_args, *context.args])


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuideMachine]:
    """That of a person who has credentials of the demo organization's management account."""
    with GuideMachine.start(tmp_path_factory.mktemp("guides")) as machine:
        sandbox = start_sandbox(machine)
        yield machine
        machine.interrupt_all()
        sandbox.interrupt()


def read_page(page: str, machine: GuideMachine) -> None:
    """Type each command of a page, as a person does who reads it from its beginning."""
    machine.turn_page()
    for command in list_commands(PAGES[page]):
        if find_by_begin(EXCEPTED.get(page, {}), command) is not None:
            continue
        prepare = find_by_begin(PREPARED.get(page, {}), command)
        if prepare is not None:
            prepare(machine)
        typed = as_person(fill_in(command, machine), machine)
        begin = find_by_begin(RUNS_ON, command)
        if begin is not None:
            text = machine.leave_running(typed, begin).text
        else:
            status, text = machine.run(typed)
            expected = {STATUSES[command]} if command in STATUSES else {0, 1}
            assert status in expected, f"$ {typed}\nexit {status}\n{text}"
        assert (find_by_begin(SHOWN, command) or "") in text, f"$ {typed}\n{text}"
    machine.turn_page()


def fill_in(command: str, machine: GuideMachine) -> str:
    """Replace an id or file name that the program makes at random by the last one that it showed."""
    for example, shown in MADE:
        found = re.findall(shown, machine.shown)
        if found:
            command = re.sub(example, found[-1], command)
    return command


MADE = (
    (r"\bj-[0-9a-f]{10}\b", r"\bj-[0-9a-f]{10}\b"),
    (r"\bWINDOW_ID\b", r"\bw-[0-9a-f]{10}\b"),
    (r"\bemergency-\d{8}T\d{6}Z\.db\b", r"\bemergency-\d{8}T\d{6}Z\.db\b"),
)
"""Such names in a page, and as the program shows them."""


def as_person(command: str, machine: GuideMachine) -> str:
    """The person whom a comment names types it, with a token of their own if they have one."""
    if not machine.tokens:
        return command
    token = machine.tokens.get(PEOPLE.get(command.rpartition("#")[2].strip(), REQUESTER))
    return f"export ROOTKEEPER_TOKEN={token}; {command}" if token else f"unset ROOTKEEPER_TOKEN; {command}"


@pytest.mark.long
@pytest.mark.xdist_group("guides")
@pytest.mark.parametrize("page", [page for page in PAGES if page not in OWN_SANDBOX])
def test_every_command_of_a_page_runs_on_the_demo_organization(page: str, machine: GuideMachine) -> None:
    read_page(page, machine)


@pytest.mark.long
@pytest.mark.parametrize("page", sorted(OWN_SANDBOX))
def test_every_command_of_a_page_that_starts_the_sandbox_runs(page: str, tmp_path: Path) -> None:
    with GuideMachine.start(tmp_path) as machine:
        del machine.environment["AWS_PROFILE"]
        read_page(page, machine)


@pytest.mark.long
@pytest.mark.xdist_group("terraform")
@pytest.mark.timeout(900)
def test_the_worked_apply_of_terraform_runs_as_written(tmp_path: Path) -> None:
    """With the profiles and the variables that the page shows, and the role of new accounts."""
    plugins = find_plugins()
    page = PAGES["least-privilege"].read_text()
    (profiles,) = re.findall(r"```ini\n(\[profile security\].*?)```", page, re.DOTALL)
    (variables,) = re.findall(r"```hcl\n(management_profile.*?)```", page, re.DOTALL)
    section = page[page.index(variables) :]
    with GuideMachine.start(tmp_path) as machine:
        sandbox = start_sandbox(machine)
        with (machine.root / "aws-config").open("a") as config:
            config.write(profiles)
        machine.environment |= {
            "AWS_ENDPOINT_URL": SANDBOX_URL,
            "AWS_ENDPOINT_URL_STS": SANDBOX_URL,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "CHECKPOINT_DISABLE": "1",
            "PATH": f"{machine.environment['PATH']}:{Path(str(shutil.which('terraform'))).parent}",
            "TF_CLI_CONFIG_FILE": str(write_settings(tmp_path, plugins)),
            "TF_INPUT": "0",
        }
        machine.ask("rootkeeper", "enable", "--delegated-administrator", DELEGATE, "--yes")
        (machine.home / "terraform.tfvars").write_text(variables)
        commands = dict.fromkeys(list_commands(PAGES["least-privilege"]))
        typed = [command for command in commands if command in section and "terraform" in command]
        assert [one.split()[1] for one in typed] == ["policies", "init", "plan", "apply"]
        for command in typed:
            status, text = machine.run(command)
            assert status == 0, f"$ {command}\nexit {status}\n{text}"
        assert list_role_names(machine, "security") == [f"rootkeeper-{name}" for name in ROLES]
        assert list_role_names(machine, "management") == list_role_names(machine, "log-archive") == []
        status, text = machine.run("terraform plan -var roles_profile=log-archive")
        assert (status, "AWS account ID not allowed: 333344445555" in " ".join(text.split())) == (1, True), text
        sandbox.interrupt()


def list_role_names(machine: GuideMachine, profile: str) -> list[str]:
    roles = json.loads(machine.ask("aws", "iam", "list-roles", "--profile", profile, "--output", "json"))["Roles"]
    return sorted(role["RoleName"] for role in roles if role["RoleName"].startswith("rootkeeper-"))


def list_verbs(page: str) -> list[str]:
    """List the subcommands that a page's blocks use, each once, in order."""
    calls = [call for command in list_commands(PAGES[page]) for call in list_program_calls(command)]
    return list(dict.fromkeys(call[0] for call in calls))


def test_readme_and_guide_give_a_small_organization_the_same_commands() -> None:
    five = list_commands(PAGES["small-organization"])
    readme = list_commands(PAGES["README"])
    assert readme[-len(five) :] == five


def test_the_first_audit_comes_in_a_safe_order() -> None:
    verbs = list_verbs("first-audit")
    assert verbs.index("preflight") < verbs.index("enable") < verbs.index("audit") < verbs.index("plan")


def test_a_small_organization_needs_five_commands_in_that_order() -> None:
    assert list_verbs("small-organization") == ["preflight", "enable", "audit", "delete", "report"]
    assert len(list_commands(PAGES["small-organization"])) == 5
