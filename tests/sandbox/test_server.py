"""The sandbox as a process: how it starts and ends, what it refuses, and real clients over real HTTP."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Thread
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError

from rootkeeper_sandbox.exchange import is_loopback
from rootkeeper_sandbox.server import MAX_BODY_BYTES
from tests.ports import reserved_port
from tests.sandbox.command import run_command
from tests.sandbox.wire import Keys, build_request, sign

COMMAND = [sys.executable, "-m", "rootkeeper_sandbox"]
MEMBER = "555566667777"
TASK_POLICIES = "arn:aws:iam::aws:policy/root-task/"


@contextmanager
def running(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A sandbox on any free port, and where it is."""
    command = [*COMMAND, "--port", "0", "--exit-with-parent", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process, wait_until_ready(process)
        finally:
            process.terminate()


def wait_until_ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    ready, _, url = process.stdout.readline().strip().partition(" ")
    assert ready == "READY"
    return url


def ask(url: str, method: str, path: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}/_sandbox/{path}", data, method=method)  # noqa: S310 - the sandbox's address
    with urllib.request.urlopen(request, timeout=60) as answered:  # noqa: S310 - the sandbox's address
        return json.load(answered)


def client(url: str, service: str, name: str = "management-admin", session: dict[str, str] | None = None) -> Any:
    principal = next(one for one in ask(url, "GET", "principals") if one["name"] == name)
    keys = session or {
        "aws_access_key_id": principal["access_key_id"],
        "aws_secret_access_key": principal["secret_access_key"],
    }
    config = Config(retries={"total_max_attempts": 1}, read_timeout=60)
    return boto3.client(service, region_name="us-east-1", endpoint_url=url, config=config, **keys)


def root_session(url: str, task: str) -> dict[str, str]:
    task_policy = {"arn": TASK_POLICIES + task}
    given = client(url, "sts").assume_root(TargetPrincipal=MEMBER, TaskPolicyArn=task_policy)["Credentials"]
    return {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }


@pytest.fixture(scope="module")
def shared_url() -> Iterator[str]:
    with running("--features", "all") as (_, url):
        yield url


@pytest.fixture
def url(shared_url: str) -> str:
    ask(shared_url, "POST", "reset")
    return shared_url


def talk(url: str, *parts: bytes, pause: float = 0.0) -> bytes:
    """Speak to the server without any HTTP client; gives all that it says until it closes or pauses."""
    host, _, port = url.removeprefix("http://").partition(":")
    with closing(socket.create_connection((host, int(port)), timeout=60)) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        said = b""
        while b"\r\n\r\n" not in said or not said.endswith((b"</ErrorResponse>", b"</Error>")):
            chunk = connection.recv(65_536)
            if not chunk:
                break
            said += chunk
        return said


def test_boto3_lives_the_story_of_one_account(url: str) -> None:
    root = client(url, "iam", session=root_session(url, "IAMAuditRootUserCredentials"))
    assert root.get_account_summary()["SummaryMap"]["AccountPasswordPresent"] == 1
    root = client(url, "iam", session=root_session(url, "IAMDeleteRootUserCredentials"))
    root.delete_login_profile()
    with pytest.raises(root.exceptions.NoSuchEntityException):
        root.get_login_profile()
    root = client(url, "iam", session=root_session(url, "IAMCreateRootUserPassword"))
    assert "UserName" not in root.create_login_profile()["LoginProfile"]
    with pytest.raises(root.exceptions.EntityAlreadyExistsException):
        root.create_login_profile()


def test_boto3_pages_through_the_accounts(url: str) -> None:
    pages = list(client(url, "organizations").get_paginator("list_accounts").paginate())
    accounts = [account["Id"] for page in pages for account in page["Accounts"]]
    assert len(pages) > 1
    assert sorted(accounts) == sorted(account["account_id"] for account in ask(url, "GET", "organization")["accounts"])


def test_the_date_of_answers_follows_the_sandbox_s_clock(url: str) -> None:
    ask(url, "POST", "clock", {"advance_seconds": 86_400 * 40})
    answered = client(url, "sts").get_caller_identity()
    date = time.mktime(time.strptime(answered["ResponseMetadata"]["HTTPHeaders"]["date"], "%a, %d %b %Y %H:%M:%S GMT"))
    assert 86_400 * 39 < date - time.mktime(time.gmtime()) < 86_400 * 41


def test_a_cut_connection_looks_to_a_client_like_one(url: str) -> None:
    session = root_session(url, "IAMDeleteRootUserCredentials")
    ask(url, "POST", "faults", {"operation": "DeleteLoginProfile", "drop": True, "times": 1})
    with pytest.raises(HTTPClientError):
        client(url, "iam", session=session).delete_login_profile()
    with pytest.raises(ClientError, match="NoSuchEntity"):
        client(url, "iam", session=session).delete_login_profile()


def test_every_call_takes_the_latency_asked_for() -> None:
    with running("--latency-ms", "200") as (_, url):
        sts = client(url, "sts")
        started = time.monotonic()
        sts.get_caller_identity()
        assert time.monotonic() - started >= 0.2
        ask(url, "GET", "health")


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nAction=A", b"403"),
        (b"GET /?Action=A HTTP/1.1\r\nHost: x\r\n\r\n", b"403"),
        (b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", b"403"),
        (b"GET /%00%ff HTTP/1.1\r\nHost: x\r\n\r\n", b"403"),
        (b"POST / HTTP/1.1\r\nHost: \xff\xfe\r\nContent-Length: 0\r\n\r\n", b"403"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: \xff/\xff/\xff/\xff/\xff\r\nContent-Length: 0\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nA=B\r\n0\r\n\r\n", b"403"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00", b"400"),
        (b"DANCE / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
    ],
)
def test_odd_requests_get_an_answer_that_is_no_failure(url: str, request_text: bytes, status: bytes) -> None:
    before = ask(url, "GET", "organization")
    said = talk(url, request_text)
    assert said.split()[1] == status
    assert b"<html" not in said.lower()
    assert ask(url, "GET", "organization") == before


def test_a_huge_body_is_refused_and_the_client_hears_it(url: str) -> None:
    size = 100 * MAX_BODY_BYTES
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode()
    said = talk(url, head, *([b"x" * MAX_BODY_BYTES] * 100))
    assert said.split()[1] == b"413"
    assert b"<Code>RequestEntityTooLarge</Code>" in said


def test_a_body_that_never_ends_stops_no_one_else(url: str) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    with closing(socket.create_connection((host, int(port)))) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nAct")
        assert client(url, "sts").get_caller_identity()["Account"] == "111122223333"
    assert client(url, "sts").get_caller_identity()["Account"] == "111122223333"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    with running() as (process, url):
        host, _, port = url.removeprefix("http://").partition(":")
        with closing(socket.create_connection((host, int(port)))):
            process.send_signal(number)
            _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


def test_a_slow_call_does_not_keep_it_from_ending() -> None:
    with running("--latency-ms", "60000") as (process, url):
        host, _, port = url.removeprefix("http://").partition(":")
        with closing(socket.create_connection((host, int(port)))) as connection:
            connection.sendall(signed_call(url))
            time.sleep(0.3)
            process.terminate()
            _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


def signed_call(url: str) -> bytes:
    """The text of a call that is good for 15 minutes."""
    principal = ask(url, "GET", "principals")[0]
    keys = Keys(principal["access_key_id"], principal["secret_access_key"])
    request = sign(build_request("sts", "GetCallerIdentity", {}), "sts", keys)
    headers = request.headers | {"content-length": str(len(request.body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST / HTTP/1.1\r\n{head}\r\n".encode() + request.body


def test_it_ends_with_its_parent() -> None:
    program = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen({[*COMMAND, '--port', '0', '--exit-with-parent']!r}, stdout=subprocess.PIPE)\n"
        "print(child.pid, child.stdout.readline().split()[1].decode(), flush=True)\n"
    )
    parent = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    process_id, url = parent.stdout.split()
    wait_until_gone(int(process_id))
    with pytest.raises(OSError, match="refused"):
        ask(url, "GET", "health")


def wait_until_gone(process_id: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.kill(process_id, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail(f"process {process_id} outlived its parent")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com"])  # noqa: S104 - it must be refused
def test_it_refuses_to_listen_where_others_can_reach_it(host: str) -> None:
    ended = run_command("--host", host, "--port", "0")
    assert ended.returncode == 2
    assert "--insecure-listen" in ended.stderr
    assert ended.stdout == ""


def test_it_warns_when_it_listens_openly_all_the_same() -> None:
    with running("--host", "0.0.0.0", "--insecure-listen") as (process, url):  # noqa: S104 - the point of the test
        assert url.startswith("http://0.0.0.0:")
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert errors.startswith("WARNING: the sandbox listens on 0.0.0.0. Its keys are public")


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("localhost", True), ("::1", True), ("127.evil.example", False)],
)
def test_loopback_is_known_for_what_it_is(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--scenario", "nowhere"], "nowhere"),
        (["--accounts", "1"], "accounts"),
        (["--accounts", "20", "--scenario", "demo"], "not allowed with"),
        (["--features", "some"], "invalid choice"),
        (["--port", "70000"], "is not a port"),
        (["--latency-ms", "-5"], "latency-ms"),
        (["--dance"], "unrecognized arguments"),
    ],
)
def test_options_that_mean_nothing_are_refused(arguments: list[str], complaint: str) -> None:
    ended = run_command("--port", "0", *arguments) if "--port" not in arguments else run_command(*arguments)
    assert ended.returncode == 2
    assert complaint in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_that_is_taken_is_named() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        ended = run_command("--port", str(taken.getsockname()[1]))
    assert ended.returncode == 2
    assert re.search(r"can't listen on 127\.0\.0\.1:\d+: Address already in use\. Choose .* --port;", ended.stderr)


def test_an_organization_of_any_size_can_be_asked_for() -> None:
    with running("--accounts", "30", "--seed", "7", "--features", "sessions") as (_, url):
        truth = ask(url, "GET", "organization")
    assert (len(truth["accounts"]), truth["features"]) == (30, ["RootSessions"])


def test_env_prints_what_a_shell_needs(url: str) -> None:
    ended = run_command("env", "--port", url.rpartition(":")[2], "--principal", "observer")
    principal = next(one for one in ask(url, "GET", "principals") if one["name"] == "observer")
    assert ended.stdout.splitlines() == [
        f"export AWS_ENDPOINT_URL={url}",
        f"export AWS_ACCESS_KEY_ID={principal['access_key_id']}",
        f"export AWS_SECRET_ACCESS_KEY={principal['secret_access_key']}",
        "export AWS_REGION=us-east-1",
        "export AWS_DEFAULT_REGION=us-east-1",
    ]


def test_env_names_the_principals_that_there_are(url: str) -> None:
    ended = run_command("env", "--port", url.rpartition(":")[2], "--principal", "unknown")
    assert ended.returncode == 2
    assert "management-admin" in ended.stderr
    assert ended.stdout == "false\n"


def test_env_says_when_no_sandbox_runs() -> None:
    with reserved_port() as port:
        ended = run_command("env", "--port", str(port))
    assert ended.returncode == 3
    assert f"no sandbox answers at http://127.0.0.1:{port}" in ended.stderr
    assert ended.stdout == "false\n"


def render_answer(status: str, body: str, *headers: str) -> str:
    lines = (f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "Connection: close", "", body)
    return "\r\n".join(lines)


ANSWERS_OF_OTHERS = {
    "a page": render_answer("200 OK", "<h1>It works!</h1>"),
    "nothing of that name": render_answer("404 \x1b[31mNot Found", "{}"),
    "another list": render_answer("200 OK", '[{"name": "management-admin", "arn": "arn:aws:iam::111122223333:root"}]'),
    "an object": render_answer("200 OK", '{"principals": []}'),
    "a number": render_answer("200 OK", "7"),
    "a redirect": render_answer("302 Found", "", "Location: http://127.0.0.1:9/_sandbox/principals"),
    "another protocol": "SSH-2.0-OpenSSH_9.2\r\n",
}


@pytest.mark.parametrize("kind", ANSWERS_OF_OTHERS)
def test_env_refuses_a_listener_that_is_no_sandbox(kind: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        answering = Thread(target=answer_once, args=(listener, ANSWERS_OF_OTHERS[kind].encode()))
        answering.start()
        port = listener.getsockname()[1]
        ended = run_command("env", "--port", str(port))
        answering.join()
    assert (ended.returncode, ended.stdout) == (3, "false\n")
    assert ended.stderr == (
        f"rootkeeper sandbox: the program that listens at http://127.0.0.1:{port} isn't a Rootkeeper sandbox."
        " Name the sandbox's port with --port: its READY line shows it.\n"
    )


def answer_once(listener: socket.socket, answer: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65_536)
        connection.sendall(answer)


def test_env_takes_no_proxy_and_where_it_fails_a_shell_goes_no_further(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert type_into_shell(url.rpartition(":")[2]) == (0, f"{url}\n")
    with reserved_port() as port:
        assert type_into_shell(str(port)) == (1, "")


def type_into_shell(port: str) -> tuple[int, str]:
    """What comes of a command behind the environment of the sandbox on that port."""
    commands = f'eval "$({shlex.join(COMMAND)} env --port {port})" && echo "$AWS_ENDPOINT_URL"'
    ended = subprocess.run(["/bin/sh", "-c", commands], capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, ended.stdout
