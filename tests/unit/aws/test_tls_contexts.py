from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from botocore.session import Session

from rootkeeper.aws.templates import create_tls_context, needs_botocore


def context_of(bundle: Path | None, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    if bundle is not None:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    return create_tls_context(Session())


def test_old_versions_of_tls_are_not_spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    context = context_of(None, monkeypatch)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_bundle_that_is_a_folder_is_taken_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert context_of(tmp_path, monkeypatch).get_ca_certs() == []


def test_a_bundle_that_is_missing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="No such file"):
        context_of(tmp_path / "missing.pem", monkeypatch)


@pytest.mark.parametrize(
    ("variables", "needed"),
    [
        ({}, False),
        ({"HTTPS_PROXY": "http://127.0.0.1:3128"}, True),
        ({"HTTPS_PROXY": "http://127.0.0.1:3128", "NO_PROXY": "amazonaws.com"}, False),
        ({"HTTP_PROXY": "http://127.0.0.1:3128"}, False),
    ],
)
def test_calls_that_go_through_a_proxy_are_left_to_botocore(
    variables: dict[str, str], needed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert needs_botocore("https://sts.us-east-1.amazonaws.com/") is needed
