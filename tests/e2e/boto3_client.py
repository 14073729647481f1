"""boto3 as a foreign client, in a process of its own: ``story`` does the whole job, ``calls`` makes what is listed.

Clients are made as a user of AWS would: endpoint and Region come from the environment, only keys are given. What it
reads and prints is what ``javascript/story.mjs`` and ``javascript/calls.mjs`` read and print.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

Answer = dict[str, Any]
SERVICE_PRINCIPAL = "iam.amazonaws.com"
KINDS = {
    "password": "AccountPasswordPresent",
    "access_keys": "AccountAccessKeysPresent",
    "signing_certificates": "AccountSigningCertificatesPresent",
    "mfa_devices": "AccountMFAEnabled",
}


class Caller:
    """A caller with keys, who sends every call once."""

    def __init__(self, keys: Mapping[str, str], region: str | None = None) -> None:
        self._session = boto3.Session(
            aws_access_key_id=keys["accessKeyId"],
            aws_secret_access_key=keys["secretAccessKey"],
            aws_session_token=keys.get("sessionToken"),
            region_name=region,
        )
        self._clients: dict[str, Any] = {}

    def call(self, service: str, operation: str, **parameters: Any) -> Answer:
        """Call an operation by its API name; a refusal is an answer, too."""
        if service not in self._clients:
            config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
            self._clients[service] = self._session.client(service, config=config)
        client = self._clients[service]
        names = {wire: method for method, wire in client.meta.method_to_api_mapping.items()}
        try:
            output = getattr(client, names[operation])(**parameters)
        except ClientError as error:
            found: Any = error.response
            status = found["ResponseMetadata"]["HTTPStatusCode"]
            return {"ok": False, "status": status, "code": found["Error"]["Code"], "message": found["Error"]["Message"]}
        status = output.pop("ResponseMetadata")["HTTPStatusCode"]
        return {"ok": True, "status": status, "output": output}

    def open_root_session(self, account_id: str, task: str) -> tuple[Caller | None, Answer]:
        policy = {"arn": f"arn:aws:iam::aws:policy/root-task/{task}"}
        answer = self.call("sts", "AssumeRoot", TargetPrincipal=account_id, TaskPolicyArn=policy, DurationSeconds=900)
        return (Caller(keys_of(answer)) if answer["ok"] else None), answer


def keys_of(answer: Answer) -> dict[str, str]:
    found = answer["output"]["Credentials"]
    return {
        "accessKeyId": found["AccessKeyId"],
        "secretAccessKey": found["SecretAccessKey"],
        "sessionToken": found["SessionToken"],
    }


def make_calls(calls: Sequence[Mapping[str, Any]]) -> list[Answer]:
    kept: dict[str, dict[str, str]] = {}
    answers = []
    for call in calls:
        keys = kept[call["session"]] if "session" in call else call["credentials"]
        answer = Caller(keys, call.get("region")).call(call["service"], call["operation"], **call.get("input", {}))
        if "keep" in call and answer["ok"]:
            kept[call["keep"]] = keys_of(answer)
        answers.append(answer)
    return answers


class Teller:
    """Lives the main job: enable, delegate, audit, delete, recover, close."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._management = Caller(given["management"])
        self._delegate = Caller(given["delegate"])
        self._delegate_account_id: str = given["delegateAccountId"]
        self._story: dict[str, Any] = {}

    def tell(self) -> dict[str, Any]:
        self._enable()
        self._list_accounts()
        management_id = self._story["organization"]["output"]["Organization"]["MasterAccountId"]
        members = [one["Id"] for one in self._story["accounts"] if one["State"] == "ACTIVE"]
        audited = {one: self._read_summary(one) for one in members if one != management_id}
        self._story["audit"] = audited
        targets = self._choose_targets(audited)
        self._story["targets"] = targets
        self._story["deleted"] = {target: self._delete_everything(target) for target in targets}
        self._story["after_deletion"] = {target: self._read_summary(target) for target in targets}
        self._recover(targets[0])
        return self._story

    def _enable(self) -> None:
        management, story = self._management.call, self._story
        story["caller"] = management("sts", "GetCallerIdentity")
        story["organization"] = management("organizations", "DescribeOrganization")
        story["features before trust"] = management("iam", "ListOrganizationsFeatures")
        story["enable trust"] = management(
            "organizations", "EnableAWSServiceAccess", ServicePrincipal=SERVICE_PRINCIPAL
        )
        story["enable credentials"] = management("iam", "EnableOrganizationsRootCredentialsManagement")
        story["enable sessions"] = management("iam", "EnableOrganizationsRootSessions")
        story["delegate"] = management(
            "organizations",
            "RegisterDelegatedAdministrator",
            AccountId=self._delegate_account_id,
            ServicePrincipal=SERVICE_PRINCIPAL,
        )
        story["features"] = self._delegate.call("iam", "ListOrganizationsFeatures")

    def _list_accounts(self) -> None:
        pages = []
        token: dict[str, str] = {}
        while True:
            page = self._delegate.call("organizations", "ListAccounts", **token)["output"]
            pages.append(page["Accounts"])
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
        self._story["pages"] = [len(page) for page in pages]
        self._story["accounts"] = [account for page in pages for account in page]

    def _read_summary(self, account_id: str) -> Answer:
        session, opened = self._delegate.open_root_session(account_id, "IAMAuditRootUserCredentials")
        if session is None:
            return opened
        answer = session.call("iam", "GetAccountSummary")
        if answer["ok"]:
            summary = answer["output"]["SummaryMap"]
            answer["output"] = {"summary": {kind: summary[name] for kind, name in KINDS.items()}}
        return answer

    def _choose_targets(self, audited: Mapping[str, Answer]) -> list[str]:
        """Find the first accounts that together hold every kind, so that every kind is deleted somewhere."""
        targets, missing = [], set(KINDS)
        for account_id, answer in audited.items():
            if account_id == self._delegate_account_id or not answer["ok"]:
                continue
            found = {kind for kind, present in answer["output"]["summary"].items() if present} & missing
            if found:
                targets.append(account_id)
                missing -= found
        return targets

    def _delete_everything(self, account_id: str) -> Answer:
        session, opened = self._delegate.open_root_session(account_id, "IAMDeleteRootUserCredentials")
        if session is None:
            return opened
        arn = session.call("sts", "GetCallerIdentity")["output"]["Arn"]
        keys = session.call("iam", "ListAccessKeys")["output"]["AccessKeyMetadata"]
        removed = [session.call("iam", "DeleteAccessKey", AccessKeyId=key["AccessKeyId"]) for key in keys]
        certificates = session.call("iam", "ListSigningCertificates")["output"]["Certificates"]
        removed += [
            session.call("iam", "DeleteSigningCertificate", CertificateId=one["CertificateId"]) for one in certificates
        ]
        profile = session.call("iam", "GetLoginProfile")
        removed += [session.call("iam", "DeleteLoginProfile")] if profile["ok"] else []
        devices = session.call("iam", "ListMFADevices")["output"]["MFADevices"]
        removed += [session.call("iam", "DeactivateMFADevice", SerialNumber=one["SerialNumber"]) for one in devices]
        refused = [answer for answer in removed if not answer["ok"]]
        found = {"arn": arn, "keys": keys, "certificates": certificates, "devices": devices, "profile": profile}
        return refused[0] if refused else {"ok": True, "status": 200, "output": found}

    def _recover(self, account_id: str) -> None:
        story = self._story
        story["recovered"] = account_id
        creation, _ = self._delegate.open_root_session(account_id, "IAMCreateRootUserPassword")
        assert creation is not None
        story["profile before recovery"] = creation.call("iam", "GetLoginProfile")
        story["allow recovery"] = creation.call("iam", "CreateLoginProfile")
        story["allow recovery again"] = creation.call("iam", "CreateLoginProfile")
        story["while_open"] = self._read_summary(account_id)
        closing, _ = self._delegate.open_root_session(account_id, "IAMDeleteRootUserCredentials")
        assert closing is not None
        story["close"] = closing.call("iam", "DeleteLoginProfile")
        story["close again"] = closing.call("iam", "DeleteLoginProfile")
        story["after_closing"] = self._read_summary(account_id)


def main() -> None:
    given = json.load(sys.stdin)
    reported = Teller(given).tell() if sys.argv[1:] == ["story"] else make_calls(given)
    json.dump(reported, sys.stdout, default=str)


if __name__ == "__main__":
    main()
