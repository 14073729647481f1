"""Pages of the reference that are made while the site is built: commands, API and JSON Schemas.

All come from committed files that the program itself wrote, so that a build needs neither the program nor its
dependencies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docs.site.records import Link, Schema, cell, clean, list_references, render_record, render_type

COMMANDS = "docs/reference/commands.md"
API = "docs/reference/api.md"
OUTPUTS = "docs/reference/outputs.md"
OPENAPI = "console/openapi.json"

_COMMAND = re.compile(r"^## (rootkeeper [a-z0-9 -]+)\n", re.MULTILINE)
_SUCCESS = range(200, 300)
_FIRST_ERROR = 400


@dataclass(slots=True)
class MadePages:
    """Pages without a file of their own."""

    texts: dict[str, str] = field(default_factory=dict)
    """By name on the site."""
    parents: dict[str, str] = field(default_factory=dict)
    """The path of the page below which each is in the navigation."""
    parts: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    """Where a part of a page is now."""
    replaced: dict[str, str] = field(default_factory=dict)
    """Texts of pages whose parts were moved out, by path."""
    files: dict[str, Path] = field(default_factory=dict)
    """Files to offer as they are, by path on the site."""

    linked: set[str] = field(default_factory=set)
    """Pages whose links are those of the page that they were a part of."""

    def add(self, name: str, parent: str, text: str, *, has_links_of_parent: bool = False) -> None:
        self.texts[name] = text
        self.parents[name] = parent
        if has_links_of_parent:
            self.linked.add(name)


def make_pages(repository: Path) -> MadePages:
    made = MadePages()
    split_commands(repository, made)
    make_api(json.loads((repository / OPENAPI).read_text(encoding="utf-8")), made)
    make_schemas(repository, made)
    return made


def split_commands(repository: Path, made: MadePages) -> None:
    """One page for each command and its subcommands; the page of all keeps the tables and the shared options."""
    text = (repository / COMMANDS).read_text(encoding="utf-8")
    head, *sections = _COMMAND.split(text)
    made.replaced[COMMANDS] = head
    pages: dict[str, list[str]] = {}
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        command = title.split()[1]
        address = f"reference/commands/{command}"
        is_first = command not in pages
        pages.setdefault(command, []).append(f"{'#' if is_first else '##'} {title}\n{body}")
        made.parts[COMMANDS, anchor_of(title)] = (address, "" if is_first else anchor_of(title))
    for command, parts in pages.items():
        made.add(f"reference/commands/{command}", COMMANDS, "".join(parts), has_links_of_parent=True)


def anchor_of(heading: str) -> str:
    return heading.replace(" ", "-")


def make_api(document: Mapping[str, Any], made: MadePages) -> None:
    """One page for each tag, with the records that its operations use."""
    operations: dict[str, list[tuple[str, str, Schema]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            operations.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    schemas: Mapping[str, Schema] = document["components"]["schemas"]
    homes = find_homes(operations, schemas)
    for tag in sorted(operations):

        def link(record: str, tag: str = tag) -> str:
            home = homes[record]
            return f"[{record}]({'' if home == tag else f'{home}.md'}#{record.lower()})"

        parts = [f"# API: {tag.replace('_', ' ')}\n"]
        parts += [render_operation(*operation, link) for operation in operations[tag]]
        own = [record for record, home in homes.items() if home == tag]
        if own:
            parts.append("## Records\n")
            parts += [f"### {record}\n\n{render_record(schemas[record], link)}" for record in sorted(own)]
        made.add(f"reference/api/{tag}", API, "\n".join(parts))


def find_homes(
    operations: Mapping[str, list[tuple[str, str, Schema]]], schemas: Mapping[str, Schema]
) -> dict[str, str]:
    """The tag on whose page each record is: the first in alphabetical order that uses it."""
    homes: dict[str, str] = {}
    for tag in sorted(operations):
        waiting = [name for _, _, operation in operations[tag] for name in list_references(operation)]
        while waiting:
            name = waiting.pop()
            if name not in homes:
                homes[name] = tag
                waiting += list_references(schemas[name])
    return homes


def render_operation(method: str, path: str, operation: Schema, link: Link) -> str:
    lines = [f"## {method} {path}\n", clean_paragraphs(operation.get("description", operation["summary"])), ""]
    lines.append(f"Needs: {render_access(operation)}.\n")
    if operation.get("parameters"):
        lines += ["| Parameter | In | Type | Meaning |", "|---|---|---|---|"]
        lines += [render_parameter(one, link) for one in operation["parameters"]]
        lines.append("")
    if "requestBody" in operation:
        lines.append(f"Request: {render_content(operation['requestBody'], link)}.\n")
    for status, answer in operation["responses"].items():
        if int(status) in _SUCCESS:
            lines.append(f"Answer {status}: {render_content(answer, link)}.\n")
    errors = [status for status in operation["responses"] if int(status) >= _FIRST_ERROR]
    if errors:
        lines.append(f"Errors: {', '.join(errors)}, each with a {link('Problem')}.\n")
    return "\n".join(lines)


def render_access(operation: Schema) -> str:
    access = str(operation["x-rootkeeper-access"])
    needed = "no sign-in" if access == "anyone" else f"the permission `{access}`" if ":" in access else "a sign-in"
    return needed + (", and a fresh second factor" if operation.get("x-rootkeeper-fresh-factor") else "")


def render_parameter(parameter: Schema, link: Link) -> str:
    schema = parameter["schema"]
    optional = "" if parameter.get("required") else " (optional)"
    meaning = clean(parameter.get("description", schema.get("description", "")))
    has_default = schema.get("default") not in (None, "")
    default = f" Default: `{json.dumps(schema['default'])}`." if has_default else ""
    place, kind = parameter["in"], render_type(schema, link)
    return f"| `{parameter['name']}`{optional} | {place} | {kind} | {cell(meaning + default).strip()} |"


def render_content(holder: Schema, link: Link) -> str:
    content = holder.get("content")
    if not content:
        return "no content"
    return " or ".join(
        f"{render_type(one['schema'], link)} (`{media_type}`)" if one.get("schema") else f"`{media_type}`"
        for media_type, one in content.items()
    )


def clean_paragraphs(text: str) -> str:
    return "\n\n".join(clean(paragraph) for paragraph in re.split(r"\n\s*\n", text))


def make_schemas(repository: Path, made: MadePages) -> None:
    """One page for each JSON Schema, with the file itself."""
    for path in sorted((repository / "docs/reference").glob("*.schema.json")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        name = path.name.removesuffix(".schema.json")
        address = f"reference/schemas/{name}"
        made.add(address, OUTPUTS, render_schema(name, path.name, schema))
        made.files[f"reference/schemas/{path.name}"] = path
        made.parts[f"docs/reference/{path.name}", ""] = (address, "")


def render_schema(name: str, file_name: str, schema: Schema) -> str:
    def link(record: str) -> str:
        return f"[{record}](#{record.lower()})"

    parts = [f"# JSON Schema: {name}\n", f'<a href="{file_name}">The schema itself</a>, `{schema["$id"]}`.\n']
    parts.append(render_record(schema, link))
    parts += [f"## {record}\n\n{render_record(one, link)}" for record, one in schema.get("$defs", {}).items()]
    return "\n".join(parts)
