/** The policies that block the tasks of one account: statement, attachment and fix. */
import Box from "@cloudscape-design/components/box";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { BlockingPolicy, PreflightRow } from "../api/records";
import { type AccountTasks, groupBySameCause, groupByVerdict, readVerdict, type Verdict, VERDICTS } from "./preflight";

export function BlockingPolicies({ account }: { account: AccountTasks }) {
  const causes = groupBySameCause(account);
  const allowed = groupByVerdict(account).find(({ verdict }) => verdict === "allowed");
  return (
    <SpaceBetween size="l">
      {causes.map(({ titles, row }) => (
        <Cause key={titles.join()} titles={titles} row={row} />
      ))}
      {allowed && <TasksOfVerdict verdict="allowed" titles={allowed.titles} isEverything={causes.length === 0} />}
    </SpaceBetween>
  );
}

/** The tasks of an account that have one verdict. */
export function TasksOfVerdict({ verdict, titles, isEverything }: { verdict: Verdict; titles: string[]; isEverything: boolean }) {
  const { type, label } = VERDICTS[verdict];
  return (
    <StatusIndicator type={type}>
      {label}: {isEverything ? "all tasks" : titles.join(", ")}
    </StatusIndicator>
  );
}

function Cause({ titles, row }: { titles: string[]; row: PreflightRow }) {
  const verdict = readVerdict(row);
  return (
    <SpaceBetween size="xs">
      <TasksOfVerdict verdict={verdict} titles={titles} isEverything={false} />
      {row.policies.map((policy) => (
        <div key={`${policy.policy_id} ${policy.sid} ${policy.attached_to}`}>{describePolicy(policy)}</div>
      ))}
      {row.conditions.map((condition) => (
        <Box key={condition} color="text-body-secondary">
          {row.verdict === "unknown" ? condition : `Depends on: ${condition}`}
        </Box>
      ))}
      {verdict === "denied" && (
        <Box color="text-body-secondary">
          AWS recommends to deny long-term root: what a root user does after it signed in with a password, or with an access key. Root
          sessions need no exemption from it.
        </Box>
      )}
      {row.fix && <PolicyFix text={row.fix} />}
    </SpaceBetween>
  );
}

function describePolicy(policy: BlockingPolicy): string {
  if (policy.policy_id === null) return `No policy at ${policy.attached_to} allows it.`;
  const named = policy.name && policy.name !== policy.policy_id ? `${policy.name} (${policy.policy_id})` : policy.policy_id;
  return policy.sid ? `Policy ${named}, ${policy.sid}, at ${policy.attached_to}` : `Policy ${named} at ${policy.attached_to}`;
}

function PolicyFix({ text }: { text: string }) {
  return (
    <SpaceBetween size="xxs">
      <Box variant="awsui-key-label">The smallest policy change that allows the task</Box>
      <pre className="policy" tabIndex={0} aria-label="Policy change">
        {text}
      </pre>
      <CopyToClipboard
        textToCopy={text}
        copyButtonText="Copy policy change"
        copySuccessText="Copied"
        copyErrorText="The browser couldn't copy it. Select the text and copy it."
      />
    </SpaceBetween>
  );
}
