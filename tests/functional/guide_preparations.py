"""What the text of a guide has its reader do or have before a command, and the few commands that can't be run."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing

from tests.functional.guide_machine import SANDBOX_URL, GuideMachine
from tests.old_databases import place_old_database
from tests.unit.database.samples import REPOSITORY

_INSTALLS = "installs from the package registries; bench/clean_install.py types it on a clean machine"
_NO_IMAGES = (
    "needs images from a registry, and Docker or a cluster; test_deployments checks the files, and test_operation runs "
    "the containers' commands"
)

EXCEPTED: Mapping[str, Mapping[str, str]] = {
    "container": {
        "podman": "needs an image, which takes minutes to build; test_image builds one and runs it shut in",
        "cd deploy/compose": _NO_IMAGES,
        "mkdir --mode=0711 secrets": _NO_IMAGES,
        "openssl rand": _NO_IMAGES,
        "echo": _NO_IMAGES,
        "cp ~/.aws/credentials": _NO_IMAGES,
        "sudo": _NO_IMAGES,
        "docker": _NO_IMAGES,
        "kubectl": _NO_IMAGES,
    },
    "least-privilege": {"terraform": "test_the_worked_apply_of_terraform_runs_as_written types it, where Terraform is"},
    "README": {
        "make": "installs from the package registries; test_set_up runs it on packages of its own",
        "sudo": "needs root",
        "pipx": _INSTALLS,
        "uv": _INSTALLS,
        "python3 -m venv": _INSTALLS,
    },
    "run-on-aws": {
        "aws cloudformation": "the sandbox has no CloudFormation; test_deployment_templates lints the template",
        "aws ecs": "the sandbox has no Amazon ECS",
        "aws rds": "the sandbox has no RDS",
        "terraform": "test_deployment applies the same example on a sandbox",
    },
    "several-organizations": {
        "rootkeeper": "needs two organizations; test_organizations_commands types its commands on two sandboxes",
        "export ROOTKEEPER_ORGANIZATION": "the same",
    },
    "server": {
        "export ROOTKEEPER_DATABASE_URL=postgresql": "needs a PostgreSQL server, which refuses to run as root; "
        "test_shared_by_servers runs workers on one",
        "rootkeeper worker": "the same",
        "sudo": "needs root, systemd and a wheel; test_service_unit runs the service's program as the unit does",
    },
}
"""Commands that aren't run, by page and how they begin, and why. There are no others."""

OWN_SANDBOX = frozenset({"demo-organization", "sandbox"})
"""Pages that start the sandbox themselves, on a machine of their own."""

RUNS_ON: Mapping[str, str] = {
    "rootkeeper demo ": "Ctrl-C ends the demo",
    "rootkeeper recover 333344445555 666677778888 ": "2 windows are open",
    "rootkeeper recover ": "Ctrl-C closes",
    "rootkeeper sandbox ": "READY",
    "rootkeeper serve ": "Rootkeeper serves",
}
"""Commands that don't end by themselves, by how they begin, and what they show when they work or wait."""

SHOWN: Mapping[str, str] = {
    "rootkeeper policies alarms --judge": "Judged ",
    'rootkeeper recover 444455556666 --reason "Practise': "This command waits and closes the window",
}
"""What a command must show, by how it begins, because the page says so."""

BLOCKED = 4
"""Of a deletion everywhere: a policy of the demo organization blocks two accounts, which stay unknown."""

STATUSES: Mapping[str, int] = {
    "rootkeeper delete --all": BLOCKED,
    "rootkeeper delete --all --canary 2 --wave 4 --pause 5s --stop-after-failures 2": BLOCKED,
}
"""Exit statuses that aren't 0, or 1 for a bad answer."""

REQUESTER, APPROVER = "anna", "boris"
PEOPLE: Mapping[str, str] = {"anna": REQUESTER, "boris": APPROVER, "another person": APPROVER}
"""Who types a command, by the comment at its end."""

INTERRUPTED = ("777788889999", "888899990000")
INTERRUPTED_STATUS = 130

SERVER_DATABASE = "sqlite:////var/lib/rootkeeper/rootkeeper.db"
TOTP_SECRET = "ANNAANNAANNAANNAANNAANNAANNAANNA"

Prepare = Callable[[GuideMachine], None]


def make_places(machine: GuideMachine) -> None:
    """A folder for the database, and a certificate for the server's name."""
    for folder in ("var/lib/rootkeeper", "etc/rootkeeper"):
        (machine.root / folder).mkdir(exist_ok=True)
    machine.ask(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-subj", "/CN=rootkeeper.example.com", "-addext", "subjectAltName=DNS:rootkeeper.example.com"),
        *("-keyout", "/etc/rootkeeper/key.pem", "-out", "/etc/rootkeeper/chain.pem"),
    )


def end_other_server(machine: GuideMachine) -> None:
    """The page shows two ways to start the server."""
    machine.interrupt_all()


def meet_server(machine: GuideMachine) -> None:
    """Anna has set her password by the link and set up an authenticator app, Boris has a token, and a proxy passes port
    443 on.
    """
    set_up = (
        "from rootkeeper.composition.application import Application\n"
        "from rootkeeper.settings.reading import load_user_settings\n"
        "with Application(load_user_settings(None)) as application:\n"
        "    application.use_known_organization()\n"
        "    anna = application.identity_service.set_password('anna@example.com', 'a long enough passphrase')\n"
        f"    application.preset_factor(anna.identity_id, '{TOTP_SECRET}')\n"
    )
    machine.ask(sys.executable, "-c", set_up, ROOTKEEPER_DATABASE_URL=SERVER_DATABASE)
    machine.totp_secret = TOTP_SECRET
    add_token(machine, APPROVER, "approver")
    start_service(machine, "proxy", "443", "8700")
    machine.environment["SSL_CERT_FILE"] = "/etc/rootkeeper/chain.pem"


def add_token(machine: GuideMachine, name: str, role: str) -> None:
    command = ("rootkeeper", "token", "create", "--role", role, "--name", f"{name}-cli", "--expires", "1d")
    machine.tokens[name] = machine.ask(*command, ROOTKEEPER_DATABASE_URL=SERVER_DATABASE).strip()


def start_service(machine: GuideMachine, *arguments: str) -> None:
    command = (sys.executable, "-m", "tests.functional.guide_services", *arguments)
    machine.start_program(*command, until="listens", PYTHONPATH=str(REPOSITORY))


def stop_server(machine: GuideMachine) -> None:
    """The server hangs for longer than its lease, with a window open; the reader is on the server's machine."""
    machine.run("unset ROOTKEEPER_SERVER")
    server = next(typed for typed in machine.running if typed.command.startswith("rootkeeper serve"))
    os.killpg(server.process.pid, signal.SIGSTOP)
    time.sleep(8)


def serve_two_people(machine: GuideMachine) -> None:
    """A server, a person who requests and one who approves, each with a token."""
    machine.interrupt_all()
    make_places(machine)
    machine.start_program(
        "rootkeeper", "serve", until="Rootkeeper serves", ROOTKEEPER_DATABASE_URL=SERVER_DATABASE,
        ROOTKEEPER_WINDOWS_EMERGENCY="true",
    )  # fmt: skip
    add_token(machine, REQUESTER, "operator")
    add_token(machine, APPROVER, "approver")
    machine.run("export ROOTKEEPER_SERVER=http://127.0.0.1:8700")


def have_emergency_file(machine: GuideMachine) -> None:
    """An emergency without server and database has left its file."""
    machine.interrupt_all()
    machine.tokens.clear()
    machine.run("unset ROOTKEEPER_SERVER")
    down = {"ROOTKEEPER_DATABASE_URL": "postgresql+psycopg://rootkeeper@127.0.0.1:1/rootkeeper"}
    command = (
        "rootkeeper",
        "recover",
        "400050006000",
        "--emergency",
        "--reason",
        "All is down",
        "--for",
        "10s",
        "--yes",
    )
    machine.ask(*command, **down, ROOTKEEPER_WINDOWS_EMERGENCY="true")
    machine.shown += "".join(path.name for path in (machine.home / ".local/share/rootkeeper").glob("emergency-*.db"))


def interrupt_deletion(machine: GuideMachine) -> None:
    """Someone has pressed Ctrl-C in the pause after the first account of a deletion."""
    for account_id in INTERRUPTED:
        machine.control("PUT", f"accounts/{account_id}/root-user", {"password": True})
    command = ("rootkeeper", "delete", *INTERRUPTED, "--wave", "1", "--pause", "1h", "--yes")
    deletion = machine.start_program(*command, until="Wave 1 of 2 is done")
    machine.running.remove(deletion)
    assert deletion.interrupt() == INTERRUPTED_STATUS, deletion.text


def age_audits(machine: GuideMachine) -> None:
    """The first audit of the whole organization was made before the day that the page names."""
    with closing(sqlite3.connect(machine.home / ".local/share/rootkeeper/rootkeeper.db")) as connection, connection:
        first = "SELECT audit_id FROM audits WHERE is_complete ORDER BY ended_at LIMIT 1"
        ((audit_id,),) = connection.execute(first).fetchall()
        for table, column in (("audits", "started_at"), ("audits", "ended_at"), ("audit_statuses", "ended_at")):
            aged = f"UPDATE {table} SET {column} = '2026-09-15' || substr({column}, 11) WHERE audit_id = ?"  # noqa: S608 - names from here
            assert connection.execute(aged, (audit_id,)).rowcount


def copy_database(machine: GuideMachine) -> None:
    """Someone has copied the data folder."""
    machine.ask("cp", "--recursive", str(machine.home / ".local/share/rootkeeper"), "/media/copy")


def write_rules(machine: GuideMachine) -> None:
    """The settings that the page shows are in a file, and a program of the reader fetches the mail."""
    page = (REPOSITORY / "docs/guides/root-emails.md").read_text()
    (rules,) = re.findall(r"```toml\n(\[emails\].*?)```", page, re.DOTALL)
    (machine.home / "rules.toml").write_text(rules)
    (machine.home / "bin").mkdir(exist_ok=True)
    program = machine.home / "bin/fetch-the-mail"
    program.write_text(
        f"#!{sys.executable}\nimport json, re, urllib.request\n"
        f"mails = urllib.request.urlopen('{SANDBOX_URL}/_sandbox/mailbox/aws+pay@example.com').read().decode()\n"
        "print(re.findall(r'Verification code: (\\w+)', mails)[-1])\n"
    )
    program.chmod(0o755)


def listen_as_chat(machine: GuideMachine) -> None:
    """The chat is a program on this machine."""
    start_service(machine, "webhook", "9000")
    machine.run(
        "export CHAT_URL=webhook+http://a-secret-of-the-chat@127.0.0.1:9000/hook "
        "ROOTKEEPER_NOTIFICATIONS_ALLOWED_HOSTS=127.0.0.1:9000 "
        "ROOTKEEPER_NOTIFICATIONS_TARGETS='chat info env:CHAT_URL'"
    )


def copy_to_server(machine: GuideMachine) -> None:
    """The server's database is where the page says, with what happened so far."""
    target = machine.root / "var/lib/rootkeeper"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(machine.home / ".local/share/rootkeeper", target)


def name_backup(machine: GuideMachine) -> None:
    """The backup was made on the day that the page shows."""
    (made,) = (machine.root / "var/backups/rootkeeper").iterdir()
    made.rename(made.with_name("rootkeeper-20261126T090000Z"))


def have_places_of_reports(machine: GuideMachine) -> None:
    """Security Hub is on, there is a bucket, and the accounts were audited."""
    make = (
        "import boto3\n"
        "from contextlib import suppress\n"
        "for region in (None, 'eu-central-1'):\n"
        "    hub = boto3.client('securityhub', region_name=region)\n"
        "    with suppress(hub.exceptions.ResourceConflictException):  # another page has switched it on\n"
        "        hub.enable_security_hub(EnableDefaultStandards=False)\n"
        "boto3.client('s3', region_name='us-east-1').create_bucket(Bucket='example-evidence')\n"
    )
    machine.ask(sys.executable, "-c", make)
    machine.ask("rootkeeper", "enable", "--yes")
    machine.ask("rootkeeper", "audit", "--fail-on", "none")


def have_set_up(machine: GuideMachine) -> None:
    machine.ask("rootkeeper", "enable", "--yes")


REFUSED = "Your authentication information is incorrect. Please try again."
ANYCOMPANY_WEB, OWN_PASSWORD = "webmaster@example.net", "Correct-Horse-7"


def fail_to_sign_in(machine: GuideMachine) -> None:
    """As the page says: as root user of an account whose credentials were just deleted."""
    require_passage("demo-organization", f"as the root user of AnyCompany Web, `{ANYCOMPANY_WEB}`, with any password")
    assert REFUSED in visit_sandbox(machine, "sign-in")


def recover_password(machine: GuideMachine) -> None:
    """As the page says: the mail, its link, a password, and the sign-in."""
    require_passage("demo-organization", f"enter `{ANYCOMPANY_WEB}` and choose *Send mail*.")
    require_passage("demo-organization", "Choose a password, then *Set password*, and sign in.")
    text = visit_sandbox(machine, "recover")
    assert "Protect this user with a second factor" in text, text


def visit_sandbox(machine: GuideMachine, action: str) -> str:
    command = (sys.executable, "-m", "tests.functional.guide_visit", action, ANYCOMPANY_WEB, OWN_PASSWORD)
    return machine.ask(*command, PYTHONPATH=str(REPOSITORY))


def require_passage(tutorial: str, passage: str) -> None:
    """:raises AssertionError: if the page doesn't say so: what the test does is no longer what a reader does."""
    page = " ".join((REPOSITORY / f"docs/tutorials/{tutorial}.md").read_text().split())
    assert passage in page, f"not in {tutorial}.md: {passage}"


def have_audited(machine: GuideMachine) -> None:
    """A root session was opened."""
    have_set_up(machine)
    machine.ask("rootkeeper", "audit", "444455556666", "--fail-on", "none")


def have_older_database(machine: GuideMachine) -> None:
    """The server's database is of the first version."""
    machine.interrupt_all()
    target = machine.root / "var/lib/rootkeeper"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    place_old_database(target / "rootkeeper.db")


PREPARED: Mapping[str, Mapping[str, Prepare]] = {
    "backup": {
        "export ROOTKEEPER_DATABASE_URL=sqlite:////var/lib": copy_to_server,
        "aws s3api create-bucket": name_backup,
    },
    "bulk-deletion": {"rootkeeper jobs list --unfinished": interrupt_deletion},
    "demo-organization": {
        "rootkeeper recover 800090001000": fail_to_sign_in,
        "rootkeeper windows list": recover_password,
    },
    "evidence": {
        "ROOTKEEPER_DATABASE_URL=sqlite:////media/copy": copy_database,
        "rootkeeper diff 2026-10-01": age_audits,
    },
    "least-privilege": {"aws cloudtrail lookup-events": have_audited},
    "notifications": {"rootkeeper notifications test": listen_as_chat},
    "recover-a-root-user": {
        "rootkeeper windows request": serve_two_people,
        "rootkeeper ledger import": have_emergency_file,
    },
    "security-tools": {"rootkeeper audit -o ocsf": have_set_up},
    "security-hub": {"rootkeeper report send --to securityhub --dry-run": have_places_of_reports},
    "root-emails": {"rootkeeper emails list --config rules.toml": write_rules},
    "server": {
        "export ROOTKEEPER_DATABASE_URL=sqlite": make_places,
        "rootkeeper serve --host": end_other_server,
        "rootkeeper login": meet_server,
        "rootkeeper windows close WINDOW_ID": stop_server,
    },
    "upgrade": {"export ROOTKEEPER_DATABASE_URL=sqlite": have_older_database},
}
"""What is done before a command, by page and how the command begins."""
