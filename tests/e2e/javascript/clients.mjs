// Clients of the AWS SDK for JavaScript v3, made as a user of AWS would: the endpoint and the Region come from
// AWS_ENDPOINT_URL and AWS_REGION; only the credentials are given.

import http from "node:http";
import * as iam from "@aws-sdk/client-iam";
import * as organizations from "@aws-sdk/client-organizations";
import * as s3 from "@aws-sdk/client-s3";
import * as sqs from "@aws-sdk/client-sqs";
import * as sts from "@aws-sdk/client-sts";

const SERVICES = {
  iam: { module: iam, Client: iam.IAMClient },
  organizations: { module: organizations, Client: organizations.OrganizationsClient },
  s3: { module: s3, Client: s3.S3Client },
  sqs: { module: sqs, Client: sqs.SQSClient },
  sts: { module: sts, Client: sts.STSClient },
};

/** An HTTP agent that finds every host name on this machine, so that a global host name can be tried. */
function agentOnThisMachine() {
  const lookup = (_host, options, callback) =>
    options.all ? callback(null, [{ address: "127.0.0.1", family: 4 }]) : callback(null, "127.0.0.1", 4);
  return new http.Agent({ lookup });
}

/** A client that sends every request once: a second attempt would hide what the first one was answered. */
export function makeClient(service, credentials, { region, globalHost } = {}) {
  const settings = { credentials, maxAttempts: 1 };
  if (region) settings.region = region;
  if (globalHost) {
    settings.endpoint = `http://${globalHost}:${new URL(process.env.AWS_ENDPOINT_URL).port}`;
    settings.requestHandler = { httpAgent: agentOnThisMachine() };
  }
  return new SERVICES[service].Client(settings);
}

export function makeCommand(service, operation, input) {
  return new SERVICES[service].module[`${operation}Command`](input ?? {});
}

/** The credentials of an AssumeRole or AssumeRoot answer, as the SDK takes them. */
export function credentialsOf(answer) {
  const { AccessKeyId, SecretAccessKey, SessionToken } = answer.Credentials;
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
}

/** What an operation answered, or how it was refused, as plain data. */
export async function attempt(call) {
  try {
    const { $metadata, ...output } = await call();
    return { ok: true, status: $metadata?.httpStatusCode ?? 200, output };
  } catch (error) {
    return {
      ok: false,
      status: error.$metadata?.httpStatusCode ?? null,
      code: error.Code ?? error.code ?? error.name,
      name: error.name,
      message: error.message,
    };
  }
}

export async function readStandardInput() {
  let text = "";
  for await (const chunk of process.stdin) text += chunk;
  return JSON.parse(text);
}
