"""P08: secrets that were handed out are found nowhere: no output, file, database, and no child's environment."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from tests.functional.promises.command_lines import list_commands
from tests.functional.promises.forked_runs import SECONDS
from tests.functional.promises.interposed_proxy import Answer, InterposedProxy, Request
from tests.functional.promises.stage import CERTIFICATE, CLEAN, EVERYTHING, FAILSAFE, UNIT, Stage
from tests.functional.running import Run

CANARY = "canary-3f9b1c7d5e"
FORMATS = ("table", "json", "jsonl", "csv")


class Search:
    """Looks for every secret of a stage, in any spelling that a program might write it in."""

    def __init__(self, stage: Stage, proxy: InterposedProxy) -> None:
        self._stage = stage
        self._proxy = proxy

    @property
    def secrets(self) -> set[bytes]:
        own = [self._stage.environment["AWS_SECRET_ACCESS_KEY"]]
        given = [text for one in self._proxy.handed_out for text in (one.secret_access_key, one.session_token)]
        spelled = {spelling for secret in (*own, *given) for spelling in (secret, quote(secret, safe=""))}
        return {secret.encode() for secret in spelled} | {CANARY.encode()}

    def assert_absent(self, places: Iterable[tuple[str, bytes]]) -> None:
        secrets = self.secrets
        found = [(place, secret[:12]) for place, content in places for secret in secrets if secret in content]
        assert found == []

    def assert_nowhere(self, runs: Iterable[Run]) -> None:
        """In no output and in no file that the program has written."""
        files = [path for path in self._stage.folder.rglob("*") if path.is_file()]
        assert {"rootkeeper.db", "rootkeeper.db.mirror.jsonl"} <= {path.name for path in files}
        self.assert_absent((str(path), path.read_bytes()) for path in files)
        self.assert_absent((f"output {number}", run.shown.encode()) for number, run in enumerate(runs))


@pytest.mark.timeout(900)
def test_p08_no_secret_is_in_any_output_or_file_of_a_whole_story(bare_stage: Stage, proxy: InterposedProxy) -> None:
    stage, plan = bare_stage, bare_stage.folder / "plan.json"
    commands: list[tuple[str, ...]] = [
        ("status", "-o", "json"),
        ("enable", "--delegated-administrator", FAILSAFE, "--yes", "-o", "json"),
        *(("audit", "--details", "-o", output) for output in (*FORMATS, "tree")),
        *(("plan", EVERYTHING, "--out", str(plan), "-o", output) for output in FORMATS),
        ("apply", str(plan), "--yes", "-o", "json"),
        ("delete", "--ou", "AnyCompany", "--yes"),
        ("recover", CLEAN, "--reason", "drill", "--leave-open", "--yes", "-o", "json"),
        ("windows", "list", "-o", "json"),
        ("windows", "close", CLEAN, "--yes"),
        ("disable", "--yes", "-o", "json"),
        *(("ledger", "list", "-o", output) for output in FORMATS),
        ("ledger", "export"),
        ("ledger", "verify", "-o", "json"),
        ("delete", "no-such-account", "--yes"),
        ("audit", "--ou", "no-such-unit"),
    ]
    runs = [stage.run(*command, through=proxy) for command in commands]
    assert {run.status for run in runs} <= {0, 1, 2, 3}
    assert len(proxy.handed_out) > 60
    assert stage.is_bare(EVERYTHING)
    Search(stage, proxy).assert_nowhere(runs)


@pytest.mark.long
def test_p08_no_help_shows_what_the_environment_holds(bare_stage: Stage, proxy: InterposedProxy) -> None:
    changes = {"ROOTKEEPER_DATABASE_URL": f"postgresql+psycopg://operator:{CANARY}@127.0.0.1:9/rootkeeper"}
    runs = [bare_stage.run(*command, "--help", changes=changes) for command in sorted(list_commands() - {("sandbox",)})]
    assert {run.status for run in runs} == {0}
    search = Search(bare_stage, proxy)
    search.assert_absent(("help", run.shown.encode()) for run in runs)
    refused = bare_stage.run("audit", changes=changes)
    assert refused.status in {2, 3}
    search.assert_absent([("refusal", refused.shown.encode())])


@pytest.mark.parametrize(
    "operation",
    [
        *("AssumeRoot", "DeleteAccessKey"),
        pytest.param("GetAccountSummary", marks=pytest.mark.long),
        pytest.param("GetLoginProfile", marks=pytest.mark.long),
        pytest.param("DeactivateMFADevice", marks=pytest.mark.long),
    ],
)
def test_p08_an_error_of_aws_that_quotes_secrets_passes_on_none(
    stage: Stage, proxy: InterposedProxy, operation: str
) -> None:
    """As SignatureDoesNotMatch does, which quotes the request with its session token."""

    def quote_request(request: Request, answer: Answer) -> Answer:
        if request.operation != operation:
            return answer
        session = [one for one in proxy.handed_out if one.access_key_id == request.access_key_id][-1:]
        given = [text for one in session for text in (one.session_token, one.secret_access_key)]
        own = stage.environment["AWS_SECRET_ACCESS_KEY"]
        message = f"The Canonical String should have been 'POST / x-amz-security-token:{' '.join(given)}' not {own}"
        refusal = request.refuse("SignatureDoesNotMatch")
        return Answer(403, [], refusal.body.replace(b"refused on purpose", message.encode()))

    proxy.after = quote_request
    runs = [
        stage.run("audit", EVERYTHING, "--details", "-o", "json", through=proxy),
        stage.run("delete", EVERYTHING, "--yes", "-o", "json", through=proxy),
        stage.run("recover", CLEAN, "--reason", "drill", "--leave-open", "--yes", through=proxy),
        stage.run("ledger", "list", "-o", "json"),
    ]
    assert any(run.status in {1, 3, 4} for run in runs)
    assert proxy.handed_out
    Search(stage, proxy).assert_nowhere(runs)


@pytest.mark.parametrize("operation", ["GetAccountSummary", "DeleteLoginProfile"])
def test_p08_a_program_that_is_killed_leaves_no_secret_behind(
    stage: Stage, proxy: InterposedProxy, operation: str
) -> None:
    pids: list[int] = []

    def kill(request: Request) -> Answer | None:
        if request.operation == operation:
            end = time.monotonic() + SECONDS
            while not pids and time.monotonic() < end:
                time.sleep(0.01)
            os.kill(pids[0], signal.SIGKILL)
        return None

    proxy.before = kill
    begun_run = stage.begin("delete", EVERYTHING, "--yes", through=proxy, changes={"PYTHONFAULTHANDLER": "1"})
    pids.append(begun_run.pid)
    killed = begun_run.wait()
    assert killed.status == -signal.SIGKILL
    assert proxy.handed_out
    assert stage.database.with_name("rootkeeper.db-wal").stat().st_size > 0
    Search(stage, proxy).assert_nowhere([killed])


def test_p08_the_settings_may_hold_secrets_that_no_file_or_error_repeats(stage: Stage, proxy: InterposedProxy) -> None:
    profile = stage.folder / "aws-config"
    profile.write_text(f"[profile work]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = {CANARY}\n")
    changes = {"AWS_CONFIG_FILE": str(profile), "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    runs = [
        stage.run("audit", CERTIFICATE, "--profile", name, through=proxy, changes=changes) for name in ("work", "none")
    ]
    assert [run.status for run in runs] == [3, 2]
    Search(stage, proxy).assert_absent(("output", run.shown.encode()) for run in runs)


@pytest.mark.timeout(900)
def test_p08_the_children_of_the_demo_get_no_secret_of_the_person_who_runs_it(bare_stage: Stage) -> None:
    changes = {
        "AWS_SECRET_ACCESS_KEY": CANARY,
        "AWS_SESSION_TOKEN": CANARY,
        "ROOTKEEPER_DATABASE_URL": f"postgresql+psycopg://operator:{CANARY}@127.0.0.1:9/rootkeeper",
        "HTTPS_PROXY": f"http://operator:{CANARY}@127.0.0.1:9",
    }
    run = bare_stage.begin("demo", "--check", changes=changes)
    environments: dict[int, str] = {}
    program = psutil.Process(run.pid)
    end = time.monotonic() + SECONDS
    while len(environments) < 3 and time.monotonic() < end and program.is_running():
        for child in program.children(recursive=True):
            try:
                if child.cmdline() != program.cmdline():  # until then it hasn't become another program yet
                    environments[child.pid] = repr(child.cmdline()) + repr(child.environ())
            except psutil.Error:
                continue
        time.sleep(0.02)
    run.signal(signal.SIGINT)
    ended = run.wait()
    assert ended.status == 130, ended.shown
    assert len(environments) >= 3
    assert any(re.search("rootkeeper_sandbox", environment) for environment in environments.values())
    assert [environment for environment in environments.values() if CANARY in environment] == []
    assert CANARY not in ended.shown
    assert not [child for child in environments if psutil.pid_exists(child)]


def test_p08_the_files_that_are_written_are_private(stage: Stage) -> None:
    plan: Path = stage.folder / "plan.json"
    assert stage.run("plan", UNIT[0], "--out", plan, "--fail-on", "none").status == 0
    assert stage.run("apply", plan, "--yes").status == 0
    written = [plan, *stage.database.parent.iterdir()]
    assert len(written) > 3
    assert {path.name: path.stat().st_mode & 0o077 for path in written} == {path.name: 0 for path in written}
