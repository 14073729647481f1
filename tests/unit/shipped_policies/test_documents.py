"""Policy documents are measured as AWS measures them."""

from __future__ import annotations

import json

import pytest

from rootkeeper.errors import InputError
from rootkeeper.shipped_policies.documents import (
    make_document,
    measure_guardrail,
    measure_iam_policy,
    render_document,
    require_fits,
)

DOCUMENT = make_document([{"Effect": "Deny", "Action": "*", "Resource": "*"}])


def test_iam_counts_no_white_space() -> None:
    assert measure_iam_policy(DOCUMENT) == len(json.dumps(DOCUMENT, separators=(",", ":")))


def test_organizations_counts_the_text_as_it_is_uploaded() -> None:
    assert measure_guardrail(DOCUMENT) == len(render_document(DOCUMENT))


def test_a_rendered_document_is_the_document() -> None:
    assert json.loads(render_document(DOCUMENT)) == DOCUMENT


def test_a_document_at_the_limit_fits() -> None:
    require_fits(10, 10, "The policy", "Make it smaller.")


def test_a_document_over_the_limit_is_refused_with_what_to_do() -> None:
    with pytest.raises(InputError, match="would have 10,241 characters, and AWS takes at most 10,240") as caught:
        require_fits(10_241, 10_240, "The policy", "Make it smaller.")
    assert caught.value.hint == "Make it smaller."
