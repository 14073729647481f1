"""The real Terraform with the real AWS provider, from a folder of this machine, against a sandbox."""

from __future__ import annotations

import json
import os
import platform
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

PROVIDER = Path("registry.terraform.io/hashicorp/aws")
SECONDS = 500
_USUAL_FOLDERS = ("/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@cache
def find_plugins() -> Path:
    """Find the folder of plugins that has the AWS provider for this machine, or skip the test and say why."""
    if shutil.which("terraform") is None:
        pytest.skip("Terraform isn't installed: its code can't be applied")
    machine = f"{platform.system().lower()}_{_ARCHITECTURES.get(platform.machine(), platform.machine())}"
    own = Path(pwd.getpwuid(os.getuid()).pw_dir) / ".terraform.d" / "plugins"
    for folder in (own, *map(Path, _USUAL_FOLDERS), *sorted(Path("/opt").glob("*/"))):
        if any((folder / PROVIDER).glob(f"*/{machine}/terraform-provider-aws_*")):
            return folder
    pytest.skip(f"Terraform's AWS provider for {machine} isn't in a folder of plugins: its code can't be applied")


def write_settings(folder: Path, plugins: Path) -> Path:
    """Write Terraform's own settings, by which it takes providers from a folder and asks no registry."""
    settings = folder / "terraform.rc"
    settings.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{plugins}"\n  }}\n}}\n')
    return settings


@dataclass(frozen=True, slots=True)
class Terraform:
    """Terraform in a folder of its own; what it needs beside the code comes from the environment."""

    folder: Path
    environment: Mapping[str, str]

    @classmethod
    def start(cls, folder: Path, code: str, environment: Mapping[str, str]) -> Terraform:
        """Initialize a new folder for ``code``."""
        folder.mkdir()
        (folder / "main.tf").write_text(code)
        return cls.open(folder, environment)

    @classmethod
    def open(cls, folder: Path, environment: Mapping[str, str]) -> Terraform:
        """Initialize a folder that has code."""
        settings = write_settings(folder, find_plugins())
        own = {
            "CHECKPOINT_DISABLE": "1",
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
            "TF_CLI_CONFIG_FILE": str(settings),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
        }
        made = cls(folder, {**own, **environment})
        made.run("init")
        return made

    def write(self, code: str) -> None:
        (self.folder / "main.tf").write_text(code)

    def run(self, *arguments: str, statuses: tuple[int, ...] = (0,)) -> str:
        """Run a command, and give what it printed."""
        done = subprocess.run(
            ["terraform", *arguments, "-no-color"],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode in statuses, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return f"{done.stdout}\n{done.stderr}"

    def apply(self) -> None:
        self.run("apply", "-auto-approve")

    def require_no_change(self) -> None:
        """Check that a plan is empty; exit status 2 would be one that isn't."""
        self.run("plan", "-detailed-exitcode")

    def destroy(self) -> None:
        """Destroy everything, and check that nothing is left in Terraform's state."""
        self.run("destroy", "-auto-approve")
        assert self.resources() == []

    def resources(self) -> list[str]:
        """The addresses in Terraform's state, data sources aside."""
        state: dict[str, Any] = json.loads((self.folder / "terraform.tfstate").read_text())
        return sorted(f"{one['type']}.{one['name']}" for one in state["resources"] if one["mode"] == "managed")
