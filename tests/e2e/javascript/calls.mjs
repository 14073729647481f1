// Makes the calls that standard input lists, in order, and prints each answer.
//
// A call is {service, operation, input, credentials | session, region?, globalHost?, keep?}: `keep` names the
// credentials that the call answers with, `session` uses credentials kept before.

import { attempt, credentialsOf, makeClient, makeCommand, readStandardInput } from "./clients.mjs";

const kept = {};
const answers = [];
for (const call of await readStandardInput()) {
  const credentials = call.session ? kept[call.session] : call.credentials;
  const client = makeClient(call.service, credentials, call);
  const answer = await attempt(() => client.send(makeCommand(call.service, call.operation, call.input)));
  if (call.keep && answer.ok) kept[call.keep] = credentialsOf(answer.output);
  answers.push(answer);
}
console.log(JSON.stringify(answers));
