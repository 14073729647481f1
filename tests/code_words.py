"""Words of programs that no person should have to read in the console: setting names, permission codes, rule ids."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from typing import get_type_hints

from rootkeeper.access.rules import Permission
from rootkeeper.settings.sections import SUBSECTIONS, Settings


def list_codes() -> re.Pattern[str]:
    """A pattern that finds each of them, and a page named as no person does."""
    settings = [
        re.escape(f"{SUBSECTIONS.get(name, name)}.{setting.name}")
        for name, section in get_type_hints(Settings).items()
        if is_dataclass(section)
        for setting in fields(section)
    ]
    permissions = [re.escape(permission.value) for permission in Permission]
    return re.compile(rf"\b[\w.-]+@[0-9a-f]{{8}}\b|\b(?:{'|'.join([*settings, *permissions])})\b|\bon the page [A-Z]")
