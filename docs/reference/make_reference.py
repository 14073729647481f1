"""Writes the reference pages that follow from the code: commands, settings, exit statuses, errors and the HTTP API.

``make docs`` runs it, and a test compares what it would write with what is committed. So a page can't drift from the
program that it describes.
"""

from __future__ import annotations

import ast
import re
import runpy
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, get_type_hints

from docs.reference.command_pages import render_command_pages
from rootkeeper import errors
from rootkeeper.access.rules import PERMISSIONS, Permission
from rootkeeper.changes.catalogue import CATALOGUE
from rootkeeper.cli import outputs as exit_statuses
from rootkeeper.cli.hints import COMMAND_HINTS
from rootkeeper.controls.control_map import load_frameworks
from rootkeeper.controls.records import CHECK_NAMES, SHOWING_NAMES, STRENGTH_NAMES
from rootkeeper.controls.rules import CheckName, Showing, WithoutPassword
from rootkeeper.findings.catalogue import RULES
from rootkeeper.reports.formats import FORMATS, Carries
from rootkeeper.server.application import ROWS
from rootkeeper.server.guards import AccessRequirement, Demand
from rootkeeper.server.request_path import status_of
from rootkeeper.settings import sections
from rootkeeper.settings.organizations import NEVER_INHERITED
from rootkeeper.values import render_duration

REFERENCE = Path(__file__).resolve().parent
WRITTEN_BY = "<!-- Written by make_reference.py from the program itself: `make docs`. -->\n"

COMMANDS_HEAD = f"""# Commands

{WRITTEN_BY}
Each command with its options, the AWS permissions that it needs, its changes and its exit statuses, as in its `--help`.
Options of several commands are below the [commands](#rootkeeper).

A table fits the terminal, or the width in `COLUMNS`: text wraps between words, a long path between its parts, and an id
is never broken. If the terminal is too narrow, the least important columns are left out, from the right, and a line on
stderr names them; `-o json` has everything. A pipe or a file gets every column. stdout has only the answer; remarks and
questions go to stderr.
"""

EXIT_STATUSES_HEAD = f"""# Exit statuses

{WRITTEN_BY}
They are the same for every command. Commands with the option `--fail-on`, such as `audit` and `status`, end with 1 if
it names the answer; `--fail-on none` accepts every answer. `plan` does so only if the option is given. Lists without
the option end with 0.

| Status | Meaning |
|---|---|
"""

EXIT_STATUSES_END = """
1 is always about the answer, never about its delivery. If the answer can't be written, the end is 74, and an error
names stdout or the file of `--out`: a full disk, a disk error, a closed stdout. If its reader ended first, as in
`rootkeeper ledger list | head -1`, the end is 141 without a message: what a shell reports for a program that SIGPIPE
ended, such as git or jq. An answer that fits into the pipe before the reader ends is delivered. Statuses 2, 3, 4, 70
and 130 stay, also 4 of a deletion or of the closing of a window whose result can't be shown. A message that stderr
can't take changes no exit status. `report send` and `database backup` are changes with their own statuses.

An error is one sentence on stderr that begins with `error:`. A `hint:` can follow. [Errors](errors.md) lists the codes
with their causes and fixes.
"""

ERRORS_HEAD = f"""# Errors

{WRITTEN_BY}
The API answers with the code of an error (`code`); the command line with its message and, where one is known, a hint.
Each error here has its cause, what to do, and the hints that the command line gives in particular cases. A name in
capitals or braces is replaced there.
"""

API_HEAD = f"""# HTTP API

{WRITTEN_BY}
`rootkeeper serve` answers at `http://127.0.0.1:8700`. `/api/openapi.json` describes the whole interface with every
field (OpenAPI).

- **Authentication.** `Authorization: Bearer TOKEN`, with a token of `rootkeeper token create`, or one that
  `POST /api/v1/auth/sign-in` gives to a user for 12 hours. Each token is an identity of its own: the ledger, approvals
  and CloudTrail show its name. After ten wrong passwords for one name, or fifty from one address, the next
  sign-in must wait: status 429, and `Retry-After` says how long ([sign-in](../guides/sign-in.md)).
- **Records** of accounts, windows, jobs and entries are those of the [JSON outputs](outputs.md) of the command line.
  Lists have pages: `limit` (at most 500), `next` in the answer, `after` for the next page. Filters: `ou`, `tag`,
  `status` and `q` for accounts, `state` and `account_id` for windows, `kind` and `unfinished` for jobs.
- **Conditional requests.** JSON answers have an `ETag`. With it as `If-None-Match`, the answer is 304 if nothing has
  changed.
- **The set-up** is changed by administrators of a server without roles. With the five roles AWS refuses the change: use
  `rootkeeper enable` with credentials of the management account.
- **Long work** is answered with 202 and a job. `GET /api/v1/jobs/JOB_ID/events` follows it as server-sent events.
- **Idempotency.** A POST with the header `Idempotency-Key` gets the same answer when the same identity repeats it
  within a day, on any server of the database. A request that contains or returns a secret, such as a new token, is
  answered once: its repeat gets 409.
- **Limits.** A body has at most 64 KB and 30 seconds: of a sign-in 16 KB, of a selection of accounts 512 KB, of a
  deletion 2 MB. JSON has at most 32 levels, and 40,000 keys and items. A server that listens on a loopback address
  answers to loopback names and to that of `server.public_url`; a proxy must send one of them as the Host.
- **Turns.** A user or token has 6 requests at a time that ask AWS, and all users together have 24: further ones get
  503 with `Retry-After` at once. Of requests that compute for long, such as reports, one runs at a time. Of all others,
  6 run at a time, and the rest waits. Before that, a request takes a turn of its address, whatever it asks for: 8 begin
  at a time, and 200 wait. An address with more requests, or an identity with requests on more than a fifth of the
  server's connections, gets 503 with `Retry-After`.
- **Errors** are problem documents (RFC 9457), with the `code` and `hint` of the command line's
  [errors](errors.md). `X-Request-Id` is in each answer and in the server's log.

## Routes

| Method | Path | Permission | What it does |
|---|---|---|---|
"""

ROLES_HEAD = """
## Roles

An approver can't operate and an operator can't approve. The settings `windows.*` say who requests and approves for
which organizational unit, and how many approvals a window needs ([settings](settings.md)).

| Role | Permissions |
|---|---|
"""

PROBLEMS_HEAD = """
## Errors

A route that doesn't exist is 404 without a `code`, before authentication. 400, 405, 408, 413 and 421 have no `code`
either.

| HTTP status | `code` |
|---|---|
"""

CHANGES_HEAD = f"""# What Rootkeeper changes

{WRITTEN_BY}
Read this before you give Rootkeeper credentials. Each change is made only by these commands and pages, after a question
and after its intent is in the [ledger](ledger.md) on disk. If the intent can't be written, the call isn't made. A
recovery window also closes by itself at its end. [Actions of the ledger](actions.md) has the permissions of each call.

| It changes | By the calls | Only by | In the console |
|---|---|---|---|
"""

CHANGES_END = """
`status`, `audit`, `plan`, `preflight`, `report write`, `doctor` and every `--dry-run` change nothing in AWS.

## What it never touches

- The management account's root user: AWS doesn't allow root sessions there.
- The [failsafe](../guides/failsafe.md), which is the delegated administrator's root login, unless you name it with
  `--include-failsafe`.
- Accounts that aren't ACTIVE or aren't in your organization, and credentials of accounts with an exception.
- A password or key that was used in the last 90 days, unless you name its account and give a reason.
- IAM users, roles and other resources, except the policies that you `unlock`, and the findings and reports that you
  send.

## Permissions

Rootkeeper needs no role in member accounts: it opens root sessions from the management account or the delegated
administrator. `rootkeeper policies roles` prints a [least-privilege role](../guides/least-privilege.md) for each kind
of work. Anyone who has `sts:AssumeRoot` can do the same without Rootkeeper: give it to few people, and require MFA.

## What others see

An audit leaves one CloudTrail event of the root user in each member account that it reads, `GetAccountSummary` (a
detailed audit leaves more where it finds credentials), and one `AssumeRoot` event for each of them in the caller's
account. Events of the root user have `userIdentity.type = Root`. Warn the people who watch alarms, and give them
`rootkeeper policies alarms`.
"""

ACTIONS_HEAD = f"""# Actions of the ledger

{WRITTEN_BY}
Each action that the [ledger](ledger.md) records, as `rootkeeper ledger list` names it. A privileged call has an intent
before it and an outcome after it. The other actions are facts and decisions.

A task policy allows the calls of a root session; all other calls need permissions of the caller. Jobs are requested
from a server. Actions without a command and a page belong to other actions, or Rootkeeper does them by itself.

| Action | Commands | In the console | Privileged calls | Task policy | Re-read |
|---|---|---|---|---|---|
"""

CONTROLS_HEAD = f"""# The control map

{WRITTEN_BY}
Per framework: the controls that the evidence of root user credentials covers, those that it doesn't, and why. [The
guide](../guides/controls.md) explains the verdicts. Texts are in our own words; the framework's own text counts.

- *Shows* says how much of a control a check shows: the control, a part of it, or facts for a person. Only a check that
  shows the control can let it pass without a person.
- *How sure* says who maps the check to the control: the framework's text, our reading of that text, or another tool.
- *Source* has the section. `prowler@…` and `steampipe-mod-aws-compliance@…` are files of other tools at a commit.
- A check of MFA also says what a missing password means, where AWS refuses to set one.

Controls in neither list aren't about root users, and no mapping of them to root users is known.

| Framework | `--framework` | Covered | Shown whole | Not covered |
|---|---|---:|---:|---:|
"""

CONTROLS_END = """
## Frameworks that aren't in the map

Other tools map the same facts to these frameworks, too. The mappings aren't checked against the frameworks' own texts,
so Rootkeeper gives no verdict on them:

- of AWS: account security onboarding, Audit Manager's guardrails of Control Tower, Config managed rules, Foundational
  Technical Review, Trusted Advisor, Well-Architected Security Pillar
- of the United States: CISA, CMMC 2.0, FedRAMP, FFIEC, GxP 21 CFR Part 11, HIPAA, NIST CSF, NIST SP 800-171
- of the European Union and its members: BSI C5, DORA, ENS, GDPR, NIS2, SecNumCloud
- of others: ASD Essential Eight and ISM, CIS Controls 8.1, Common Cloud Controls, CSA CCM 4.0, KISA ISMS-P,
  MITRE ATT&CK, RBI

PCI DSS 3.2.1, ISO/IEC 27001:2013 and NIST SP 800-53 Revision 4 are left out because the versions above replace them.
"""

LEFT_OUT_NAMES = {
    "contact_alt": "Alternate contacts",
    "contact_primary": "Primary contact",
    "contact_sec": "Security contact",
    "mfa_delete": "MFA Delete of buckets",
    "no_workloads_in_management": "No workloads in the management account",
    "org_change_alert": "Alarm on changes in AWS Organizations",
    "org_member": "Membership in the organization",
    "ou_structure": "Structure of the organizational units",
}
"""What the parts ask for that no check shows."""

WITHOUT_PASSWORD = {
    WithoutPassword.NOT_APPLICABLE: "a missing password isn't applicable",
    WithoutPassword.PASS: "a missing password passes",
    WithoutPassword.PASS_WITH_NOTE: "a missing password passes with a note",
}

FORMATS_HEAD = f"""# Report formats

{WRITTEN_BY}
`rootkeeper report --format NAME`, or the end of the file's name in `--out`, sets the format. A server has them at
`GET /api/v1/reports`. An unknown name is an error.

Evidence is the report of a period: all accounts, windows, deletions, the set-up and the ledger.

| Name | Format | File | Media type | |
|---|---|---|---|---|
"""

FINDINGS_HEAD = """
Findings are the judgements of one reading, one for each rule and account, for the tools of a security team. The same
reading gives the same bytes. `-o NAME` writes them in `rootkeeper audit`, `rootkeeper preflight`,
`rootkeeper failsafe check` and `rootkeeper emails list`; `rootkeeper report` writes those of a period. A server has
those of a stored audit at `GET /api/v1/audits/AUDIT_ID/findings`.

| Name | Format | File | Media type | |
|---|---|---|---|---|
"""

VERDICTS_HEAD = """
## Verdicts

A clean account has a finding, too, so that a tool sees when a failure was fixed. Its id stays the same in every later
reading: it is made of endpoint, organization, rule, account and subject. Only `pass` is shown as passed.

| Verdict | Meaning |
|---|---|
| `pass` | A reading shows that the rule is followed |
| `fail` | A reading shows that it isn't. An open recovery window counts too, but not for the exit status of `audit` |
| `unknown` | It couldn't be read, or wasn't read in the period; the reason is in the finding |
| `kept` | Root user credentials of a confirmed failsafe, kept on purpose and guarded |
| `manual` | A person must judge the facts, for instance whether a condition of a policy holds |
| `not_applicable` | The rule doesn't apply, for instance to a suspended account |

## Rules

| Rule | What must be true | Severity of a failure |
|---|---|---|
"""

SETTINGS_HEAD = f"""# Settings

{WRITTEN_BY}
Rootkeeper works without any setting. Set only the values that differ from their defaults.

%(contents)s
## How settings are read

Settings come from a TOML file and from variables. A variable overrides the file. An unknown name is refused. The file
is `--config FILE`, else `settings.toml` in the user's folder of configuration (on Linux `~/.config/rootkeeper`), if it
is there.

```toml
[deletion]
recently_used_days = 180

[windows]
longest = "24h"
```

The variable of a setting is its key in capitals with underscores, after `ROOTKEEPER_`: `deletion.recently_used_days` is
`ROOTKEEPER_DELETION_RECENTLY_USED_DAYS`. In a variable, a comma separates the entries of a list.

## Several organizations

A table `[organizations.NAME]` with an `id` is an organization ([guide](../guides/several-organizations.md)). A section
below it, such as `[organizations.NAME.windows]`, holds for that organization and wins over the shared section and over
variables. Never shared, and so only from the organization's own table:

%(never)s

`ROOTKEEPER_ORGANIZATION` names the organization of a command, as `--organization` does.

## AWS credentials and Regions

AWS keys and endpoints aren't settings of Rootkeeper. Set them as for the AWS CLI (`AWS_PROFILE`, `AWS_ENDPOINT_URL`,
…).
The profile is that of `--profile`, else of `aws.profile`, else the AWS CLI's.

STS is called in the Region of `--region`, else of `aws.region`, `AWS_REGION` or `AWS_DEFAULT_REGION`, else of the
profile. An opt-in Region is used only if the option, the setting or a variable names it, because root sessions there
need it enabled in every account. Without a Region, and if only a profile names an opt-in Region, the Region is
us-east-1.
"""

SETTING_GROUPS = {
    "Database and ledger": ("database", "ledger", "lease"),
    "Calls to AWS": ("aws", "aws.roles"),
    "Accounts": ("deletion", "emails", "unlock"),
    "Recovery windows": ("windows", "watching"),
    "Server": ("server", "oidc", "schedules"),
    "Reports and notifications": ("history", "delivery", "notifications"),
}
"""The sections of the page, each with sections of the file."""


SETTINGS_TABLE = """
| Setting | Default (range) | Meaning |
|---|---|---|
"""


def main_program() -> None:
    for name, text in render_pages().items():
        (REFERENCE / name).write_text(text)
        print(f"docs/reference/{name}")
    runpy.run_path(str(REFERENCE / "make_man_page.py"), run_name="__main__")


def render_pages() -> dict[str, str]:
    """Every page by its file name."""
    return {
        "actions.md": render_actions(),
        "api.md": render_api(),
        "commands.md": render_command_pages(COMMANDS_HEAD),
        "errors.md": render_errors(),
        "exit-statuses.md": render_exit_statuses(),
        "controls.md": render_controls(),
        "formats.md": render_formats(),
        "settings.md": render_settings(),
        "what-it-changes.md": render_changes(),
    }


def render_changes() -> str:
    """The changes in AWS by their subject, with all calls, commands and pages of each."""
    subjects = dict.fromkeys(row.subject for row in CATALOGUE.values() if row.changes_aws)
    rows = [[row for row in CATALOGUE.values() if row.subject == subject] for subject in subjects]
    table = "".join(
        f"| {changes[0].subject} | {list_code(row.operation_names for row in changes)} "
        f"| {list_code(row.commands for row in changes)} | {list_once(row.pages for row in changes)} |\n"
        for changes in rows
    )
    return CHANGES_HEAD + table + CHANGES_END


def render_actions() -> str:
    """Each action of the ledger, from the catalogue."""
    return ACTIONS_HEAD + "".join(
        f"| `{action.value}` | {list_code([row.commands])} | {list_once([row.pages])} | {list_code([row.operations])} "
        f"| {list_code([[row.task_policy.value]]) if row.task_policy else ''} | {list_code([row.reads])} |\n"
        for action, row in CATALOGUE.items()
    )


def list_once(groups: Iterable[Iterable[str]]) -> str:
    """The texts of all groups in one cell of a table, each once."""
    return ", ".join(sorted({text for group in groups for text in group}))


def list_code(groups: Iterable[Iterable[str]]) -> str:
    return list_once((f"`{text}`" for text in group) for group in groups)


def render_formats() -> str:
    """The formats of reports, from the table that commands and server take them from, and the rules of findings."""

    def list_rows(carries: Carries) -> str:
        return "".join(
            f"| `{one.name}` | {one.title} | `*{one.suffix}` | `{one.media_type}` | {one.purpose} |\n"
            for one in FORMATS
            if one.carries is carries
        )

    rules = "".join(f"| `{one.rule_id}` | {one.title} | {one.severity.value} |\n" for one in RULES)
    evidence, findings = list_rows(Carries.EVIDENCE), list_rows(Carries.FINDINGS)
    return FORMATS_HEAD + evidence + FINDINGS_HEAD + findings + VERDICTS_HEAD + rules


def render_controls() -> str:
    """The control map: for each framework the covered controls with their checks, and the others with the reason."""
    frameworks = load_frameworks()
    parts = [CONTROLS_HEAD]
    for framework in frameworks:
        whole = sum(any(one.showing is Showing.DIRECT for one in control.checks) for control in framework.controls)
        covered = {control.control_id for control in framework.controls}
        left_out = {control_id for one in framework.left_out for control_id in one.control_ids} - covered
        counts = f"{len(covered)} | {whole} | {len(left_out)}"
        parts.append(f"| {framework.title} | `{framework.framework_id}` | {counts} |\n")
    for framework in frameworks:
        parts.append(f"\n## {framework.title}\n\nCovered:\n\n")
        parts.append("| Control | Asks for | Check | Shows | How sure | Source |\n|---|---|---|---|---|---|\n")
        for control in framework.controls:
            asked = f"| {control.control_id} | {control.text} |"
            for one in control.checks:
                shown = SHOWING_NAMES[one.showing]
                if one.check in {CheckName.ROOT_MFA, CheckName.ROOT_HW_MFA}:
                    shown += f"; {WITHOUT_PASSWORD[one.without_password]}"
                if one.longest_gap is not None:
                    shown += f"; at most {one.longest_gap.days} days between audits"
                sure = f"{STRENGTH_NAMES[one.strength]} | {one.source} |"
                parts.append(f"{asked} {CHECK_NAMES[one.check]} | {shown} | {sure}\n")
                asked = "| | |"
        parts.append("\nNot covered, or not in this part:\n\n| Control | Part | Why |\n|---|---|---|\n")
        for mapping in framework.left_out:
            names = ", ".join(LEFT_OUT_NAMES.get(name) or CHECK_NAMES[CheckName(name)] for name in mapping.checks)
            parts.append(f"| {', '.join(mapping.control_ids)} | {names} | {mapping.reason} |\n")
    return "".join([*parts, CONTROLS_END])


def render_exit_statuses() -> str:
    meanings = read_member_docstrings(Path(exit_statuses.__file__), "ExitStatus")
    rows = [f"| {status.value} | {meanings[status.name]} |\n" for status in exit_statuses.ExitStatus]
    return EXIT_STATUSES_HEAD + "".join(rows) + EXIT_STATUSES_END


def render_errors() -> str:
    hints = collect_hints()
    return ERRORS_HEAD + "".join(
        render_error(error, hints.get(error.__name__, [])) for error in sorted(list_error_classes(), key=by_code)
    )


def by_code(error: type[errors.RootkeeperError]) -> str:
    return error.code


def render_error(error: type[errors.RootkeeperError], hints: list[str]) -> str:
    paragraphs = [first_paragraph(text) for text in (error.__doc__ or "").strip().split("\n\n")]
    fixes = [text.removeprefix("Fix: ") for text in paragraphs if text.startswith("Fix: ")]
    assert len(fixes) == 1, f"{error.__name__} needs one paragraph in its docstring that begins with 'Fix: '."
    listed = "".join(f"- {hint}\n" for hint in hints)
    return (
        f"\n## {error.code}\n\n**Cause.** {paragraphs[0]}\n\n**Fix.** {fixes[0]}\n\n"
        f"Exit status {error.exit_status}; HTTP {int(status_of(error('')))}.\n"
        + (f"\nHints of the command line:\n\n{listed}" if hints else "")
    )


def collect_hints() -> dict[str, list[str]]:
    """The hints that are given with each class of error, where both are written in one place."""
    found: dict[str, set[str]] = {}
    for path in sorted(Path(errors.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                codes = [find_hint_code(keyword.value) for keyword in node.keywords if keyword.arg == "hint"]
                found.setdefault(node.func.id, set()).update(code for code in codes if code in COMMAND_HINTS)
    return {name: [escape_hint(COMMAND_HINTS[code]) for code in sorted(codes)] for name, codes in found.items()}


def find_hint_code(value: ast.expr) -> str:
    """The code of a hint that is written as ``Hint("…", "code")``; empty for any other expression."""
    is_hint = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "Hint"
    code = value.args[1] if isinstance(value, ast.Call) and is_hint and len(value.args) > 1 else None
    return str(code.value) if isinstance(code, ast.Constant) else ""


def escape_hint(text: str) -> str:
    return text.replace("<", "&lt;").replace("*", "\\*")


def list_error_classes() -> list[type[errors.RootkeeperError]]:
    """Every deliberate error but the trunk of the tree."""
    found = [item for item in vars(errors).values() if isinstance(item, type)]
    return [item for item in found if issubclass(item, errors.RootkeeperError) and item is not errors.RootkeeperError]


def render_api() -> str:
    """Each route, who may call it, and what it does, from the table that the server itself is made from."""
    rows = [
        f"| {row.method} | `{row.path}` | {spell_demand(row.demand)} | {first_line(row.endpoint.__doc__)} |\n"
        for row in ROWS
    ]
    roles = [
        f"| `{role.value}` | {', '.join(f'`{one.value}`' for one in sorted(granted))} |\n"
        for role, granted in PERMISSIONS.items()
    ]
    problems = [
        f"| {int(status_of(error('')))} | {', '.join(f'`{one.code}`' for one in errors_of(status_of(error(''))))} |\n"
        for error in first_of_each_status()
    ]
    return API_HEAD + "".join(rows) + ROLES_HEAD + "".join(roles) + PROBLEMS_HEAD + "".join(problems)


def spell_demand(demand: Demand) -> str:
    """The permission that a route needs, or who can call it without one."""
    if isinstance(demand, Permission):
        return f"`{demand.value}`"
    others = {
        AccessRequirement.ANYONE: "none",
        AccessRequirement.ON_THIS_MACHINE: "any sign-in; none on the same machine with `server.metrics_without_token`",
    }
    return others.get(demand, "any sign-in")


def first_of_each_status() -> list[type[errors.RootkeeperError]]:
    """One error for each HTTP status that errors have, by status."""
    return list({status_of(error("")): error for error in sorted(list_error_classes(), key=by_status)}.values())


def errors_of(status: int) -> list[type[errors.RootkeeperError]]:
    """All errors that are answered with one HTTP status."""
    return [error for error in list_error_classes() if status_of(error("")) == status]


def by_status(error: type[errors.RootkeeperError]) -> int:
    return int(status_of(error("")))


def render_settings() -> str:
    """The settings in groups, after a list of the groups."""
    found = {
        sections.SUBSECTIONS.get(name, name): kind
        for name, kind in get_type_hints(sections.Settings).items()
        if isinstance(kind, type) and is_dataclass(kind)
    }
    grouped = [name for names in SETTING_GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(found), "Every section of settings needs its place in SETTING_GROUPS."
    contents = "".join(
        f"- [{title}](#{title.lower().replace(' ', '-')}): {', '.join(f'`{name}`' for name in names)}\n"
        for title, names in SETTING_GROUPS.items()
    )
    never = ", ".join(f"`{key}`" for key in sorted(NEVER_INHERITED)) + "."
    parts = [SETTINGS_HEAD % {"contents": contents, "never": "\n".join(textwrap.wrap(never, 120))}]
    for title, names in SETTING_GROUPS.items():
        parts += [f"\n## {title}\n", *(render_setting_section(name, found[name]) for name in names)]
    return "".join(parts)


def render_setting_section(section: str, kind: Any) -> str:
    """One section of the file with its settings."""
    meanings = read_member_docstrings(Path(sections.__file__), kind.__name__)
    rows = []
    for entry in fields(kind):
        key = f"{section}.{entry.name}"
        default, meaning = render_default(entry.default, meanings[entry.name])
        if limits := render_range(entry.metadata):
            default += f" ({limits})"
        variable = f"{sections.ENVIRONMENT_PREFIX}{key.replace('.', '_').upper()}"
        rows.append(f"| `{key}`<br>`{variable}` | {default} | {meaning} |\n")
    return f"\n### {section}\n\n{first_line(kind.__doc__)}\n{SETTINGS_TABLE}{''.join(rows)}"


def render_default(value: object, meaning: str) -> tuple[str, str]:
    """The default, which a docstring says if it isn't a value, and the meaning without it."""
    said = re.search(r" ?Default: (?P<default>(?:[^.`]|`[^`]*`)+)\.", meaning)
    if said:
        return said["default"], meaning.replace(said[0], "")
    return render_value(value), meaning


def render_value(value: object) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, timedelta):
        return f"`{render_duration(value)}`"
    if isinstance(value, tuple) and value and isinstance(value[0], timedelta):
        return f"`{', '.join(render_duration(one) for one in value)}`"
    if isinstance(value, tuple) and value:
        return f"`{', '.join(value)}`"
    return f"`{value}`" if value not in ("", (), Path()) else "none"


def render_range(metadata: Any) -> str:
    if "minimum" not in metadata:
        return ""
    return f"{render_value(metadata['minimum'])} to {render_value(metadata['maximum'])}".replace("`", "")


def read_member_docstrings(source: Path, class_name: str) -> dict[str, str]:
    """The docstring under each field or member of a class, as one line."""
    found: dict[str, str] = {}
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.ClassDef) and node.name == class_name:
            found |= dict(read_pairs(node.body))
    return found


def read_pairs(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for statement, following in pairwise(body):
        target = getattr(statement, "target", None) or next(iter(getattr(statement, "targets", [])), None)
        if isinstance(target, ast.Name) and isinstance(following, ast.Expr):
            yield target.id, first_paragraph(ast.literal_eval(following.value))


def first_line(text: str | None) -> str:
    return first_paragraph((text or "").strip().split("\n\n")[0])


def first_paragraph(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("``", "`")).strip().replace("|", "\\|")


if __name__ == "__main__":
    main_program()
