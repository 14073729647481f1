"""Tables of fields from JSON Schema, for records of the API and of JSON outputs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
Link = Callable[[str], str]
"""From the name of a record to a Markdown link to its fields."""

_REFERENCE = re.compile(r"#/(?:components/schemas|\$defs)/(?P<name>\w+)$")
_LIMITS = (
    ("minimum", "at least {}"),
    ("maximum", "at most {}"),
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minItems", "at least {}"),
    ("maxItems", "at most {}"),
)


def render_record(schema: Schema, link: Link) -> str:
    """What a record is and the table of its fields, or its values."""
    lines = [clean(schema.get("description", ""))]
    properties: Mapping[str, Schema] = schema.get("properties", {})
    if properties:
        lines += ["", "| Field | Type | Meaning |", "|---|---|---|"]
        required = set(schema.get("required", ()))
        lines += [render_field(name, field, name in required, link) for name, field in properties.items()]
    elif schema.get("enum"):
        lines += ["", f"One of {', '.join(f'`{value}`' for value in schema['enum'])}."]
    else:
        lines += ["", f"Type: {render_type(schema, link)}."]
    return "\n".join(lines).strip() + "\n"


def render_field(name: str, field: Schema, is_required: bool, link: Link) -> str:
    optional = "" if is_required else " (optional)"
    meaning = ". ".join(filter(None, (clean(field.get("description", "")).rstrip("."), render_limits(field))))
    return f"| `{name}`{optional} | {render_type(field, link)} | {cell(meaning + '.' if meaning else '')} |"


def render_type(schema: Schema, link: Link) -> str:
    """A type in words, with links to records."""
    if "$ref" in schema:
        return link(name_of(schema["$ref"]))
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return " or ".join(dict.fromkeys(render_type(one, link) for one in schema[choice]))
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    kind = schema.get("type", "any value")
    if kind == "array":
        return f"list of {render_type(schema.get('items', {}), link)}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"object of {render_type(schema['additionalProperties'], link)}"
    if isinstance(kind, list):
        return " or ".join(kind)
    return {"date-time": "time (UTC)", "date": "date"}.get(str(schema.get("format")), str(kind))


def render_limits(field: Schema) -> str:
    """The limits of a value, also if it may be null."""
    bounded = next((one for one in field.get("anyOf", ()) if set(one) & {name for name, _ in _LIMITS}), field)
    limits = [text.format(f"{bounded[name]:g}") for name, text in _LIMITS if name in bounded]
    has_default = field.get("default") not in (None, "")
    default = [f"default `{json.dumps(field['default'])}`"] if has_default else []
    words = ", ".join(limits + default)
    return words[:1].upper() + words[1:]


def list_references(schema: Any) -> Iterator[str]:
    """The names of the records that a schema refers to, in order."""
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key == "$ref":
                yield name_of(value)
            else:
                yield from list_references(value)
    elif isinstance(schema, list):
        for one in schema:
            yield from list_references(one)


def name_of(reference: str) -> str:
    found = _REFERENCE.search(reference)
    assert found, reference
    return found["name"]


def clean(text: str) -> str:
    """A description as one line of Markdown."""
    return re.sub(r"\s+", " ", text.replace("``", "`")).strip()


def cell(text: str) -> str:
    """Text in a table."""
    return text.replace("|", "\\|")
