"""The route of shipped policies: least-privilege roles, guardrails, alarms and infrastructure code."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from rootkeeper.access.rules import Permission
from rootkeeper.aws.rules import AwsWork
from rootkeeper.references import require_bucket_place
from rootkeeper.server.documents import read
from rootkeeper.server.guards import Identified, Served
from rootkeeper.server.parameters import Filter, Filters, show_one
from rootkeeper.shapes import ShortText
from rootkeeper.shipped_policies.bundle import PolicyInputs
from rootkeeper.shipped_policies.records import PolicyTextsDocument, describe_bundle
from rootkeeper.shipped_policies.texts import list_policy_texts


def list_policies(
    services: Served,
    identity: Identified,
    trusted_principal: Filters = None,
    server_role_arn: Filter = None,
    report_bucket: Annotated[ShortText | None, Query(description="``s3://BUCKET/PREFIX`` of reports.")] = None,
) -> dict[str, Any]:
    """Make the shipped policies for this organization, as text in each form; AWS is read now, and nothing changes.

    The parameters are those of the ``rootkeeper policies`` commands.
    """
    inputs = PolicyInputs(
        trusted_principals=tuple(trusted_principal or ()),
        server_role=server_role_arn,
        report_place=None if report_bucket is None else require_bucket_place(report_bucket),
    )
    with services.act_as(identity.to_actor(), AwsWork.AUDIT) as acting:
        bundle = acting.policy_bundle_builder.make(inputs)
    return show_one(
        {
            **describe_bundle(bundle),
            "remarks": list(bundle.remarks),
            "documents": list_policy_texts(bundle),
            "not_covered": list(bundle.not_covered),
        }
    )


ROWS = (read("/policies", Permission.SETUP_READ, list_policies, PolicyTextsDocument),)
