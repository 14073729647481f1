"""An answer comes whole: its first bytes bring all of it, compressed where it is long and the client takes that."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from rootkeeper_sandbox.whole_answers import ONE_READ_BYTES
from tests.sandbox.wire import Keys, build_request, sign
from tests.sandbox_process import SandboxProcess

SECONDS = 30.0
TIMES = 20
"""How often a call is made: an answer in two parts now and then comes at once."""
LONG_POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": f"s3:*{n}", "Resource": "*"} for n in range(75)],
    }
)


@dataclass(frozen=True)
class FirstRead:
    """What one read after a call brings."""

    head: bytes
    body: bytes

    @property
    def announced_bytes(self) -> int:
        lines = dict(line.split(b": ", 1) for line in self.head.split(b"\r\n")[1:])
        return int(lines[b"content-length"])


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess.start("--features", "all") as process:
        yield process


def read_once(sandbox: SandboxProcess, encoding: str, operation: str, **parameters: Any) -> FirstRead:
    """Call Organizations as Go's transport does, head first, and read once."""
    found = sandbox.principals()["management-admin"]
    request = build_request("organizations", operation, parameters)
    request.headers |= {"host": sandbox.address, "content-length": str(len(request.body))}
    sign(request, "organizations", Keys(found.access_key_id, found.secret_access_key))
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    head = "\r\n".join(
        (f"{request.method} {request.raw_path} HTTP/1.1", *lines, f"accept-encoding: {encoding}", "", "")
    )
    host, _, port = sandbox.address.partition(":")
    with closing(socket.create_connection((host, int(port)), timeout=SECONDS)) as connection:
        connection.sendall(head.encode())
        connection.sendall(request.body)
        head_read, _, body = connection.recv(1 << 20).partition(b"\r\n\r\n")
    return FirstRead(head_read, body)


def create_policy(sandbox: SandboxProcess, encoding: str, name: str) -> FirstRead:
    given = {"Name": name, "Description": "", "Type": "SERVICE_CONTROL_POLICY", "Content": LONG_POLICY}
    return read_once(sandbox, encoding, "CreatePolicy", **given)


def test_the_first_read_brings_head_and_body(sandbox: SandboxProcess) -> None:
    reads = [read_once(sandbox, "identity", "DescribeOrganization") for _ in range(TIMES)]
    assert [len(read.body) for read in reads] == [read.announced_bytes for read in reads]
    assert all(b"content-encoding" not in read.head for read in reads)


def test_a_refusal_comes_whole_too(sandbox: SandboxProcess) -> None:
    reads = [read_once(sandbox, "gzip", "DescribePolicy", PolicyId="p-examplenone") for _ in range(TIMES)]
    assert all(json.loads(read.body)["__type"] == "PolicyNotFoundException" for read in reads)


def test_a_long_answer_is_compressed_into_what_go_reads_at_once(sandbox: SandboxProcess) -> None:
    read = create_policy(sandbox, "gzip", "compressed")
    assert b"content-encoding: gzip" in read.head
    answered = gzip.decompress(read.body)
    assert json.loads(answered)["Policy"]["Content"] == LONG_POLICY
    assert len(answered) > ONE_READ_BYTES
    assert len(read.head) + len(read.body) < ONE_READ_BYTES


def test_a_long_answer_stays_as_it_is_for_a_client_that_takes_no_other(sandbox: SandboxProcess) -> None:
    read = create_policy(sandbox, "identity", "plain")
    assert b"content-encoding" not in read.head
    assert json.loads(read.body)["Policy"]["Content"] == LONG_POLICY
