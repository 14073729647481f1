"""Makes the pictures of the README from the program's real output.

A sandbox with the demo organization is started, the commands are run on a pseudo-terminal, and what they print is drawn
as SVG. Run it by ``make docs``. Times and window ids differ from run to run; everything else is the same.
"""

from __future__ import annotations

import io
import json
import os
import pty
import re
import socket
import subprocess
import sys
import tempfile
import termios
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

PICTURES = Path(__file__).resolve().parent
ROOTKEEPER = str(Path(sys.executable).with_name("rootkeeper"))
WIDTH = 112
FONT_FACES = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""They would fetch fonts from elsewhere; every system has a monospaced one."""
DELEGATE = "222233334444"
RECOVERED = "800090001000"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, run_sandbox() as url:
        environment = make_environment(url, Path(folder))
        draw("status", environment, ["status"])
        draw("enable", environment, ["enable", "--delegated-administrator", DELEGATE, "--yes"])
        draw("audit", environment, ["audit"])
        draw("delete", environment, ["delete", "--ou", "AnyCompany", "--yes"])
        draw("recover", environment, ["recover", RECOVERED, *RECOVERY], with_remarks=True)


RECOVERY = ("--reason", "Register as a seller", "--ticket", "OPS-1234", "--for", "10s", "--yes")


@contextmanager
def run_sandbox() -> Iterator[str]:
    command = [sys.executable, "-m", "rootkeeper_sandbox", "--port", "0", "--scenario", "demo", "--exit-with-parent"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[1]
    finally:
        process.terminate()
        process.wait(timeout=10)


def ask(url: str, path: str) -> Any:
    with urllib.request.urlopen(f"{url}/_sandbox/{path}", timeout=10) as answer:  # noqa: S310 - the sandbox's address
        return json.load(answer)


def make_environment(url: str, folder: Path) -> dict[str, str]:
    principals = ask(url, "principals")
    administrator = next(entry for entry in principals if entry["name"] == "management-admin")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TERM": "xterm-256color",
        "COLUMNS": str(WIDTH),
        "USER": "operator",
        "LOGNAME": "operator",
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": administrator["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": administrator["secret_access_key"],
        "ROOTKEEPER_DATABASE_URL": f"sqlite:///{folder}/rootkeeper.db",
    }


def draw(name: str, environment: Mapping[str, str], arguments: Sequence[str], *, with_remarks: bool = False) -> None:
    """Run one command and draw what it printed."""
    output, remarks = run_on_terminal([ROOTKEEPER, *arguments], environment)
    shown = " ".join(f'"{argument}"' if " " in argument else argument for argument in arguments)
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.assemble(("$ ", "dim"), (f"rootkeeper {shown}", "bold")), soft_wrap=True)
    if with_remarks:
        console.print(Text.from_ansi(remarks.strip("\n")))
    console.print(Text.from_ansi(output.strip("\n")))
    drawn = FONT_FACES.sub("", console.export_svg(title="rootkeeper", unique_id=f"rootkeeper-{name}"))
    (PICTURES / f"{name}.svg").write_text("\n".join(line.rstrip() for line in drawn.splitlines()) + "\n")
    print(f"docs/pictures/{name}.svg")


def run_on_terminal(command: Sequence[str], environment: Mapping[str, str]) -> tuple[str, str]:
    """What the command writes to a terminal on stdout, and to a pipe on stderr."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (50, WIDTH))
    with tempfile.TemporaryFile() as remarks:
        process = subprocess.Popen(
            command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=theirs, stderr=remarks
        )
        os.close(theirs)
        written = b"".join(read_to_the_end(ours))
        os.close(ours)
        remarks.seek(0)
        said = remarks.read().decode()
        if process.wait() not in (0, 1):
            raise RuntimeError(f"{command} ended with {process.returncode}: {said}")
    return anonymize(written.decode().replace("\r\n", "\n")), anonymize(said)


def anonymize(text: str) -> str:
    """Pictures name no real machine, and the sandbox's usual port."""
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:4599", text.replace(f"@{socket.gethostname()}", "@laptop"))


def read_to_the_end(terminal: int) -> Iterator[bytes]:
    """A pseudo-terminal whose other side is closed ends with an error on Linux."""
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:
            return
        if not chunk:
            return
        yield chunk


if __name__ == "__main__":
    main()
