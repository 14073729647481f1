"""Organizations for one settings file: a sandbox for each, of which some can be put out of order."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from measuring.sandboxes import Sandbox, run_sandbox

HANGING, THROTTLED_PER_SECOND = 2, 1.0
CALL_SECONDS = 10
"""How long Rootkeeper waits for an organization that hangs."""


class OrganizationStage:
    """Sandboxes, and a settings file with an organization for each."""

    def __init__(self, sandboxes: Sequence[Sandbox], folder: Path) -> None:
        self.sandboxes = {f"o{number:02}": sandbox for number, sandbox in enumerate(sandboxes)}
        self.folder = folder
        self.config = folder / "settings.toml"
        profiles, tables = "", ""
        for name, sandbox in self.sandboxes.items():
            found = sandbox.environment()
            profiles += (
                f"[profile {name}]\nendpoint_url = {sandbox.url}\nregion = us-east-1\n"
                f"aws_access_key_id = {found['AWS_ACCESS_KEY_ID']}\n"
                f"aws_secret_access_key = {found['AWS_SECRET_ACCESS_KEY']}\n"
            )
            organization_id = sandbox.ask("organization")["organization_id"]
            tables += f'[organizations.{name}]\nid = "{organization_id}"\naws.profile = "{name}"\n'
        (folder / "aws").write_text(profiles, encoding="utf-8")
        self.config.write_text(tables, encoding="utf-8")
        kept = {key: value for key, value in found.items() if not key.startswith("AWS_")}
        self.environment = kept | {
            "AWS_CONFIG_FILE": str(folder / "aws"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "ROOTKEEPER_AWS_CALL_TIMEOUT_SECONDS": str(CALL_SECONDS),
            "ROOTKEEPER_AWS_READ_TIMEOUT_SECONDS": str(CALL_SECONDS),
        }

    def place_data(self, folder: str) -> dict[str, str]:
        """Return the variables of new databases."""
        return {"ROOTKEEPER_DATABASE_URL": f"sqlite:///{folder}/rootkeeper.db", "XDG_STATE_HOME": folder}

    def read_cpu(self) -> float:
        """CPU seconds of all sandboxes."""
        return sum(sum(psutil.Process(one.process_id).cpu_times()[:2]) for one in self.sandboxes.values())

    @contextmanager
    def out_of_order(self) -> Iterator[tuple[str, ...]]:
        """Let the last organizations hang, and one before them be throttled."""
        names = tuple(self.sandboxes)[-HANGING - 1 :]
        throttled, *hanging = names
        self.sandboxes[throttled].order_rate("sts", "AssumeRoot", THROTTLED_PER_SECOND, 1.0)
        for name in hanging:
            os.kill(self.sandboxes[name].process_id, signal.SIGSTOP)
        try:
            yield names
        finally:
            for name in hanging:
                os.kill(self.sandboxes[name].process_id, signal.SIGCONT)


@contextmanager
def open_organizations(number: int, accounts: int, latency_ms: int) -> Iterator[OrganizationStage]:
    """Start as many sandboxes of so many accounts, with AWS's published rates."""
    size = ("--accounts", str(accounts), "--features", "all")
    pace = ("--latency-ms", str(latency_ms), "--throttle", "aws")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sandboxes = [
            stack.enter_context(run_sandbox(*size, *pace, "--seed", str(seed))) for seed in range(1, number + 1)
        ]
        yield OrganizationStage(sandboxes, folder)
