from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.errors import InputError
from rootkeeper.organization.accounts import Endpoint, parse_account_id


@given(st.text("0123456789", min_size=12, max_size=12))
def test_an_account_id_has_twelve_digits_and_keeps_its_zeros(text: str) -> None:
    assert parse_account_id(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12345678901",
        "1234567890123",
        "12345678901a",
        " 123456789012",
        "123456789012\n",
        "-12345678901",
        "١٢٣٤٥٦٧٨٩٠١٢",
    ],
)
def test_what_is_no_account_id_is_refused_and_shown(text: str) -> None:
    with pytest.raises(InputError) as error:
        parse_account_id(text)
    assert repr(text) in error.value.message


def test_every_endpoint_but_that_of_aws_is_a_sandbox() -> None:
    assert not Endpoint("AWS").is_sandbox
    assert Endpoint("SANDBOX 127.0.0.1:4599").is_sandbox
