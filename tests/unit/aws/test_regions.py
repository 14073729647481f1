from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.session import Session

from rootkeeper.aws.clients import AwsClients, GatewayOptions
from rootkeeper.aws.endpoints import choose_region, force_regional_sts, list_regions
from rootkeeper.errors import InputError
from tests.fakes.clock import FakeClock


def commercial_regions() -> list[str]:
    return Session().get_available_regions("sts", "aws")


@pytest.fixture
def legacy_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\nsts_regional_endpoints = legacy\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy")


def test_p16_sts_is_regional_in_every_commercial_region_regardless_of_the_settings(legacy_settings: None) -> None:
    session = Session()
    session.set_credentials("AKIAIOSFODNN7EXAMPLE", "example")
    force_regional_sts(session)
    regions = commercial_regions()
    assert len(regions) > 25
    for region in regions:
        url = session.create_client("sts", region_name=region).meta.endpoint_url
        assert urlsplit(url).hostname == f"sts.{region}.amazonaws.com"


def test_the_legacy_setting_would_lead_to_the_global_endpoint(legacy_settings: None) -> None:
    session = Session()
    session.set_credentials("AKIAIOSFODNN7EXAMPLE", "example")
    assert session.create_client("sts", region_name="us-east-1").meta.endpoint_url == "https://sts.amazonaws.com"


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "ap-northeast-1"])
def test_p16_the_gateway_s_own_sts_clients_are_regional(legacy_settings: None, region: str) -> None:
    clients = AwsClients(GatewayOptions(region=region), FakeClock())
    for calls in (clients.sts, clients.root_sts):
        assert calls.url == f"https://sts.{region}.amazonaws.com"


@pytest.mark.parametrize("region", ["aws-global", "us-east-99", "", "  ", "us-east-1-fips", "local", "eu"])
def test_what_is_no_region_is_refused_with_a_hint(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region or " ")
    with pytest.raises(InputError, match="is not an AWS Region") as raised:
        choose_region(Session(), region or None)
    assert raised.value.hint


def test_without_a_region_it_is_us_east_1() -> None:
    assert choose_region(Session(), None) == "us-east-1"


def test_the_region_asked_for_wins_over_the_configured_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert choose_region(Session(), None) == "eu-central-1"
    assert choose_region(Session(), "ap-south-1") == "ap-south-1"


def test_aws_region_is_read_as_newer_tools_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert choose_region(Session(), None) == "eu-central-1"


@pytest.mark.parametrize(
    ("of_profile", "used"),
    [("eu-south-1", "us-east-1"), ("eu-north-1", "eu-north-1"), ("us-gov-east-1", "us-gov-east-1")],
)
def test_an_opt_in_region_of_a_profile_isnt_used_without_being_asked(
    of_profile: str, used: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    (tmp_path / "config").write_text(f"[default]\nregion = {of_profile}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert choose_region(Session(), None) == used
    assert choose_region(Session(), of_profile) == of_profile
    monkeypatch.setenv("AWS_REGION", of_profile)
    assert choose_region(Session(), None) == of_profile


def test_regions_of_other_partitions_are_known() -> None:
    assert {"us-gov-west-1", "cn-north-1", "us-east-1"} <= list_regions(Session())


def test_fips_endpoints_are_regional_too(monkeypatch: pytest.MonkeyPatch, legacy_settings: None) -> None:
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    clients = AwsClients(GatewayOptions(region="us-west-2"), FakeClock())
    assert clients.root_sts.url == clients.sts.url == "https://sts-fips.us-west-2.amazonaws.com"
    assert clients.endpoint.label == "AWS"
