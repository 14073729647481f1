/** One entry of the ledger in full, as it was hashed. */
import Box from "@cloudscape-design/components/box";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { LedgerEntry } from "../api/records";
import { Moment } from "../times/Moment";
import { AccountName } from "../windows/AccountName";
import { ACTOR_KINDS, nameAction } from "./entries";

export function EntryDetails({ entry }: { entry: LedgerEntry }) {
  return (
    <SpaceBetween size="m">
      <KeyValuePairs
        columns={3}
        items={[
          { label: "Action", value: nameAction(entry.action) },
          { label: "When", value: <Moment at={entry.at} /> },
          { label: "Account", value: entry.account_id ? <AccountName accountId={entry.account_id} /> : "–" },
          { label: "By", value: `${entry.actor.name}, ${ACTOR_KINDS[entry.actor.kind]}` },
          { label: "AWS caller", value: entry.actor.caller_arn ?? "None: no AWS call" },
          { label: "Endpoint", value: `${entry.organization_id} at ${entry.endpoint}` },
          { label: "Outcome of entry", value: entry.intent_sequence ?? "–" },
          { label: "Hash", value: <Hash text={entry.entry_hash} /> },
          { label: "Hash of the entry before", value: <Hash text={entry.previous_hash} /> },
        ]}
      />
      <div>
        <Box variant="awsui-key-label">Parameters</Box>
        <pre className="policy" tabIndex={0} aria-label="Parameters">
          {JSON.stringify(entry.parameters, null, 2)}
        </pre>
      </div>
    </SpaceBetween>
  );
}

function Hash({ text }: { text: string }) {
  return <span className="policy">{text}</span>;
}
