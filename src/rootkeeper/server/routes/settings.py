"""Routes of the settings that an administrator can change: the window policy, and schedules."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import Field, StrictInt

from rootkeeper.access.rules import Permission
from rootkeeper.server.documents import change, read
from rootkeeper.server.guards import Identified, Served
from rootkeeper.server.parameters import Body, Text, show_example, show_one
from rootkeeper.settings.edits import MOST_TIMES, EditableSetting
from rootkeeper.settings.records import SettingAnswer, SettingsDocument, describe_setting
from rootkeeper.shapes import ShortText

Value: TypeAlias = StrictInt | ShortText | Annotated[list[ShortText], Field(max_length=MOST_TIMES)]


class SettingBody(Body):
    """A change of a setting."""

    model_config = show_example(
        {"value": "8h", "previous": "72h", "reason": "No recovery of the last year took longer."}
    )

    value: Annotated[Value | None, Field(description="The new value; ``null``: the settings of the server hold again.")]
    previous: Annotated[Value, Field(description="The value that holds; if it is another one, nothing is changed.")]
    reason: Text


def list_settings(services: Served) -> dict[str, Any]:
    """List the settings that can be changed here: what holds, where it comes from, and who changed it."""
    edits = {edit.name: edit for edit in services.setting_edits.list_edits()}
    return show_one({"settings": [describe_setting(services.settings, name, edits) for name in EditableSetting]})


def change_setting(services: Served, identity: Identified, name: EditableSetting, body: SettingBody) -> dict[str, Any]:
    """Change a setting; the ledger records the old value, the new one and the reason.

    A window policy can be made stricter than the settings of the server are, never looser. A schedule that they name
    can't be changed.
    """
    with services.act_as(identity.to_actor(), None) as acting:
        acting.setting_editor.change(name, body.value, body.previous, body.reason)
    edits = {edit.name: edit for edit in services.setting_edits.list_edits()}
    return show_one(describe_setting(services.settings, name, edits))


ROWS = (
    read("/settings", Permission.SETTINGS_READ, list_settings, SettingsDocument),
    change("/settings/{name}", Permission.SETTINGS_CHANGE, change_setting, SettingAnswer, needs_fresh_factor=True),
)
