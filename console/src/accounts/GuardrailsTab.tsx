/** What policies would block in one account, checked when somebody asks for it. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import { useMutation, useQuery } from "@tanstack/react-query";
import { ask, api } from "../api/client";
import { isOver, useJob } from "../api/job-events";
import { may, queries, useMe } from "../api/queries";
import type { Job } from "../api/records";
import { VERDICTS, type Preflight, type PreflightRow } from "../guardrails/answer";
import { ProblemAlert } from "../shell/ProblemAlert";
import { Moment } from "../times/Moment";
import { selectNamed } from "./chosen";
import { readOutcome } from "./jobs";

/** The check that was asked for last, for each account; it outlives the tab. */
function useCheckId(accountId: string): string | null {
  const kept = useQuery<string | null>({ queryKey: ["preflight", accountId], queryFn: () => null, staleTime: Infinity });
  return kept.data ?? null;
}

export function GuardrailsTab({ accountId }: { accountId: string }) {
  const { data: me } = useMe();
  const jobId = useCheckId(accountId);
  const asking = useMutation({
    mutationFn: () => ask<Job>(api.POST("/api/v1/preflights", { body: { selection: selectNamed([accountId]) } })),
    onSuccess: (job) => queries.setQueryData(["preflight", accountId], job.job_id),
    meta: { showsErrors: true },
  });
  const { data: job, error } = useJob(jobId);
  const isDone = job !== undefined && isOver(job);
  const outcome = useQuery({
    queryKey: ["job", jobId, "outcome"],
    queryFn: () => readOutcome<Preflight>(jobId ?? ""),
    enabled: isDone,
  });
  const isInterrupted = job?.state === "interrupted";
  const isBusy = asking.isPending || (job !== undefined && !isDone && !isInterrupted);
  return (
    <SpaceBetween size="m">
      <ProblemAlert error={asking.error ?? error ?? outcome.error} />
      {may(me, "preflights:run") ? (
        <SpaceBetween size="s" direction="horizontal">
          <Button loading={isBusy} onClick={() => asking.mutate()}>
            Check guardrails
          </Button>
          <Box padding={{ top: "xxs" }}>Reads the policies over this account and changes nothing.</Box>
        </SpaceBetween>
      ) : (
        <Box>A check takes the role auditor, operator or administrator.</Box>
      )}
      {isBusy && <StatusIndicator type="loading">Reading the policies over this account</StatusIndicator>}
      {isInterrupted && <StatusIndicator type="warning">{job?.remark ?? "The check stopped before its end."}</StatusIndicator>}
      {outcome.data && <Matrix guardrails={outcome.data} />}
    </SpaceBetween>
  );
}

function Matrix({ guardrails }: { guardrails: Preflight }) {
  return (
    <SpaceBetween size="xs">
      <Box color="text-body-secondary">
        As of <Moment at={guardrails.observed_at} />
      </Box>
      <Table
        variant="embedded"
        ariaLabels={{ tableLabel: "What policies allow in the account" }}
        items={guardrails.rows}
        trackBy="task"
        wrapLines
        empty="Nothing was checked: policies don't reach this account, or it isn't active."
        columnDefinitions={[
          { id: "task", header: "Task", minWidth: 220, cell: (one) => one.task, isRowHeader: true },
          { id: "verdict", header: "Verdict", minWidth: 120, cell: (one) => <Verdict row={one} /> },
          { id: "why", header: "Why", minWidth: 220, cell: explain },
          { id: "fix", header: "Smallest change that lets it pass", minWidth: 300, cell: (one) => <Fix fix={one.fix} /> },
        ]}
      />
    </SpaceBetween>
  );
}

function Verdict({ row }: { row: PreflightRow }) {
  const { type, words } = VERDICTS[row.verdict];
  return <StatusIndicator type={type}>{words}</StatusIndicator>;
}

function explain(row: PreflightRow): string {
  const policies = row.policies.map((one) =>
    one.policy_id === null
      ? `no policy that allows it, at ${one.attached_to}`
      : `${one.name ?? one.policy_id} (${one.policy_id}), ${one.sid ?? "no Allow"}, at ${one.attached_to}`,
  );
  return [...policies, ...row.conditions].join("; ") || "–";
}

function Fix({ fix }: { fix: string | null }) {
  if (!fix) return <>–</>;
  return (
    <Box variant="code">
      <pre className="diff">{fix}</pre>
    </Box>
  );
}
