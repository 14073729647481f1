from __future__ import annotations

import hashlib
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.session import Session

from rootkeeper.aws.endpoints import Lifetime, classify_lifetime, find_expiry
from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import AwsCredentialsError

SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
LATER = SOON + timedelta(hours=5)
KEY = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = example\n"


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path


def keep_token(home: Path, name: str, **members: str) -> None:
    cache = home / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    token = {"accessToken": "canary-token", "expiresAt": LATER.strftime("%Y-%m-%dT%H:%M:%SZ"), **members}
    (cache / f"{hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()}.json").write_text(json.dumps(token))


def session_with(profile: str | None, method: str, expires_at: datetime) -> Session:
    """A session whose chain has found credentials of that kind; none of them is fetched from anywhere."""
    session = Session(profile=profile)
    found = RefreshableCredentials("AKIAIOSFODNN7EXAMPLE", "example", "example", expires_at, dict, method)
    vars(session)["_credentials"] = found
    return session


# What the environment and files hold.


def test_long_lived_keys_do_not_end(home: Path) -> None:
    (home / "config").write_text(f"[default]\n{KEY}")
    assert find_expiry(Session()) is None


def test_without_credentials_there_is_no_end(home: Path) -> None:
    assert find_expiry(Session()) is None


def test_session_credentials_of_the_environment_end_when_it_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "example")
    assert find_expiry(Session()) is None
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", SOON.isoformat())
    assert find_expiry(Session()) == SOON


def test_credentials_that_have_expired_are_an_error(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", (SOON - timedelta(days=2)).isoformat())
    with pytest.raises(AwsCredentialsError, match="expired") as raised:
        find_expiry(Session())
    assert raised.value.hint


def test_a_process_that_gives_credentials_is_taken_to_renew_them(home: Path) -> None:
    answer = {"Version": 1, "AccessKeyId": "ASIAIOSFODNN7EXAMPLE", "SecretAccessKey": "example", "SessionToken": "x"}
    script = home / "process.py"
    script.write_text(f"print({json.dumps(json.dumps({**answer, 'Expiration': SOON.isoformat()}))})")
    (home / "config").write_text(f"[default]\ncredential_process = {sys.executable} {script}\n")
    assert find_expiry(Session()) is None


@pytest.mark.parametrize("method", ["iam-role", "container-role", "assume-role-with-web-identity", "login"])
def test_credentials_of_machines_renew_themselves(method: str, home: Path) -> None:
    assert find_expiry(session_with(None, method, SOON)) is None


# Roles.


@pytest.mark.parametrize(
    ("base", "role", "ends"),
    [
        (KEY, "", False),
        (KEY, "mfa_serial = arn:aws:iam::111122223333:mfa/me\n", True),
        (f"{KEY}role_arn = arn:aws:iam::111122223333:role/b\nmfa_serial = GAHT12345678\n", "", True),
    ],
)
def test_a_role_ends_only_if_renewing_it_needs_an_mfa_code(base: str, role: str, ends: bool, home: Path) -> None:
    chain = "role_arn = arn:aws:iam::111122223333:role/a\nsource_profile = base\n"
    (home / "config").write_text(f"[profile base]\n{base}[profile ops]\n{chain}{role}")
    assert find_expiry(session_with("ops", "assume-role", SOON)) == (SOON if ends else None)


def test_a_role_that_names_itself_as_its_source_is_no_endless_loop(home: Path) -> None:
    chain = "role_arn = arn:aws:iam::111122223333:role/a\nsource_profile = ops\n"
    (home / "config").write_text(f"[profile ops]\n{KEY}{chain}")
    assert find_expiry(session_with("ops", "assume-role", SOON)) is None


def test_roles_in_a_circle_are_no_endless_loop(home: Path) -> None:
    (home / "config").write_text(
        "[profile a]\nrole_arn = arn:aws:iam::111122223333:role/a\nsource_profile = b\n"
        "[profile b]\nrole_arn = arn:aws:iam::111122223333:role/b\nsource_profile = a\n"
    )
    assert find_expiry(session_with("a", "assume-role", SOON)) is None


# IAM Identity Center.

LEGACY = "[profile ops]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n"
MODERN = (
    "[profile ops]\nsso_session = corp\n"
    "[sso-session corp]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n"
)


def test_a_legacy_sso_token_ends_it(home: Path) -> None:
    (home / "config").write_text(LEGACY)
    keep_token(home, "https://example.awsapps.com/start")
    assert find_expiry(session_with("ops", "sso", SOON)) == LATER


def test_role_credentials_that_outlive_the_token_are_used_to_their_end(home: Path) -> None:
    (home / "config").write_text(LEGACY)
    keep_token(home, "https://example.awsapps.com/start")
    outliving = LATER + timedelta(hours=3)
    assert find_expiry(session_with("ops", "sso", outliving)) == outliving


def test_an_sso_token_that_can_be_refreshed_renews_itself(home: Path) -> None:
    (home / "config").write_text(MODERN)
    keep_token(home, "corp", refreshToken="canary-token", registrationExpiresAt="2099-01-01T00:00:00Z")
    assert find_expiry(session_with("ops", "sso", SOON)) is None


def test_an_sso_session_without_a_refresh_token_ends_with_its_token(home: Path) -> None:
    (home / "config").write_text(MODERN)
    keep_token(home, "corp")
    assert find_expiry(session_with("ops", "sso", SOON)) == LATER


def test_a_registration_that_has_run_out_refreshes_nothing(home: Path) -> None:
    (home / "config").write_text(MODERN)
    keep_token(home, "corp", refreshToken="canary-token", registrationExpiresAt="2020-01-01T00:00:00Z")
    assert find_expiry(session_with("ops", "sso", SOON)) == LATER


def test_a_role_on_top_of_sso_ends_with_the_token(home: Path) -> None:
    top = "[profile top]\nrole_arn = arn:aws:iam::111122223333:role/a\nsource_profile = ops\n"
    (home / "config").write_text(LEGACY + top)
    keep_token(home, "https://example.awsapps.com/start")
    assert find_expiry(session_with("top", "assume-role", SOON)) == LATER


def test_a_token_that_is_not_there_tells_no_end(home: Path) -> None:
    (home / "config").write_text(LEGACY)
    assert find_expiry(session_with("ops", "sso", SOON)) is None


def test_an_expired_sso_session_says_how_to_sign_in_again(home: Path) -> None:
    (home / "config").write_text(
        "[profile ops]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n"
        "sso_account_id = 111122223333\nsso_role_name = Admin\nregion = us-east-1\n"
    )
    with pytest.raises(AwsCredentialsError) as raised:
        find_expiry(Session(profile="ops"))
    assert render_hint(raised.value.hint) == "Run `aws sso login --profile ops`."


def test_the_kinds_of_botocore_are_still_called_so() -> None:
    from botocore.credentials import AssumeRoleProvider, EnvProvider, SSOProvider

    assert (EnvProvider.METHOD, SSOProvider.METHOD, AssumeRoleProvider.METHOD) == ("env", "sso", "assume-role")
    assert Credentials("a", "b", method="env").method == "env"


# How long they can serve a server.


def test_a_key_without_an_end_is_static(home: Path) -> None:
    (home / "config").write_text(f"[default]\n{KEY}")
    assert classify_lifetime(Session()) is Lifetime.STATIC


@pytest.mark.parametrize("expiry", [None, SOON.isoformat()], ids=["unknown end", "known end"])
def test_session_credentials_that_nobody_renews_end(
    home: Path, monkeypatch: pytest.MonkeyPatch, expiry: str | None
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "example")
    if expiry is not None:
        monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", expiry)
    assert classify_lifetime(Session()) is Lifetime.ENDING


@pytest.mark.parametrize("method", ["iam-role", "container-role", "assume-role-with-web-identity", "assume-role"])
def test_the_credentials_of_a_machine_s_role_are_renewed(home: Path, method: str) -> None:
    assert classify_lifetime(session_with(None, method, SOON)) is Lifetime.RENEWED


def test_a_role_assumed_with_an_mfa_code_ends(home: Path) -> None:
    (home / "config").write_text("[profile mfa]\nrole_arn = arn:aws:iam::111122223333:role/x\nmfa_serial = example\n")
    assert classify_lifetime(session_with("mfa", "assume-role", SOON)) is Lifetime.ENDING


def test_without_credentials_no_lifetime_is_told(home: Path) -> None:
    with pytest.raises(AwsCredentialsError):
        classify_lifetime(Session())
