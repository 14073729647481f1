from __future__ import annotations

import hashlib
import json
import sys
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore import credentials
from botocore.credentials import RefreshableCredentials
from botocore.session import Session

from rootkeeper.aws.endpoints import find_lifetime
from rootkeeper.aws.gateway import GatewayOptions, open_gateway
from rootkeeper.aws.rules import CredentialsLifetime, Lifetime
from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import AwsCredentialsError
from tests.fakes.clock import FakeClock

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


def pasted(monkeypatch: pytest.MonkeyPatch, variable: str = "AWS_SESSION_TOKEN") -> None:
    """Session keys in the environment, as an access portal shows them."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setenv(variable, "example")


def ends(moment: datetime) -> CredentialsLifetime:
    return CredentialsLifetime(Lifetime.ENDING, moment)


def last_use(expires_at: datetime) -> datetime:
    """botocore uses credentials that it can't renew until ten minutes before they expire."""
    return expires_at - timedelta(minutes=10)


def require_unknown(found: CredentialsLifetime, doubt: str, usable_until: datetime | None) -> None:
    assert (found.lifetime, found.usable_until) == (Lifetime.UNKNOWN, usable_until)
    assert doubt in found.doubt


def session_with(profile: str | None, method: str, expires_at: datetime) -> Session:
    """A session whose chain has found credentials of that kind; none of them is fetched from anywhere."""
    session = Session(profile=profile)
    found = RefreshableCredentials("AKIAIOSFODNN7EXAMPLE", "example", "example", expires_at, dict, method)
    vars(session)["_credentials"] = found
    return session


# What the environment and files hold.


def test_long_lived_keys_do_not_end(home: Path) -> None:
    (home / "config").write_text(f"[default]\n{KEY}")
    assert find_lifetime(Session()).lifetime is Lifetime.STATIC


def test_without_credentials_there_is_no_lifetime(home: Path) -> None:
    with pytest.raises(AwsCredentialsError):
        find_lifetime(Session())


def test_session_keys_of_the_environment_end_when_it_says_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pasted(monkeypatch)
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", SOON.isoformat())
    assert find_lifetime(Session()) == ends(SOON)


def test_pasted_session_keys_have_an_unknown_end(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pasted(monkeypatch)
    require_unknown(find_lifetime(Session()), "session keys without an expiry", None)


def test_session_keys_in_a_file_have_an_unknown_end(home: Path) -> None:
    (home / "credentials").write_text(f"[default]\n{KEY}aws_session_token = example\n")
    require_unknown(find_lifetime(Session()), "session keys without an expiry", None)


def test_credentials_that_have_expired_are_an_error(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pasted(monkeypatch)
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", (SOON - timedelta(days=2)).isoformat())
    with pytest.raises(AwsCredentialsError, match="expired") as raised:
        find_lifetime(Session())
    assert raised.value.hint


def write_process(home: Path, **members: str) -> None:
    answer = {"Version": 1, "AccessKeyId": "ASIAIOSFODNN7EXAMPLE", "SecretAccessKey": "example", **members}
    script = home / "process.py"
    script.write_text(f"print({json.dumps(json.dumps(answer))})")
    (home / "config").write_text(f"[default]\ncredential_process = {sys.executable} {script}\n")


def test_it_isnt_known_whether_a_process_renews_its_credentials(home: Path) -> None:
    write_process(home, SessionToken="x", Expiration=SOON.isoformat())
    require_unknown(find_lifetime(Session()), "credential_process", last_use(SOON))


def test_session_keys_of_a_process_without_an_expiry_have_an_unknown_end(home: Path) -> None:
    write_process(home, SessionToken="x")
    require_unknown(find_lifetime(Session()), "without an expiry", None)


@pytest.mark.parametrize("method", ["iam-role", "container-role", "assume-role-with-web-identity"])
def test_credentials_of_machines_are_renewed(method: str, home: Path) -> None:
    assert find_lifetime(session_with(None, method, SOON)).lifetime is Lifetime.RENEWED


@pytest.mark.parametrize(("method", "doubt"), [("login", "aws login"), ("new-method", "new-method")])
def test_a_sign_in_that_renews_and_a_source_that_we_dont_know_have_an_unknown_end(
    method: str, doubt: str, home: Path
) -> None:
    require_unknown(find_lifetime(session_with(None, method, SOON)), doubt, last_use(SOON))


def test_botocore_drops_credentials_that_it_cant_renew_ten_minutes_before_they_expire() -> None:
    def refuse() -> None:
        raise ConnectionError

    now = datetime.now(UTC)
    for seconds_left, is_usable in ((11 * 60, True), (9 * 60, False)):
        expires_at = now + timedelta(seconds=seconds_left)
        found = RefreshableCredentials("AKIAIOSFODNN7EXAMPLE", "example", "example", expires_at, refuse, "assume-role")
        with nullcontext() if is_usable else pytest.raises(ConnectionError):
            found.get_frozen_credentials()


# Roles.

ROLE = "role_arn = arn:aws:iam::111122223333:role/a\n"


@pytest.mark.parametrize(
    ("base", "role", "has_end"),
    [
        (KEY, "", False),
        (KEY, "mfa_serial = arn:aws:iam::111122223333:mfa/me\n", True),
        (f"{KEY}role_arn = arn:aws:iam::111122223333:role/b\nmfa_serial = GAHT12345678\n", "", True),
    ],
)
def test_a_role_of_keys_ends_only_if_renewing_it_needs_an_mfa_code(
    base: str, role: str, has_end: bool, home: Path
) -> None:
    (home / "config").write_text(f"[profile base]\n{base}[profile ops]\n{ROLE}source_profile = base\n{role}")
    wanted = ends(last_use(SOON)) if has_end else CredentialsLifetime(Lifetime.RENEWED)
    assert find_lifetime(session_with("ops", "assume-role", SOON)) == wanted


@pytest.mark.parametrize(
    ("base", "doubt"),
    [
        (f"{KEY}aws_session_token = example\n", "session keys"),
        (f"{KEY}aws_security_token = example\n", "session keys"),
        ("credential_process = /bin/false\n", "credential_process"),
        ("login_session = arn:aws:iam::111122223333:user/ana\n", "aws login"),
        ("region = us-east-1\n", "isn't known"),
    ],
)
def test_a_role_is_renewed_no_longer_than_what_assumes_it(base: str, doubt: str, home: Path) -> None:
    (home / "config").write_text(f"[profile base]\n{base}[profile ops]\n{ROLE}source_profile = base\n")
    require_unknown(find_lifetime(session_with("ops", "assume-role", SOON)), doubt, last_use(SOON))


@pytest.mark.parametrize("source", ["Ec2InstanceMetadata", "EcsContainer", "Environment"])
def test_a_role_that_a_machine_or_a_key_assumes_is_renewed(source: str, home: Path) -> None:
    (home / "config").write_text(f"[profile ops]\n{ROLE}credential_source = {source}\n")
    assert find_lifetime(session_with("ops", "assume-role", SOON)).lifetime is Lifetime.RENEWED


@pytest.mark.parametrize("variable", credentials.EnvProvider.TOKENS)
def test_a_role_that_pasted_session_keys_assume_has_an_unknown_end(
    variable: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pasted(monkeypatch, variable)
    (home / "config").write_text(f"[profile ops]\n{ROLE}credential_source = Environment\n")
    require_unknown(find_lifetime(session_with("ops", "assume-role", SOON)), "session keys", last_use(SOON))


def test_a_role_that_a_workload_s_token_assumes_is_renewed(home: Path) -> None:
    (home / "config").write_text(
        f"[profile base]\n{ROLE}web_identity_token_file = /token\n[profile ops]\n{ROLE}source_profile = base\n"
    )
    assert find_lifetime(session_with("ops", "assume-role", SOON)).lifetime is Lifetime.RENEWED


def test_a_role_that_names_itself_as_its_source_is_no_endless_loop(home: Path) -> None:
    (home / "config").write_text(f"[profile ops]\n{KEY}{ROLE}source_profile = ops\n")
    assert find_lifetime(session_with("ops", "assume-role", SOON)).lifetime is Lifetime.RENEWED


def test_roles_in_a_circle_are_no_endless_loop(home: Path) -> None:
    (home / "config").write_text(f"[profile a]\n{ROLE}source_profile = b\n[profile b]\n{ROLE}source_profile = a\n")
    assert find_lifetime(session_with("a", "assume-role", SOON)).lifetime is Lifetime.UNKNOWN


# IAM Identity Center.

LEGACY = "[profile ops]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n"
MODERN = (
    "[profile ops]\nsso_session = corp\n"
    "[sso-session corp]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n"
)


def test_a_legacy_sso_token_ends_it(home: Path) -> None:
    (home / "config").write_text(LEGACY)
    keep_token(home, "https://example.awsapps.com/start")
    assert find_lifetime(session_with("ops", "sso", SOON)) == ends(LATER)


def test_role_credentials_that_outlive_the_token_are_used_as_long_as_botocore_uses_them(home: Path) -> None:
    (home / "config").write_text(LEGACY)
    keep_token(home, "https://example.awsapps.com/start")
    outliving = LATER + timedelta(hours=3)
    assert find_lifetime(session_with("ops", "sso", outliving)) == ends(last_use(outliving))


def test_the_end_of_a_session_whose_token_is_refreshed_isnt_known(home: Path) -> None:
    (home / "config").write_text(MODERN)
    keep_token(home, "corp", refreshToken="canary-token", registrationExpiresAt="2099-01-01T00:00:00Z")
    require_unknown(find_lifetime(session_with("ops", "sso", SOON)), "IAM Identity Center", LATER)


def test_an_sso_session_without_a_refresh_token_ends_with_its_token(home: Path) -> None:
    (home / "config").write_text(MODERN)
    keep_token(home, "corp")
    assert find_lifetime(session_with("ops", "sso", SOON)) == ends(LATER)


def test_a_registration_that_has_run_out_refreshes_nothing(home: Path) -> None:
    (home / "config").write_text(MODERN)
    keep_token(home, "corp", refreshToken="canary-token", registrationExpiresAt="2020-01-01T00:00:00Z")
    assert find_lifetime(session_with("ops", "sso", SOON)) == ends(LATER)


def test_a_role_on_top_of_sso_ends_with_the_token(home: Path) -> None:
    top = f"[profile top]\n{ROLE}source_profile = ops\n"
    (home / "config").write_text(LEGACY + top)
    keep_token(home, "https://example.awsapps.com/start")
    assert find_lifetime(session_with("top", "assume-role", SOON)) == ends(LATER)


def test_a_token_that_is_not_there_leaves_the_end_unknown(home: Path) -> None:
    (home / "config").write_text(LEGACY)
    require_unknown(find_lifetime(session_with("ops", "sso", SOON)), "IAM Identity Center", last_use(SOON))


def test_an_expired_sso_session_says_how_to_sign_in_again(home: Path) -> None:
    (home / "config").write_text(
        "[profile ops]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n"
        "sso_account_id = 111122223333\nsso_role_name = Admin\nregion = us-east-1\n"
    )
    with pytest.raises(AwsCredentialsError) as raised:
        find_lifetime(Session(profile="ops"))
    assert render_hint(raised.value.hint) == "Run `aws sso login --profile ops`."


def test_the_kinds_of_botocore_are_still_called_so() -> None:
    providers = (
        *(credentials.EnvProvider, credentials.SSOProvider, credentials.AssumeRoleProvider),
        *(credentials.ProcessProvider, credentials.InstanceMetadataProvider, credentials.ContainerProvider),
        *(credentials.AssumeRoleWithWebIdentityProvider, credentials.LoginProvider),
    )
    assert [provider.METHOD for provider in providers] == [
        *("env", "sso", "assume-role", "custom-process", "iam-role", "container-role"),
        *("assume-role-with-web-identity", "login"),
    ]


# What the operator knows.


@pytest.mark.parametrize(("renewed", "lifetime"), [(False, Lifetime.UNKNOWN), (True, Lifetime.RENEWED)])
def test_a_setting_says_that_credentials_of_unknown_end_are_renewed(
    renewed: bool, lifetime: Lifetime, home: Path
) -> None:
    write_process(home, SessionToken="x", Expiration=SOON.isoformat())
    gateway = open_gateway(GatewayOptions(credentials_renewed=renewed), FakeClock())
    assert gateway.find_credentials_lifetime().lifetime is lifetime


def test_the_setting_doesnt_change_an_end_that_is_known(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pasted(monkeypatch)
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", SOON.isoformat())
    gateway = open_gateway(GatewayOptions(credentials_renewed=True), FakeClock())
    assert gateway.find_credentials_lifetime() == ends(SOON)
