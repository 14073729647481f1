"""Applies the diffs of a fix, so that a test can see what comes of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any


def split_fix(fix: str) -> Iterator[tuple[str | None, str]]:
    """Each diff with the id of its policy, and each remark with ``None``."""
    policy_id, lines = None, list[str]()
    for line in fix.splitlines():
        if line.startswith(("#", "--- a/")) and policy_id is not None:
            yield policy_id, "\n".join(lines)
            policy_id = None
        if line.startswith("#"):
            yield None, line
        elif line.startswith("--- a/"):
            policy_id, lines = line.removeprefix("--- a/").split()[0], []
        else:
            lines.append(line)
    if policy_id is not None:
        yield policy_id, "\n".join(lines)


def apply_diff(diff: str, before: str) -> Any:
    """Apply one diff to a document; a hunk says where it belongs."""
    lines = json.dumps(json.loads(before), indent=2).splitlines()
    after: list[str] = []
    position = 0
    for line in diff.splitlines():
        hunk = re.match(r"@@ -(\d+)", line)
        if hunk:
            start = int(hunk.group(1)) - 1
            after.extend(lines[position:start])
            position = start
        elif line.startswith(("#", "---", "+++")):
            continue
        elif line.startswith("+"):
            after.append(line[1:])
        else:
            assert lines[position] == line[1:]
            position += 1
            after.extend([] if line.startswith("-") else [line[1:]])
    return json.loads("\n".join([*after, *lines[position:]]))
