"""Settings that the console changes: what then holds, what no change can pass, and what the ledger has of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.composition.services import make_window_policy
from rootkeeper.errors import InputError, LedgerUnavailableError, PermissionDeniedError, SettingsError
from rootkeeper.ledger.database import Database
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import Account, AccountId, AccountState
from rootkeeper.settings.edits import (
    EditableSetting,
    SettingEdit,
    SettingSource,
    apply_edits,
    find_source,
    render_value,
    require_edit,
)
from rootkeeper.settings.reading import load_settings
from rootkeeper.settings.sections import Settings
from rootkeeper.settings.store import SettingEditor, SettingEditStore
from rootkeeper.values import JsonValue
from tests.fakes.clock import START, FakeClock
from tests.unit.database.samples import ORGANIZATION_ID, Worker

LONGEST, APPROVALS = EditableSetting.WINDOWS_LONGEST, EditableSetting.WINDOWS_APPROVALS
VALID, USUAL = EditableSetting.WINDOWS_APPROVAL_VALID, EditableSetting.WINDOWS_DEFAULT_LENGTH
AUDITS, REPORTS = EditableSetting.SCHEDULES_AUDITS, EditableSetting.SCHEDULES_REPORTS
DOMAINS, KEEP = EditableSetting.EMAILS_ALLOWED_DOMAINS, EditableSetting.HISTORY_KEEP
TARGETS, APPROVERS = EditableSetting.NOTIFICATIONS_TARGETS, EditableSetting.WINDOWS_APPROVERS
REQUESTERS = EditableSetting.WINDOWS_REQUESTERS
ACCOUNT = Account(AccountId("222233334444"), "payments", "", AccountState.ACTIVE, ("r-1", "ou-1"), "Root/Workloads")
DAILY = "0 6 * * * UTC"
"""The default."""
MORNING, EVENING = "0 7 * * * UTC", "0 18 * * * UTC"


def make_settings(**environment: str) -> Settings:
    return load_settings(None, {f"ROOTKEEPER_{name}": value for name, value in environment.items()}, Path("/nowhere"))


def make_edit(name: EditableSetting, value: JsonValue) -> SettingEdit:
    return SettingEdit(name, value, "A reason", "ana", START)


def hold(settings: Settings, *edits: tuple[EditableSetting, JsonValue]) -> Settings:
    return apply_edits(settings, [make_edit(name, value) for name, value in edits])


def test_without_a_change_the_settings_of_the_server_hold() -> None:
    assert apply_edits(make_settings(), []) == make_settings()


_HOURS = st.integers(1, 72)


@given(own=_HOURS, edit=_HOURS, usual=_HOURS, own_approvals=st.integers(0, 10), approvals=st.integers(0, 10))
def test_no_change_makes_the_window_policy_looser(
    own: int, edit: int, usual: int, own_approvals: int, approvals: int
) -> None:
    settings = make_settings(
        WINDOWS_LONGEST=f"{own}h", WINDOWS_APPROVALS=str(own_approvals), WINDOWS_APPROVAL_VALID=f"{own}h"
    )
    held = hold(
        settings, (LONGEST, f"{edit}h"), (APPROVALS, approvals), (VALID, f"{edit}h"), (USUAL, f"{usual}h")
    ).windows
    assert held.longest == timedelta(hours=min(own, edit))
    assert held.approval_valid == timedelta(hours=min(own, edit))
    assert held.approvals == max(own_approvals, approvals)
    assert held.default_length <= held.longest


def test_a_schedule_of_the_server_holds_and_the_console_sets_the_others() -> None:
    named = make_settings(SCHEDULES_AUDITS=MORNING)
    assert hold(named, (AUDITS, [EVENING])).schedules.audits == (MORNING,)
    assert hold(make_settings(), (AUDITS, [EVENING])).schedules.audits == (EVENING,)
    with pytest.raises(InputError, match="is fixed by the settings"):
        require_edit(named, AUDITS, [EVENING], {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (LONGEST, "25h"),
        (LONGEST, "5s"),
        (LONGEST, 24),
        (LONGEST, "soon"),
        (APPROVALS, 1),
        (APPROVALS, 11),
        (APPROVALS, True),
        (APPROVALS, "2"),
        (VALID, "9h"),
        (VALID, "30s"),
        (USUAL, "25h"),
        (AUDITS, MORNING),
        (AUDITS, [f"{minute} 6 * * * UTC" for minute in range(21)]),
        (REPORTS, [MORNING]),
    ],
)
def test_a_change_that_passes_a_bound_is_refused(name: EditableSetting, value: Any) -> None:
    settings = make_settings(WINDOWS_LONGEST="24h", WINDOWS_APPROVALS="2")
    with pytest.raises(InputError):
        require_edit(settings, name, value, {})


LISTS = {
    AUDITS: [EVENING],
    APPROVERS: ["ben", "carol in ou-root-1234"],
    DOMAINS: ["example.com", "*.example.org"],
    REQUESTERS: ["ana"],
    TARGETS: ["oncall critical env:ONCALL_URL", "chat info file:/run/secrets/chat"],
}


@pytest.mark.parametrize("name", LISTS, ids=str)
def test_a_list_of_file_or_environment_holds_also_if_it_is_empty(name: EditableSetting, tmp_path: Path) -> None:
    section, _, field = name.partition(".")
    file = tmp_path / "rootkeeper.toml"
    file.write_text(f"[{section}]\n{field} = []\n")
    settings = load_settings(file, {}, tmp_path)
    edits = {name: make_edit(name, LISTS[name])}
    assert name.find_value(apply_edits(settings, edits.values())) == ()
    assert find_source(settings, name, edits) is SettingSource.FILE
    with pytest.raises(InputError, match="is fixed by the settings of the server"):
        require_edit(settings, name, LISTS[name], {})


@pytest.mark.parametrize("name", LISTS, ids=str)
def test_the_console_sets_a_list_that_the_server_leaves_out(name: EditableSetting) -> None:
    held = name.find_value(hold(make_settings(), (name, LISTS[name])))
    assert sorted(render_value(held)) == sorted(LISTS[name])  # type: ignore[arg-type,type-var]  # a list of texts


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        (TARGETS, "https://hooks.example.com/T0/secret"),
        (TARGETS, "oncall critical https://hooks.example.com/T0/secret"),
        (TARGETS, "oncall critical env:https://hooks.example.com/T0/secret"),
        (TARGETS, "oncall critical file:slack://T0/secret"),
        (TARGETS, "oncall urgent env:ONCALL_URL"),
        (DOMAINS, "not a domain"),
        (APPROVERS, "ben in"),
        (REQUESTERS, "in ou-root-1234"),
    ],
)
def test_an_entry_that_the_file_couldnt_have_is_refused(name: EditableSetting, entry: str) -> None:
    with pytest.raises(SettingsError) as refused:
        require_edit(make_settings(), name, [entry], {})
    assert "secret" not in f"{refused.value.message}{refused.value.hint}".replace("secrets", "")


def test_only_people_who_were_named_in_the_console_may_request_and_approve() -> None:
    held = hold(make_settings(), (REQUESTERS, ["ana"]), (APPROVERS, [f"ben in {ACCOUNT.ou_path}"]))
    policy = make_window_policy(held.windows)
    policy.require_requester("ana", ACCOUNT)
    policy.require_approver("ben", ACCOUNT)
    for require, name in ((policy.require_requester, "ben"), (policy.require_approver, "ana")):
        with pytest.raises(PermissionDeniedError, match="may not"):
            require(name, ACCOUNT)


def test_two_targets_of_one_name_are_refused() -> None:
    with pytest.raises(SettingsError, match="Two notification targets are named"):
        require_edit(make_settings(), TARGETS, ["chat info env:ONE", "Chat info env:OTHER"], {})


def test_audits_are_kept_at_least_as_long_as_the_server_says() -> None:
    assert require_edit(make_settings(), KEEP, "800d", {}) == timedelta(days=800)
    with pytest.raises(InputError, match="it must be from 400d to 3650d"):
        require_edit(make_settings(), KEEP, "30d", {})
    assert hold(make_settings(HISTORY_KEEP="900d"), (KEEP, "800d")).history.keep == timedelta(days=900)


@pytest.mark.parametrize("value", [["at dawn"], ["0 6 * * * Nowhere/Else"], ["0 6 30 2 * UTC"]])
def test_a_time_that_never_comes_is_refused(value: list[str]) -> None:
    with pytest.raises(SettingsError):
        require_edit(make_settings(), AUDITS, value, {})


def test_the_default_length_stays_within_the_longest_window_that_holds() -> None:
    edits = {LONGEST: make_edit(LONGEST, "2h")}
    assert require_edit(make_settings(), USUAL, "2h", edits) == timedelta(hours=2)
    with pytest.raises(InputError, match="it must be from 10s to 2h"):
        require_edit(make_settings(), USUAL, "3h", edits)


def test_the_source_says_where_the_value_that_holds_comes_from(tmp_path: Path) -> None:
    file = tmp_path / "rootkeeper.toml"
    file.write_text('[windows]\nlongest = "12h"\n')
    settings = load_settings(file, {"ROOTKEEPER_WINDOWS_APPROVALS": "2"}, tmp_path)
    assert find_source(settings, LONGEST, {}) is SettingSource.FILE
    assert find_source(settings, APPROVALS, {}) is SettingSource.VARIABLE
    assert find_source(settings, VALID, {}) is SettingSource.DEFAULT
    stricter = {LONGEST: make_edit(LONGEST, "8h"), APPROVALS: make_edit(APPROVALS, 1)}
    assert find_source(settings, LONGEST, stricter) is SettingSource.CONSOLE
    assert find_source(settings, APPROVALS, stricter) is SettingSource.VARIABLE


# In the database.


@pytest.fixture
def edits(database: Database) -> SettingEditStore:
    return SettingEditStore(database.store, database.commits, ORGANIZATION_ID)


@pytest.fixture
def editor(edits: SettingEditStore, worker: Worker) -> SettingEditor:
    return SettingEditor(make_settings(), edits, worker.ledger, FakeClock(START), "ana")


def list_changes(database: Database) -> list[Any]:
    return [one.parameters for one in database.ledger_reader().list_entries() if one.action is Action.SETTING_CHANGE]


def test_a_change_holds_with_its_entry_of_the_ledger(
    editor: SettingEditor, edits: SettingEditStore, database: Database
) -> None:
    editor.change(LONGEST, "480m", "72h", "No recovery took longer.")
    assert edits.list_edits() == (SettingEdit(LONGEST, "8h", "No recovery took longer.", "ana", START),)
    editor.change(LONGEST, None, "8h", "One will.")
    assert edits.list_edits() == ()
    assert list_changes(database) == [
        {"setting": "windows.longest", "old": "3d", "new": "8h", "reason": "No recovery took longer."},
        {"setting": "windows.longest", "old": "8h", "new": "3d", "reason": "One will."},
    ]


def test_a_change_of_lists_and_numbers_is_read_back(editor: SettingEditor, edits: SettingEditStore) -> None:
    editor.change(AUDITS, [MORNING, MORNING, EVENING], [DAILY], "Twice a day.")
    editor.change(APPROVALS, 2, 1, "Two people.")
    held = apply_edits(make_settings(), edits.list_edits())
    assert (held.schedules.audits, held.windows.approvals) == ((MORNING, EVENING), 2)


class LedgerAway:
    """A ledger that can't be written."""

    def draft_fact(self, *_: object) -> None:
        raise LedgerUnavailableError("The ledger can't be written.")


@pytest.mark.parametrize(
    ("name", "value", "previous"),
    [(LONGEST, "73h", "72h"), (LONGEST, "8h", "24h"), (APPROVALS, 0, 1)],
    ids=["passes the bound", "was changed meanwhile", "fewer approvals"],
)
def test_what_is_refused_leaves_no_entry_and_no_change(
    editor: SettingEditor,
    edits: SettingEditStore,
    database: Database,
    name: EditableSetting,
    value: JsonValue,
    previous: JsonValue,
) -> None:
    with pytest.raises(InputError):
        editor.change(name, value, previous, "A reason")
    assert (edits.list_edits(), list_changes(database)) == ((), [])


def test_no_change_holds_that_the_ledger_cant_record(editor: SettingEditor, edits: SettingEditStore) -> None:
    away = replace(editor, ledger=LedgerAway())  # type: ignore[arg-type]  # it has what is used
    with pytest.raises(LedgerUnavailableError):
        away.change(LONGEST, "8h", "72h", "A reason")
    assert edits.list_edits() == ()


def test_each_value_is_rendered_as_the_settings_file_has_it() -> None:
    rendered = {name: render_value(name.find_value(make_settings())) for name in EditableSetting}
    assert (rendered[LONGEST], rendered[APPROVALS]) == ("3d", 1)
    assert rendered[AUDITS] == [DAILY]
    assert rendered[EditableSetting.SCHEDULES_DETAILED_AUDITS] == ["0 4 * * SUN UTC"]
    assert rendered[REPORTS] == []
