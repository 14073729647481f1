from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.aws.templates import CachedRequestSigner

HEADERS = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "User-Agent": "rootkeeper/1 botocore/1"}
URLS = ("https://sts.us-east-1.amazonaws.com/", "https://iam.amazonaws.com/", "http://127.0.0.1:4599/")
WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
MOMENT = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)


def sign_by_botocore(url: str, body: bytes, credentials: ReadOnlyCredentials) -> dict[str, str]:
    """By the steps of ``SigV4Auth.add_auth``, which takes the time of now."""
    auth, moment = SigV4Auth(credentials, "sts", "us-east-1"), MOMENT.strftime(SIGV4_TIMESTAMP)
    request = AWSRequest("POST", url, headers={**HEADERS, "X-Amz-Date": moment}, data=body)
    request.context["timestamp"] = moment
    if credentials.token:
        request.headers["X-Amz-Security-Token"] = credentials.token
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    signed_headers = auth.signed_headers(auth.headers_to_sign(request))
    request.headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}, SignedHeaders={signed_headers}, Signature={signature}"
    )
    return dict(request.headers.items())


def test_the_steps_are_those_by_which_botocore_signs() -> None:
    credentials = ReadOnlyCredentials("AKIAIOSFODNN7EXAMPLE", "secret", "token")
    request = AWSRequest("POST", URLS[0], headers=HEADERS, data=b"Action=AssumeRoot")
    SigV4Auth(credentials, "sts", "us-east-1").add_auth(request)
    at = datetime.strptime(request.headers["X-Amz-Date"], SIGV4_TIMESTAMP).replace(tzinfo=UTC)
    signed = CachedRequestSigner(URLS[0], HEADERS, "sts", "us-east-1").sign(b"Action=AssumeRoot", credentials, at)
    assert signed == dict(request.headers.items())


@pytest.mark.parametrize("url", URLS)
@given(body=st.binary(min_size=1, max_size=80), key=WORDS, secret=WORDS, token=st.none() | WORDS)
def test_it_signs_as_botocore_does_for_any_body_and_credentials(
    url: str, body: bytes, key: str, secret: str, token: str | None
) -> None:
    credentials = ReadOnlyCredentials(key, secret, token)
    signature = CachedRequestSigner(url, HEADERS, "sts", "us-east-1")
    first, second = (signature.sign(one, credentials, MOMENT) for one in (b"another body", body))
    assert second == sign_by_botocore(url, body, credentials)
    assert first == sign_by_botocore(url, b"another body", credentials)


def test_credentials_of_both_kinds_may_take_turns() -> None:
    signature = CachedRequestSigner(URLS[0], HEADERS, "sts", "us-east-1")
    for token in (None, "token", None, "other"):
        credentials = ReadOnlyCredentials("AKIAIOSFODNN7EXAMPLE", "secret", token)
        assert signature.sign(b"Action=AssumeRoot", credentials, MOMENT) == sign_by_botocore(
            URLS[0], b"Action=AssumeRoot", credentials
        )
