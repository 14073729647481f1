"""The route of shipped policies: the texts that ``rootkeeper policies`` prints, in each form."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
import yaml

from rootkeeper.aws.rules import AwsWork
from rootkeeper.ledger.rules import Actor, ActorKind
from rootkeeper.shipped_policies.bundle import PolicyInputs
from rootkeeper.shipped_policies.documents import render_document
from rootkeeper.shipped_policies.rules import ShippedRole
from tests.fakes.api_services import FakeServices
from tests.functional.api.serving import ApiServer

SERVER = "arn:aws:iam::222233334444:role/rootkeeper-server"


def test_each_role_and_each_form_is_there_as_the_commands_print_it(services: FakeServices, api: ApiServer) -> None:
    answer = api.get("/policies").json
    documents = answer["documents"]
    assert len({one["file_name"] for one in documents}) == len(documents)
    for form in ("permissions", "trust"):
        assert {one["role"] for one in documents if one["form"] == form} == set(ShippedRole)
    assert {one["form"] for one in documents if one["role"] is None} == {
        "alarms",
        "cloudformation",
        "scp",
        "terraform",
    }
    with services.act_as(Actor("vera", ActorKind.SIGNED_IN), AwsWork.AUDIT) as acting:
        bundle = acting.policy_bundle_builder.make(PolicyInputs())
    (audit,) = (one for one in documents if one["form"] == "permissions" and one["role"] == "audit")
    assert audit["content"] == render_document(bundle.get_role(ShippedRole.AUDIT).permission_policy)


def test_each_text_is_what_its_language_says(api: ApiServer) -> None:
    for one in api.get("/policies").json["documents"]:
        if one["language"] == "json":
            json.loads(one["content"])
        elif one["language"] == "yaml":
            assert yaml.safe_load(one["content"])["Resources"]
        else:
            assert 'resource "aws_' in one["content"]


def test_a_server_role_is_named_in_the_trust_policies(api: ApiServer) -> None:
    asked = api.get(f"/policies?{urlencode({'server_role_arn': SERVER})}").json["documents"]
    (trust,) = (one for one in asked if one["form"] == "trust" and one["role"] == "recover")
    assert SERVER in trust["content"]


@pytest.mark.parametrize(
    "query", [{"report_bucket": "reports"}, {"server_role_arn": "nonsense"}, {"trusted_principal": "arn:aws:s3:::x"}]
)
def test_an_input_that_fits_no_policy_is_refused(api: ApiServer, query: dict[str, str]) -> None:
    assert api.get(f"/policies?{urlencode(query)}").status == 422
