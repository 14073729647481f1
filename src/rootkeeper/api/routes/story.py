"""The guided story of a demo: what to do next, and what the sandbox's truth shows as done."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rootkeeper.api.answers.server import StoryAnswer
from rootkeeper.api.guarding import Served
from rootkeeper.api.parameters import show_one
from rootkeeper.api.route_tables import read
from rootkeeper.domain.access import Permission


def show_story(services: Served) -> dict[str, Any]:
    """Show the guided story. Only a server that `rootkeeper demo` started has one."""
    steps = services.get_story()
    return show_one({"people_url": services.endpoint.people_url, "steps": [asdict(step) for step in steps]})


ROWS = (read("/story", Permission.ACCOUNTS_READ, show_story, StoryAnswer),)
