"""``rootkeeper demo``: a sandbox, a server and a console with a user of each role; or the main job in the terminal.

Everything is in a temporary folder. The AWS settings and the database of the person who runs it aren't read.
"""

from __future__ import annotations

import os
import select
import shlex
import shutil
import sys
import tempfile
import time
import webbrowser
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

from click import IntRange

from rootkeeper.cli.demo_processes import DemoServer, SandboxProcess, choose_port
from rootkeeper.cli.demo_story import DELEGATE, STORY, DemoPlayer, title
from rootkeeper.cli.invocation import Invocation, command
from rootkeeper.cli.outputs import ExitStatus, option
from rootkeeper.cli.terminal import Terminal
from rootkeeper.demo.story import DEMO_USERS, PASSWORD, count_seconds_left, list_codes
from rootkeeper.errors import InputError
from rootkeeper.installation import require_extra
from rootkeeper.settings.organizations import add_table
from rootkeeper.settings.reading import SQLITE_PREFIX

USUAL_PORT = 8700
USUAL_SANDBOX_PORT = 4599
_LARGEST_PORT = 65535
_MOST_ORGANIZATIONS = 5
_NAMES = ("main", "shop", "bank", "labs", "games")
_ACCOUNTS = 20
"""Of each further organization."""
_STORY = "The Overview page leads through the demo."
_SEVERAL = "The first page lists the organizations; the menu at the top switches."
_LOOK_SECONDS = 1.0
"""How often it checks that the server still runs."""


def demo(
    invocation: Invocation,
    *,
    check: Annotated[bool, option("--check", "Play the main job in the terminal and check each step.")] = False,
    codes: Annotated[bool, option("--codes", "Print the current codes of a running demo's second factors.")] = False,
    port: Annotated[
        int | None,
        option(
            "--port PORT",
            f"The server's port. Default: {USUAL_PORT}, or a free port if it is taken.",
            type=IntRange(1, _LARGEST_PORT),
        ),
    ] = None,
    organizations: Annotated[
        int,
        option(
            "--organizations NUMBER",
            "Start so many organizations behind one server, without the guided story.",
            type=IntRange(1, _MOST_ORGANIZATIONS),
        ),
    ] = 1,
    no_browser: Annotated[bool, option("--no-browser", "Don't open the console in a browser.")] = False,
    sandbox_port: Annotated[
        int | None,
        option(
            "--sandbox-port PORT",
            f"The sandbox's port. Default: {USUAL_SANDBOX_PORT}, or a free port if it is taken.",
            type=IntRange(1, _LARGEST_PORT),
        ),
    ] = None,
) -> int:
    """Try the console on a sandbox, with a guided story.

    Starts an AWS organization on localhost, a server with its console, and a user of each role, and opens the console
    if this machine has a display. The variable BROWSER chooses the browser. The Overview page leads through the main
    job: enable, audit, delete, recover, close, and the access that remains without Identity Center. A page of the
    sandbox shows the users with the current codes of their second factors; press Enter for the codes in the terminal.
    The server watches root events. The demo runs until Ctrl-C, and then everything is deleted.

    With --organizations 3 it starts three organizations, each with a sandbox, and one server. Each user has the same
    role in all of them.

    With --check it plays the same story in the terminal: status, enable, audit, delete one organizational unit, audit
    again, recover, close. It shows each command before its output, and checks each step against the sandbox's state.

    Changes: nothing outside the sandbox. Your AWS profiles, credentials and database aren't read.

    AWS permissions: none.

    Exit statuses: 0 ended, and every check passed; 1 a check failed; 2 wrong usage; 130 interrupted.
    """
    require_extra("server")
    terminal = invocation.terminal
    if codes:
        show_codes(terminal)
        return ExitStatus.GOOD
    taken, server_port = choose_port(sandbox_port, USUAL_SANDBOX_PORT), choose_port(port, USUAL_PORT, "--port")
    with tempfile.TemporaryDirectory(prefix="rootkeeper-demo-") as folder, ExitStack() as processes:
        with _timing(terminal, f"Starting a sandbox with the demo organization on port {taken}"):
            sandbox = processes.enter_context(SandboxProcess(taken, "--scenario", "demo"))
        settings = choose_settings(sandbox, Path(folder))
        if check:
            failures = DemoPlayer(sandbox, settings, terminal).play(STORY)
            return ExitStatus.BAD if failures else ExitStatus.GOOD
        config = None
        if organizations > 1:
            with _timing(terminal, f"Starting {organizations - 1} further organizations"):
                settings, config = _start_others(sandbox, organizations, Path(folder), processes)
        else:
            settings |= make_server_settings(sandbox)
        server = DemoServer(server_port, settings, Path(folder), config)
        sandbox.report_sign_ins(server.url, DELEGATE)
        with _timing(terminal, f"Starting a server with its console on port {server.port}"):
            processes.enter_context(server)
        _show(terminal, sandbox, server, is_single=config is None)
        if not no_browser and terminal.shows_output and has_display(os.environ, sys.platform):
            webbrowser.open(server.url)
        try:
            _answer_until_ended(terminal, server)
        except KeyboardInterrupt:
            terminal.remark("Ending the demo.")
    return ExitStatus.GOOD


@contextmanager
def _timing(terminal: Terminal, step: str) -> Iterator[None]:
    """Show a step, and how long it took behind it."""
    terminal.write(f"{step} … ")
    terminal.finish()
    began_at = time.monotonic()
    try:
        yield
    except BaseException:
        terminal.write("\n")
        raise
    terminal.write(f"{time.monotonic() - began_at:.1f} s\n")


def has_display(environment: Mapping[str, str], platform: str) -> bool:
    """Whether a browser opens where the user sees it: not in CI, nor over SSH without a display."""
    if environment.get("CI"):
        return False
    if platform in ("darwin", "win32"):
        return not environment.get("SSH_CONNECTION")
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def make_server_settings(sandbox: SandboxProcess) -> dict[str, str]:
    """Make the settings of a server that watches the sandbox's root events and judges its root e-mail addresses."""
    return {
        "ROOTKEEPER_WATCHING_SOURCE": f"sqs:{sandbox.url}/{DELEGATE}/rootkeeper-root-events",
        "ROOTKEEPER_EMAILS_ALLOWED_DOMAINS": "example.com",
        "ROOTKEEPER_EMAILS_GROUPS": "aws@example.com",
    }


def choose_settings(sandbox: SandboxProcess, folder: Path) -> dict[str, str]:
    """The environment of a process that works on the sandbox."""
    principal = sandbox.find_principal("management-admin")
    return {
        "AWS_ENDPOINT_URL": sandbox.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": principal["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": principal["secret_access_key"],
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "ROOTKEEPER_DATABASE_URL": f"{SQLITE_PREFIX}{folder / 'rootkeeper.db'}",
    }


def show_codes(terminal: Terminal) -> None:
    """Print the code of each second factor."""
    now = time.time()
    for name, code in list_codes(now):
        terminal.show(f"  {code}  {name}")
    terminal.show(f"  Valid for {count_seconds_left(now)} more seconds; each works once.")


def _start_others(first: SandboxProcess, count: int, folder: Path, processes: ExitStack) -> tuple[dict[str, str], Path]:
    """Start a sandbox for each further organization; return the settings of the server and the settings file."""
    names = _NAMES[:count]
    sandboxes = {names[0]: first}
    for seed, name in enumerate(names[1:], start=2):
        options = ("--accounts", str(_ACCOUNTS), "--seed", str(seed), "--features", "all")
        sandboxes[name] = processes.enter_context(SandboxProcess(choose_port(None, USUAL_SANDBOX_PORT), *options))
    config, aws, profiles = folder / "settings.toml", folder / "aws", ""
    for name, sandbox in sandboxes.items():
        principal = sandbox.find_principal("management-admin")
        profiles += (
            f"[profile {name}]\nendpoint_url = {sandbox.url}\nregion = us-east-1\n"
            f"aws_access_key_id = {principal['access_key_id']}\n"
            f"aws_secret_access_key = {principal['secret_access_key']}\n"
        )
        add_table(config, name, sandbox.read_organization()["organization_id"], {"profile": name})
    aws.touch(mode=0o600)
    aws.write_text(profiles, encoding="utf-8")
    return {
        "AWS_CONFIG_FILE": str(aws),
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "ROOTKEEPER_DATABASE_URL": f"{SQLITE_PREFIX}{folder / 'rootkeeper.db'}",
    }, config


def _show(terminal: Terminal, sandbox: SandboxProcess, server: DemoServer, *, is_single: bool) -> None:
    program = render_program(Path(sys.executable).with_name("rootkeeper"))
    users = ", ".join(f"{user.name} ({user.role.value})" for user in DEMO_USERS)
    terminal.show(
        title(f"Open {server.url} and sign in. {_STORY if is_single else _SEVERAL}"),
        f"Users, all with the password {PASSWORD!r}: {users}",
        f"Codes of their second factors, and the failsafe's password: {sandbox.url}/codes",
        f"In another terminal: {render_shell_commands(program, sandbox.port)}",
        f"The server's log: {server.log}",
        "Press Enter for the codes here. Ctrl-C ends the demo and deletes everything.",
    )


def render_program(script: Path) -> str:
    """Render how another terminal starts this program; its script may not be on the PATH there."""
    on_path = shutil.which(script.name)
    if on_path is not None and script.exists() and script.samefile(on_path):
        return script.name
    return shlex.quote(str(script)) if script.exists() else f"{shlex.quote(sys.executable)} -m rootkeeper"


def render_shell_commands(program: str, sandbox_port: int) -> str:
    """Render the shell commands that look at the sandbox on that port."""
    option = "" if sandbox_port == USUAL_SANDBOX_PORT else f" --port {sandbox_port}"
    return f'eval "$({program} sandbox env{option})" && {program} status'


def _answer_until_ended(terminal: Terminal, server: DemoServer) -> None:
    """:raises InputError: if the server ended by itself."""
    heard = [sys.stdin]
    while not server.has_ended():
        if select.select(heard, [], [], _LOOK_SECONDS)[0]:
            if sys.stdin.readline():
                show_codes(terminal)
            else:
                heard.clear()  # at the end of input, select always reports data
    raise InputError(f"The server ended unexpectedly: {server.read_last_words()}")


application = command(demo)
