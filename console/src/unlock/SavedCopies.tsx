/** The copies of a policy that the ledger knows: when each was saved, where its file is, and its SHA-256. */
import Box from "@cloudscape-design/components/box";
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../api/client";
import type { ShownPolicy } from "../api/records";
import { ProblemAlert } from "../shell/ProblemAlert";
import { Moment } from "../times/Moment";
import { NOUNS } from "./policies";

export function SavedCopies({ shown }: { shown: ShownPolicy }) {
  const action = shown.service === "s3" ? ("bucket_policy:save" as const) : ("queue_policy:save" as const);
  const query = { account_id: shown.account_id, action: [action], limit: 100 };
  const found = useQuery({
    queryKey: ["ledger", query],
    queryFn: () => ask(api.GET("/api/v1/ledger/latest", { params: { query } })),
  });
  if (found.error) return <ProblemAlert error={found.error} />;
  if (!found.data) return <Box color="text-body-secondary">Looking for saved copies</Box>;
  const copies = found.data.entries.filter((entry) => entry.parameters[NOUNS[shown.service]] === shown.name);
  if (copies.length === 0) return <Box color="text-body-secondary">The ledger knows no saved copy of it yet.</Box>;
  return (
    <div>
      <Box variant="awsui-key-label">Saved copies that the ledger knows</Box>
      <ul className="steps">
        {copies.map((entry) => (
          <li key={entry.sequence}>
            <Moment at={entry.at} />, before a change by {entry.actor.name}: <span className="policy">{String(entry.parameters.path)}</span>
            , SHA-256 <span className="policy">{String(entry.parameters.sha256).slice(0, 12)}…</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
