"""Every page of the console that has no parameters, and tabs."""

from __future__ import annotations

import re
from pathlib import Path

_PAGES = Path(__file__).parents[2] / "console" / "src" / "layout" / "pages.ts"
_PATH = re.compile(r'^\s+path: "([^"]+)",$', re.MULTILINE)
SETTINGS = ("users", "tokens", "factors", "sessions", "policy")


def list_pages() -> list[str]:
    """From the console's own table, so that tests include a new page automatically."""
    paths = [path for path in _PATH.findall(_PAGES.read_text()) if ":" not in path]
    assert "/" in paths
    tabs = ["/jobs?tab=schedules", *(f"/settings?tab={tab}" for tab in SETTINGS)]
    return [*(path for path in paths if path != "/settings"), *tabs]
