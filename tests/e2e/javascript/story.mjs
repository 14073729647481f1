// Lives the main job: enable, delegate, audit, delete, recover, close. Prints what happened as JSON.
//
// Standard input: {management: credentials, delegate: credentials, delegateAccountId}. Everything else is found as on
// AWS, by asking.

import { paginateListAccounts } from "@aws-sdk/client-organizations";
import { attempt, credentialsOf, makeClient, makeCommand, readStandardInput } from "./clients.mjs";

const { management, delegate, delegateAccountId } = await readStandardInput();
const SERVICE_PRINCIPAL = "iam.amazonaws.com";
const story = {};

const call = (service, credentials, operation, input) =>
  makeClient(service, credentials).send(makeCommand(service, operation, input));
const tell = async (name, work) => (story[name] = await attempt(work));

async function openRootSession(accountId, task) {
  const answer = await call("sts", delegate, "AssumeRoot", {
    TargetPrincipal: accountId,
    TaskPolicyArn: { arn: `arn:aws:iam::aws:policy/root-task/${task}` },
    DurationSeconds: 900,
  });
  return credentialsOf(answer);
}

async function readSummary(accountId) {
  const session = await openRootSession(accountId, "IAMAuditRootUserCredentials");
  const { SummaryMap } = await call("iam", session, "GetAccountSummary");
  return {
    password: SummaryMap.AccountPasswordPresent,
    access_keys: SummaryMap.AccountAccessKeysPresent,
    signing_certificates: SummaryMap.AccountSigningCertificatesPresent,
    mfa_devices: SummaryMap.AccountMFAEnabled,
  };
}

async function audit(accounts) {
  const found = {};
  for (const { Id } of accounts) {
    found[Id] = await attempt(async () => ({ $metadata: {}, summary: await readSummary(Id) }));
  }
  return found;
}

async function deleteEverything(accountId) {
  const session = await openRootSession(accountId, "IAMDeleteRootUserCredentials");
  const iam = (operation, input) => call("iam", session, operation, input);
  const { Arn } = await call("sts", session, "GetCallerIdentity");
  const { AccessKeyMetadata } = await iam("ListAccessKeys");
  for (const { AccessKeyId } of AccessKeyMetadata) await iam("DeleteAccessKey", { AccessKeyId });
  const { Certificates } = await iam("ListSigningCertificates");
  for (const { CertificateId } of Certificates) await iam("DeleteSigningCertificate", { CertificateId });
  const profile = await attempt(() => iam("GetLoginProfile"));
  if (profile.ok) await iam("DeleteLoginProfile");
  const { MFADevices } = await iam("ListMFADevices");
  for (const { SerialNumber } of MFADevices) await iam("DeactivateMFADevice", { SerialNumber });
  return { arn: Arn, keys: AccessKeyMetadata, certificates: Certificates, devices: MFADevices, profile };
}

/** The first accounts that together hold every kind, so that every kind is deleted somewhere. */
function chooseTargets(found) {
  const targets = [];
  const missing = new Set(["password", "access_keys", "signing_certificates", "mfa_devices"]);
  for (const [accountId, answer] of Object.entries(found)) {
    if (accountId === delegateAccountId || !answer.ok) continue;
    const kinds = Object.entries(answer.output.summary).filter(([kind, present]) => present && missing.has(kind));
    if (kinds.length) targets.push(accountId);
    for (const [kind] of kinds) missing.delete(kind);
  }
  return targets;
}

await tell("caller", () => call("sts", management, "GetCallerIdentity"));
await tell("organization", () => call("organizations", management, "DescribeOrganization"));
await tell("features before trust", () => call("iam", management, "ListOrganizationsFeatures"));
await tell("enable trust", () =>
  call("organizations", management, "EnableAWSServiceAccess", { ServicePrincipal: SERVICE_PRINCIPAL }));
await tell("enable credentials", () => call("iam", management, "EnableOrganizationsRootCredentialsManagement"));
await tell("enable sessions", () => call("iam", management, "EnableOrganizationsRootSessions"));
await tell("delegate", () =>
  call("organizations", management, "RegisterDelegatedAdministrator", {
    AccountId: delegateAccountId,
    ServicePrincipal: SERVICE_PRINCIPAL,
  }));
await tell("features", () => call("iam", delegate, "ListOrganizationsFeatures"));

const pages = [];
for await (const page of paginateListAccounts({ client: makeClient("organizations", delegate) }, {})) {
  pages.push(page.Accounts);
}
story.pages = pages.map((page) => page.length);
story.accounts = pages.flat();
const managementId = story.organization.output.Organization.MasterAccountId;
const members = story.accounts.filter(({ Id, State }) => State === "ACTIVE" && Id !== managementId);
story.audit = await audit(members);

story.targets = chooseTargets(story.audit);
story.deleted = {};
for (const accountId of story.targets) {
  story.deleted[accountId] = await attempt(async () => ({ $metadata: {}, ...(await deleteEverything(accountId)) }));
}
story.after_deletion = await audit(story.targets.map((Id) => ({ Id })));

const [recovered] = story.targets;
story.recovered = recovered;
const creation = await openRootSession(recovered, "IAMCreateRootUserPassword");
await tell("profile before recovery", () => call("iam", creation, "GetLoginProfile"));
await tell("allow recovery", () => call("iam", creation, "CreateLoginProfile"));
await tell("allow recovery again", () => call("iam", creation, "CreateLoginProfile"));
story.while_open = (await audit([{ Id: recovered }]))[recovered];
const closing = await openRootSession(recovered, "IAMDeleteRootUserCredentials");
await tell("close", () => call("iam", closing, "DeleteLoginProfile"));
await tell("close again", () => call("iam", closing, "DeleteLoginProfile"));
story.after_closing = (await audit([{ Id: recovered }]))[recovered];

console.log(JSON.stringify(story));
