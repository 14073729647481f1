"""``rootkeeper demo`` and ``rootkeeper sandbox`` as a newcomer runs them."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import psutil
import pytest

from rootkeeper.demo.story import DEMO_USERS, PASSWORD
from tests.functional.running import SECONDS, Program, Run, Runner
from tests.ports import reserved_port

DEMO_SECONDS = 200


@pytest.fixture
def newcomer(tmp_path: Path, runner: Runner) -> Program:
    """A user with AWS settings and a database of their own, which a demo must not touch."""
    config = tmp_path / "aws-config"
    config.write_text("[profile work]\nregion = eu-west-1\n")
    return Program(
        {
            "AWS_PROFILE": "work",
            "AWS_CONFIG_FILE": str(config),
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "ROOTKEEPER_DATABASE_URL": f"sqlite:///{tmp_path / 'own.db'}",
            "ROOTKEEPER_AWS_CONCURRENCY": "0",
            "HTTP_PROXY": "http://127.0.0.1:9",
        },
        runner,
    )


@pytest.fixture
def port() -> Iterator[int]:
    with reserved_port() as port:
        yield port


@pytest.fixture
def sandbox_port() -> Iterator[int]:
    with reserved_port() as port:
        yield port


@pytest.mark.long
def test_the_demo_checks_itself_and_touches_nothing_of_the_user(
    newcomer: Program, sandbox_port: int, tmp_path: Path
) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "rootkeeper", "demo", "--check", "--sandbox-port", str(sandbox_port)],
        env=newcomer.surroundings(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEMO_SECONDS,
        check=False,
    )
    shown = finished.stdout
    assert finished.returncode == 0, shown + finished.stderr
    for command in ("status", "enable", "audit", "delete", "recover", "windows list", "ledger verify"):
        assert f"$ rootkeeper {command}" in shown
    assert "✗ FAILED" not in shown
    assert re.search(r"^\d+ checks passed, 0 failed", shown, re.MULTILINE)
    assert not (tmp_path / "own.db").exists()


def test_the_demo_serves_its_people_until_it_is_interrupted(
    newcomer: Program, port: int, sandbox_port: int, tmp_path: Path
) -> None:
    ports = ("--port", str(port), "--sandbox-port", str(sandbox_port))
    with newcomer.start("demo", *ports, stdin=subprocess.PIPE) as process:
        try:
            shown = read_until(process, "Ctrl-C ends the demo")
            assert len(shown.splitlines()) == 8
            assert f"http://localhost:{port} " in shown
            assert len(re.findall(r"^Starting a .* … \d+\.\d s$", shown, re.MULTILINE)) == 2
            assert all(person.name in shown and person.role.value in shown for person in DEMO_USERS)
            run_of_commands = follow(find_commands(shown), newcomer, tmp_path / "shell.db")
            assert run_of_commands.status == 1, run_of_commands.shown
            assert f"SANDBOX 127.0.0.1:{sandbox_port}" in run_of_commands.shown
            browser = Browser(f"http://localhost:{port}")
            assert browser.ask("GET", "/api/v1/story")[0] == 401
            status, methods = browser.ask("GET", "/api/v1/auth/methods")
            assert (status, methods["codes_url"]) == (200, f"http://127.0.0.1:{sandbox_port}/codes")
            page = read_page(methods["codes_url"])
            assert all(person.name in page for person in DEMO_USERS)
            fail_to_sign_in_as_root(f"http://127.0.0.1:{sandbox_port}")
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
            codes = read_codes(read_until(process, "each works once"))
            assert set(codes) == {"olga", "amir", "adam"}
            assert codes["olga"] in page or codes["olga"] in read_page(methods["codes_url"])
            reported = browser.sign_in("olga", codes["olga"])
            assert (reported["name"], reported["needs"]) == ("olga", None)
            status, story = browser.ask("GET", "/api/v1/story")
            assert (status, [step["is_done"] for step in story["steps"]]) == (200, [False] * 12)
            assert story["steps"][0]["users"] == [{"name": "adam", "role": "administrator"}]
            status, emails = browser.ask("GET", "/api/v1/root-emails?limit=1")
            assert (status, emails["rules"]["allowed_domains"]) == (200, ["example.com"])
            wait_for_root_event(browser)
        finally:
            process.send_signal(signal.SIGINT)
            status = process.wait(SECONDS)
    assert status == 0
    for one in (port, sandbox_port):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", one)) != 0, "something still listens"
    assert not (tmp_path / "own.db").exists()


@pytest.mark.parametrize(
    "moment", ["Starting a sandbox", "Starting a server", "Ctrl-C ends the demo"], ids=["sandbox", "server", "ready"]
)
def test_nothing_runs_on_after_the_demo_was_killed(
    moment: str, newcomer: Program, port: int, sandbox_port: int, tmp_path: Path
) -> None:
    """By ``kill -9``, as it starts its processes and when all of them run."""
    ports = ("--port", str(port), "--sandbox-port", str(sandbox_port))
    with newcomer.start("demo", *ports, TMPDIR=str(tmp_path)) as process:
        shown = read_part(process, moment)
        demo = psutil.Process(process.pid)
        while not (children := demo.children(recursive=True)):
            assert process.poll() is None, shown
            time.sleep(0.01)
        process.kill()
        process.wait(SECONDS)
    _, alive = psutil.wait_procs(children, SECONDS)
    assert alive == []
    end = time.monotonic() + SECONDS
    while left := list_processes_of(sandbox_port):
        assert time.monotonic() < end, left
        time.sleep(0.2)


def list_processes_of(port: int) -> list[list[str]]:
    """The command lines of running programs that name a port or work on the sandbox of that port."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            named = [*process.cmdline(), process.environ().get("AWS_ENDPOINT_URL", "")]
            if any(text in (str(port), f"http://127.0.0.1:{port}") for text in named):
                found.append(process.cmdline())
    return found


def read_part(process: subprocess.Popen[str], end: str) -> str:
    """What it shows up to ``end``, which may be the beginning of a line."""
    assert process.stdout is not None
    shown = ""
    while end not in shown:
        character = process.stdout.read(1)
        assert character, f"it ended: {shown}"
        shown += character
    return shown


def read_until(process: subprocess.Popen[str], end: str) -> str:
    """What it shows up to and with the line that has ``end``."""
    assert process.stdout is not None
    shown = ""
    for line in process.stdout:
        shown += line
        if end in line:
            return shown
    assert process.stderr is not None
    raise AssertionError(f"it ended: {shown}{process.stderr.read()}")


def read_page(url: str) -> str:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=30) as answer:
        text: str = answer.read().decode()
    return text


ORDERS_PROD = "888899990000"


def fail_to_sign_in_as_root(sandbox_url: str) -> None:
    """Leaves a root event."""
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
    )
    with opener.open(f"{sandbox_url}/signin", timeout=30) as answer:
        token = re.search(r'name="form_token" value="(\w+)"', answer.read().decode())
    assert token is not None
    form = {"form_token": token[1], "email": "aws+orders-prod@example.com", "password": "wrong"}
    with pytest.raises(urllib.error.HTTPError, match="403") as refused:
        opener.open(f"{sandbox_url}/signin", urllib.parse.urlencode(form).encode(), timeout=30)
    refused.value.close()


def wait_for_root_event(browser: Browser) -> None:
    """The demo's server watches root events."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        status, history = browser.ask("GET", f"/api/v1/history/{ORDERS_PROD}")
        if status == 200 and any(one["what"] == "ConsoleLogin" for one in history["entries"]):
            return
        time.sleep(0.2)
    raise AssertionError("the server shows no root event")


def find_commands(shown: str) -> str:
    """What it says to type in another terminal."""
    (commands,) = re.findall("^In another terminal: (.*)$", shown, re.MULTILINE)
    return str(commands)


def follow(commands: str, newcomer: Program, database: Path) -> Run:
    """Type it into a shell as shown, with no profile, no proxy and a database of its own."""
    unset = dict.fromkeys(("AWS_PROFILE", "HTTP_PROXY", "ROOTKEEPER_AWS_CONCURRENCY"))
    environment = newcomer.surroundings({**unset, "ROOTKEEPER_DATABASE_URL": f"sqlite:///{database}"})
    done = subprocess.run(
        ["/bin/sh", "-c", commands],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr)


def read_codes(shown: str) -> dict[str, str]:
    return {name: code for code, name in re.findall(r"^  (\d{6})  (\w+)$", shown, re.MULTILINE)}


class Browser:
    """What a browser sends: cookies, and the console's header."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._csrf_token = ""
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
        )

    def sign_in(self, name: str, code: str) -> Any:
        status, reported = self.ask("POST", "/api/v1/auth/sign-in", {"name": name, "password": PASSWORD})
        assert (status, reported["needs"]) == (200, "factor"), reported
        self._csrf_token = reported["csrf_token"]
        status, reported = self.ask("POST", "/api/v1/auth/factor", {"totp": code})
        assert status == 200, reported
        return reported

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-Rootkeeper-Console": "1", "X-CSRF-Token": self._csrf_token, "Content-Type": "application/json"}
        request = urllib.request.Request(self._url + path, data, headers, method=method)  # noqa: S310 - this machine
        try:
            with self._opener.open(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


def test_the_codes_of_a_running_demo_are_printed_by_a_command_of_its_own(newcomer: Program) -> None:
    run = newcomer.run("demo", "--codes")
    assert run.status == 0
    assert set(read_codes(run.stdout)) == {"olga", "amir", "adam"}


def test_a_port_that_is_taken_is_reported_and_nothing_is_played(newcomer: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        run = newcomer.run("demo", "--check", "--sandbox-port", str(port))
    assert run.status == 2
    assert f"Port {port} is taken." in run.stderr
    assert "Choose another port with --sandbox-port" in run.stderr


def test_a_port_of_the_console_that_is_taken_is_reported_with_its_option(newcomer: Program, sandbox_port: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        run = newcomer.run("demo", "--port", str(port), "--sandbox-port", str(sandbox_port))
    assert run.status == 2
    assert f"Port {port} is taken." in run.stderr
    assert "Choose another port with --port" in run.stderr


def test_the_sandbox_is_this_command_s_own_process(newcomer: Program, port: int) -> None:
    with newcomer.start("sandbox", "--port", str(port), "--accounts", "20", "--seed", "7") as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == f"READY http://127.0.0.1:{port}\n"
            root_session_caller = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with root_session_caller.open(f"http://127.0.0.1:{port}/_sandbox/health", timeout=10) as answer:
                assert answer.status == 200
        finally:
            process.send_signal(signal.SIGTERM)
        process.wait(SECONDS)
