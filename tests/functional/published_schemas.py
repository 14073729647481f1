"""What the program writes, held to the schemas that are published for it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

_REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"


def require_fits(document: object, name: str) -> None:
    """:raises jsonschema.ValidationError: if it doesn't fit ``docs/reference/NAME.schema.json``."""
    schema = json.loads((_REFERENCE / f"{name}.schema.json").read_text())
    jsonschema.validate(document, schema, format_checker=jsonschema.FormatChecker())
