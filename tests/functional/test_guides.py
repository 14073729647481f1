"""Every console block of README and guides: each command is understood, and runs against the demo organization."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rootkeeper.cli.main import _application
from tests.functional.guide_shell import GuideShell, list_commands
from tests.sandbox_process import SandboxProcess
from tests.unit.database.samples import REPOSITORY

PAGES = (
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
    "security-tools",
    "sandbox",
    "backup",
    "console",
    "notifications",
    "server",
    "sign-in",
)
"""In the order in which they run on one demo."""

EXCEPTED = {
    "README": {
        "pipx": "installs from a clone; test_installing does so",
        "make": "runs these tests, or a demo that test_demo_command runs",
    },
    "backup": {"": "works on /var/lib and /var/backups; test_backup runs both programs"},
    "bulk-deletion": {"rootkeeper jobs resume": "needs an interrupted job; test_jobs_commands runs it"},
    "console": {"rootkeeper demo": "takes fixed ports; test_demo_command runs it"},
    "evidence": {"rootkeeper diff 2026-10-01": "needs an audit before that day; test_history_commands runs it"},
    "notifications": {"": "sends to a chat; test_notification_commands runs both with a target on this machine"},
    "recover-a-root-user": {
        "rootkeeper windows request": "needs a server and two people; tests of through_server run it",
        "rootkeeper windows approve": "the same",
        "rootkeeper windows activate": "the same",
        "rootkeeper windows extend": "the same",
        "rootkeeper windows close 444455556666 ": "the same",
        "rootkeeper recover 444455556666 --emergency": "the settings must allow it; test_emergency_commands runs it",
        "rootkeeper ledger import": "imports the file of that emergency; test_emergency_commands runs it",
    },
    "root-emails": {
        "fetch-the-mail": "fetch-the-mail stands for the reader's own program; test_email_commands runs the rest",
    },
    "sandbox": {"": "takes a fixed port; tests of the sandbox's command run it"},
    "server": {"": "needs root, a domain, a certificate and several people; tests of serving run the commands"},
    "sign-in": {"": "the same"},
}
"""Commands of a page that aren't run, by how they begin, and why."""

WAITS = {
    "rootkeeper recover ": "Ctrl-C",
}
"""Commands that wait, by how they begin, and what they show then."""

BLOCKED = 4
"""Of a deletion everywhere: a policy of the demo organization blocks two accounts, which stay unknown."""

STATUSES = {
    "rootkeeper delete --all": BLOCKED,
    "rootkeeper delete --all --canary 2 --wave 4 --pause 5s --stop-after-failures 2": BLOCKED,
}
"""Exit statuses that aren't 0, or 1 for a bad answer."""


def find_page(name: str) -> Path:
    return REPOSITORY / ("README.md" if name == "README" else f"docs/guides/{name}.md")


def find_exception(page: str, command: str) -> str | None:
    return next((why for begin, why in EXCEPTED.get(page, {}).items() if f"{command} ".startswith(begin)), None)


ALL = [(page, command) for page in PAGES for command in list_commands(find_page(page))]


def test_every_page_with_console_blocks_is_run_and_no_exception_is_stale() -> None:
    pages = {path.stem for path in (REPOSITORY / "docs/guides").glob("*.md") if list_commands(path)}
    assert pages == set(PAGES) - {"README"}
    stale = [
        (page, begin)
        for page, exceptions in EXCEPTED.items()
        for begin in exceptions
        if not any(f"{command} ".startswith(begin) for command in list_commands(find_page(page)))
    ]
    assert stale == []


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
    for command in list_commands(find_page(page)):
        for arguments in list_program_calls(command):
            if arguments[0] == "sandbox":
                continue  # the arguments are those of another program
            group, context = _application(), None
            name: str | None = "rootkeeper"
            while True:
                context = group.make_context(name, list(arguments), parent=context)
                if not hasattr(group, "resolve_command"):
                    break
                name, group, arguments = group.resolve_command(context, [*context._protected_args, *context.args])


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuideShell]:
    """A shell of a person who has credentials of the demo organization's management account."""
    folder = tmp_path_factory.mktemp("guides")
    with SandboxProcess.start("--scenario", "demo") as sandbox:
        keys = sandbox.principals()["management-admin"]
        (folder / "config").write_text(
            f"[profile management]\nregion = us-east-1\nendpoint_url = {sandbox.base_url}\n"
            f"aws_access_key_id = {keys.access_key_id}\naws_secret_access_key = {keys.secret_access_key}\n"
        )
        environment = {
            "AWS_CONFIG_FILE": str(folder / "config"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "COLUMNS": "120",
            "HOME": str(folder),
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "TERM": "xterm",
        }
        (rules,) = re.findall(r"```toml\n(\[emails\].*?)```", find_page("root-emails").read_text(), re.DOTALL)
        (folder / "rules.toml").write_text(rules)

        def read_mail(address: str) -> str:
            bodies = " ".join(str(mail["body"]) for mail in sandbox.mailbox(address))
            return str(re.findall(r"Verification code: (\w+)", bodies)[-1])

        shell = GuideShell(folder, environment, read_mail)
        yield shell
        shell.interrupt_all()


@pytest.mark.long
@pytest.mark.xdist_group("guides")
@pytest.mark.parametrize("page", [page for page in PAGES if "" not in EXCEPTED.get(page, {})])
def test_every_command_of_a_page_runs_on_the_demo_organization(page: str, shell: GuideShell) -> None:
    for command in list_commands(find_page(page)):
        if find_exception(page, command) is not None:
            continue
        shown = next((shown for begin, shown in WAITS.items() if command.startswith(begin)), None)
        if shown is not None:
            shell.leave_waiting(command, shown)
            continue
        status, text = shell.run(command.replace("/media/copy", f"{shell.folder}/.local/share/rootkeeper"))
        expected = {STATUSES[command]} if command in STATUSES else {0, 1}
        assert status in expected, f"$ {command}\nexit {status}\n{text}"
    shell.interrupt_all()


def list_verbs(page: str) -> list[str]:
    """List the subcommands that a page's blocks use, each once, in order."""
    calls = [call for command in list_commands(find_page(page)) for call in list_program_calls(command)]
    return list(dict.fromkeys(call[0] for call in calls))


def test_readme_and_guide_give_the_same_order() -> None:
    readme = [verb for verb in list_verbs("README") if verb != "demo"]
    guide = [verb for verb in list_verbs("first-audit") if verb in readme]
    assert readme == guide
    assert readme.index("preflight") < readme.index("enable") < readme.index("audit")


def test_a_small_organization_needs_five_commands_in_that_order() -> None:
    assert list_verbs("small-organization") == ["preflight", "enable", "audit", "delete", "report"]
    assert len(list_commands(find_page("small-organization"))) == 5
