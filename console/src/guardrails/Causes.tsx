/** What stops the tasks of one account: by which policy and statement, where it is attached, and the change that mends it. */
import Box from "@cloudscape-design/components/box";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { BlockingPolicy, PreflightRow } from "../api/records";
import { groupBySameCause, VERDICTS, type AccountTasks } from "./answer";

export function Causes({ one }: { one: AccountTasks }) {
  const causes = groupBySameCause(one);
  return (
    <SpaceBetween size="l">
      {causes.length === 0 && <StatusIndicator type="success">No policy stands in the way of any task.</StatusIndicator>}
      {causes.map(({ titles, row }) => (
        <Cause key={titles.join()} titles={titles} row={row} />
      ))}
    </SpaceBetween>
  );
}

function Cause({ titles, row }: { titles: string[]; row: PreflightRow }) {
  return (
    <SpaceBetween size="xs">
      <StatusIndicator type={VERDICTS[row.verdict].type}>
        {VERDICTS[row.verdict].words}: {titles.join(", ")}
      </StatusIndicator>
      {row.policies.map((policy) => (
        <div key={`${policy.policy_id} ${policy.sid} ${policy.attached_to}`}>{describePolicy(policy)}</div>
      ))}
      {row.conditions.map((condition) => (
        <Box key={condition} color="text-body-secondary">
          {row.verdict === "unknown" ? condition : `Depends on: ${condition}`}
        </Box>
      ))}
      {row.fix && <Fix text={row.fix} />}
    </SpaceBetween>
  );
}

export function describePolicy(policy: BlockingPolicy): string {
  if (policy.policy_id === null) return `No policy at ${policy.attached_to} allows it.`;
  const named = policy.name && policy.name !== policy.policy_id ? `${policy.name} (${policy.policy_id})` : policy.policy_id;
  return policy.sid ? `Policy ${named}, ${policy.sid}, at ${policy.attached_to}` : `Policy ${named} at ${policy.attached_to}`;
}

function Fix({ text }: { text: string }) {
  return (
    <SpaceBetween size="xxs">
      <Box variant="awsui-key-label">The smallest change that mends it. Make it where the policy is kept.</Box>
      <pre className="policy" tabIndex={0} aria-label="Change of the policy">
        {text}
      </pre>
      <CopyToClipboard
        textToCopy={text}
        copyButtonText="Copy the change"
        copySuccessText="Copied"
        copyErrorText="The browser didn't copy it: select it by hand."
      />
    </SpaceBetween>
  );
}
