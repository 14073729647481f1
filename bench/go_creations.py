"""Creates thousands of organizational units and roles by the AWS SDK for Go and Terraform, and counts repetitions.

Twenty calls are in flight, and twenty other processes keep the processor busy, so that a client's threads are stopped
at every point. The clients repeat calls by their defaults; a creation that is sent twice is refused. What was sent
is counted from the sandbox's own record of requests. Terraform creates its resources in folders of at most 500, one
after the other.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from measuring.sandboxes import Sandbox, run_sandbox
from measuring.surroundings import describe_surroundings
from measuring.tables import render_table

REPOSITORY = Path(__file__).resolve().parent.parent
GO_CLIENT = REPOSITORY / "tests" / "e2e" / "go"
CREATIONS = ("CreateOrganizationalUnit", "CreateRole")
IN_FLIGHT = 20
MOST_IN_FOLDER = 500
UNITS_OF = 3
"""Every third creation of Terraform is an organizational unit; an organization has at most 2,000."""
BUSY = "while True: pass"
CODE = """
terraform {{
  required_providers {{
    aws = {{ source = "hashicorp/aws" }}
  }}
}}
provider "aws" {{}}
data "aws_organizations_organization" "current" {{}}
resource "aws_organizations_organizational_unit" "new" {{
  count     = {units}
  name      = "{name}-${{count.index}}"
  parent_id = data.aws_organizations_organization.current.roots[0].id
}}
resource "aws_iam_role" "new" {{
  count = {roles}
  name  = "{name}-${{count.index}}"
  assume_role_policy = jsonencode({{
    Version   = "2012-10-17"
    Statement = [for number in range(30) : {{
      Sid = "Example${{number}}", Effect = "Allow", Principal = {{ AWS = "*" }}, Action = "sts:AssumeRole"
    }}]
  }})
}}
"""


@dataclass(frozen=True, slots=True)
class Round:
    """The creations of one client."""

    client: str
    wanted: int
    received: int
    """By the sandbox."""
    refused: Counter[str]
    """By the error's code."""
    seconds: float
    load: float
    """Of the machine at the end, processes that run or wait to run."""

    @property
    def twice(self) -> int:
        return self.received - self.wanted


def main() -> int:
    options = read_options()
    print(f"{describe_surroundings()}\n", flush=True)
    rounds = []
    with tempfile.TemporaryDirectory(prefix="rootkeeper-creations-") as folder:
        by_sdk = partial(create_by_sdk, options.go, folder=Path(folder))
        by_terraform = partial(create_by_terraform, options.terraform, folder=Path(folder))
        clients: list[tuple[str, str, int, Callable[[Sandbox], None]]] = [
            ("AWS SDK for Go", "go", options.go, by_sdk),
            ("Terraform", "terraform", options.terraform, by_terraform),
        ]
        for client, program, count, create in clients:
            if shutil.which(program) is None:
                print(f"SKIPPED: {client}, since {program} isn't installed.")
            elif count:
                with run_sandbox() as sandbox, keep_busy(options.busy, options.nice):
                    rounds.append(measure(sandbox, client, count, create))
    head = ("client", "creations", "received", "sent twice", "refused", "minutes", "load")
    print(render_table(head, [render_round(one) for one in rounds]))
    return 0 if all(one.twice == 0 and not one.refused for one in rounds) else 1


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, epilog="Ends with 1 if a creation was sent twice or refused.")
    parser.add_argument("--go", type=int, default=5000, metavar="N", help="creations by the AWS SDK for Go")
    parser.add_argument("--terraform", type=int, default=100, metavar="N", help="creations by Terraform")
    parser.add_argument("--busy", type=int, default=20, metavar="N", help="processes that keep the processor busy")
    parser.add_argument("--nice", type=int, default=0, metavar="N", help="of these processes; 10 shortens a long run")
    return parser.parse_args()


@contextmanager
def keep_busy(count: int, niceness: int) -> Iterator[None]:
    command = ["nice", "-n", str(niceness), sys.executable, "-c", BUSY]
    processes = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def measure(sandbox: Sandbox, client: str, count: int, create: Callable[[Sandbox], None]) -> Round:
    since, started = sandbox.last_request_number(), time.monotonic()
    create(sandbox)
    seconds = time.monotonic() - started
    received = [request for request in sandbox.requests(since) if request["operation"] in CREATIONS]
    refused = Counter(request["error_code"] for request in received if request["error_code"])
    return Round(client, count, len(received), refused, seconds, os.getloadavg()[0])


def create_by_sdk(count: int, sandbox: Sandbox, folder: Path) -> None:
    program, environment = folder / "story", sandbox.environment()
    build = ["go", "build", "-o", str(program), "."]
    subprocess.run(build, cwd=GO_CLIENT, env=environment | {"GOTOOLCHAIN": "local"}, check=True)
    keys = {"AccessKeyId": environment["AWS_ACCESS_KEY_ID"], "SecretAccessKey": environment["AWS_SECRET_ACCESS_KEY"]}
    given = json.dumps({"credentials": keys, "count": count, "inFlight": IN_FLIGHT})
    done = subprocess.run(
        [str(program), "creates"], input=given, stdout=subprocess.PIPE, text=True, env=environment, check=True
    )
    for error in json.loads(done.stdout)["errors"]:
        print(error, file=sys.stderr)


def create_by_terraform(count: int, sandbox: Sandbox, folder: Path) -> None:
    environment = sandbox.environment() | {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
    for number, begin in enumerate(range(0, count, MOST_IN_FOLDER)):
        part = min(MOST_IN_FOLDER, count - begin)
        own = folder / f"terraform-{number}"
        own.mkdir()
        code = CODE.format(name=f"new-{number}", units=part // UNITS_OF, roles=part - part // UNITS_OF)
        (own / "main.tf").write_text(code, encoding="utf-8")
        for command in (["init"], ["apply", "-auto-approve", f"-parallelism={IN_FLIGHT}"]):
            line = ["terraform", *command, "-no-color"]
            done = subprocess.run(line, cwd=own, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                print(done.stderr, file=sys.stderr)
            if done.returncode and command == ["init"]:
                raise RuntimeError(
                    "Terraform has no AWS provider here; TF_CLI_CONFIG_FILE can name a folder that has it."
                )
        print(f"Terraform: {begin + part} of {count}", file=sys.stderr, flush=True)
        shutil.rmtree(own)


def render_round(one: Round) -> tuple[str, ...]:
    refused = ", ".join(f"{code} {count}" for code, count in sorted(one.refused.items())) or "none"
    return (
        one.client,
        f"{one.wanted:,}",
        f"{one.received:,}",
        f"{one.twice:,}",
        refused,
        f"{one.seconds / 60:.1f}",
        f"{one.load:.0f}",
    )


if __name__ == "__main__":
    sys.exit(main())
