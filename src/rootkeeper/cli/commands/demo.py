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
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from rootkeeper.cli.demo_processes import (
    PASSWORD,
    PEOPLE,
    DemoServer,
    SandboxProcess,
    choose_port,
    count_seconds_left,
    list_codes,
)
from rootkeeper.cli.demo_story import STORY, DemoPlayer, title
from rootkeeper.cli.invocation import Invocation, single
from rootkeeper.cli.outputs import ExitStatus, option
from rootkeeper.cli.terminal import Terminal
from rootkeeper.errors import InputError
from rootkeeper.installation import require_extra
from rootkeeper.settings.reading import SQLITE_PREFIX

USUAL_PORT = 8700
USUAL_SANDBOX_PORT = 4599
_LARGEST_PORT = 65535
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
            f"The server's port. Default: {USUAL_PORT}, or a free one if it is taken.",
            min=1,
            max=_LARGEST_PORT,
        ),
    ] = None,
    sandbox_port: Annotated[
        int | None,
        option(
            "--sandbox-port PORT",
            f"The sandbox's port. Default: {USUAL_SANDBOX_PORT}, or a free one if it is taken.",
            min=1,
            max=_LARGEST_PORT,
        ),
    ] = None,
) -> int:
    """Try the console on a sandbox, with a guided story.

    Starts an AWS organization on localhost, a server with its console, and a user of each role, and prints where to
    sign in. The Overview page leads through the main job: enable, audit, delete, recover, close, and the access that
    remains without Identity Center. Press Enter for the current codes of the second factors. It runs until Ctrl-C, and
    then everything is deleted.

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
    taken = choose_port(sandbox_port, USUAL_SANDBOX_PORT)
    with tempfile.TemporaryDirectory(prefix="rootkeeper-demo-") as folder:
        terminal.show(title(f"Starting a sandbox with the demo organization on 127.0.0.1:{taken} …"))
        sys.stdout.flush()
        with SandboxProcess(taken, "--scenario", "demo") as sandbox:
            settings = choose_settings(sandbox, Path(folder))
            if check:
                failures = DemoPlayer(sandbox, settings, terminal).play(STORY)
                return ExitStatus.BAD if failures else ExitStatus.GOOD
            return _serve(terminal, sandbox, settings, Path(folder), choose_port(port, USUAL_PORT, "--port"))


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
    sys.stdout.flush()


def _serve(terminal: Terminal, sandbox: SandboxProcess, settings: Mapping[str, str], folder: Path, port: int) -> int:
    terminal.show(title(f"Starting a server with its console on 127.0.0.1:{port} …"))
    sys.stdout.flush()
    with DemoServer(port, settings, folder) as server:
        _show(terminal, sandbox, server)
        try:
            _answer_until_ended(terminal, server)
        except KeyboardInterrupt:
            terminal.remark("Ending the demo.")
    return ExitStatus.GOOD


def _show(terminal: Terminal, sandbox: SandboxProcess, server: DemoServer) -> None:
    from rich.table import Table

    people = Table("User", "Role", "Does")
    for person in PEOPLE:
        people.add_row(person.name, person.role.value, person.does)
    program = render_program(Path(sys.executable).with_name("rootkeeper"))
    terminal.show(
        "",
        title(f"Open {server.url}/ and sign in."),
        f"Password of every user: {PASSWORD}",
        people,
        f"The sandbox's pages, for root users and their e-mails: {sandbox.url}/",
        "The command line on this sandbox, in another terminal:",
        f"  {render_shell_commands(program, sandbox.port)}",
        f"The server's log: {server.log}",
        "",
        f"Press Enter for the codes of the second factors, or run: {program} demo --codes\nCtrl-C ends the demo.",
    )
    show_codes(terminal)


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


application = single(demo)
