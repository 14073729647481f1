"""Checks of documents against the schemas that others publish for them.

Those of SARIF, JUnit, OCSF and OSCAL are in ``tests/schemas``. Those of GitHub's and GitLab's files come with
``check-jsonschema``, which keeps copies of their newest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
from jsonschema.protocols import Validator

if TYPE_CHECKING:
    import xmlschema

_FOLDER = Path(__file__).resolve().parent / "schemas"


def require_sarif(document: object) -> None:
    """:raises AssertionError: if it isn't SARIF 2.1.0."""
    _require(_load(_FOLDER / "sarif-schema-2.1.0.json"), document)


def require_junit(document: bytes) -> None:
    """:raises AssertionError: if it isn't XML that Jenkins and its like read."""
    _require_none(f"{error.path}: {error.reason}" for error in _load_junit().iter_errors(document.decode()))


def require_ocsf(event: object) -> None:
    """:raises AssertionError: if it isn't a Compliance Finding of OCSF 1.5.0 with the profile ``cloud``."""
    _require(_load(_FOLDER / "ocsf-1.5.0-compliance_finding.json"), event)


def require_oscal(document: object) -> None:
    """:raises AssertionError: if it isn't assessment results of OSCAL 1.2.1."""
    _require(_load_oscal(), document)


def require_action(document: object) -> None:
    """:raises AssertionError: if it isn't the metadata of an action."""
    _require(_load_vendored("github-actions"), document)


def require_workflow(document: dict[Any, object]) -> None:
    """:raises AssertionError: if it isn't a workflow. YAML 1.1 reads the key ``on`` as true."""
    _require(
        _load_vendored("github-workflows"), {"on" if key is True else key: value for key, value in document.items()}
    )


def require_issue_form(document: object) -> None:
    """:raises AssertionError: if it isn't a form of GitHub's issues."""
    _require(_load_vendored("github-issue-forms"), document)


def require_issue_settings(document: object) -> None:
    """:raises AssertionError: if it doesn't configure GitHub's choice of forms."""
    _require(_load_vendored("github-issue-config"), document)


def require_dependabot(document: object) -> None:
    """:raises AssertionError: if it isn't Dependabot's configuration."""
    _require(_load_vendored("dependabot"), document)


def require_gitlab(document: object) -> None:
    """:raises AssertionError: if it isn't a pipeline of GitLab."""
    _require(_load_vendored("gitlab-ci"), document)


def require_compose(document: object) -> None:
    """:raises AssertionError: if it isn't a file of Compose."""
    _require(_load_vendored("compose-spec"), document)


def _require(validator: Validator, document: Any) -> None:
    _require_none(f"{error.json_path}: {error.message}" for error in validator.iter_errors(document))


def _require_none(problems: Iterable[str]) -> None:
    found = "\n".join(problems)
    if found:
        raise AssertionError(found)


@cache
def _load(path: Path) -> Validator:
    schema = json.loads(path.read_text())
    return jsonschema.validators.validator_for(schema)(schema, format_checker=jsonschema.FormatChecker())


def _load_vendored(name: str) -> Validator:
    with resources.as_file(resources.files("check_jsonschema") / f"builtin_schemas/vendor/{name}.json") as path:
        return _load(path)


@cache
def _load_oscal() -> Validator:
    """Python's ``re`` has no classes of Unicode such as ``\\p{L}``: it says the same in other words."""
    text = (_FOLDER / "oscal_assessment-results_schema.json").read_text()
    schema = json.loads(text.replace(r"\\p{L}", r"[^\\W\\d_]").replace(r"\\p{N}", r"\\d"))
    return jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())


@cache
def _load_junit() -> xmlschema.XMLSchema10:
    import xmlschema  # each worker that collects would import it

    return xmlschema.XMLSchema10(_FOLDER / "junit-10.xsd")
