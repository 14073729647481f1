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
import type { Preflight, PreflightRow } from "../api/records";
import { VERDICTS } from "../guardrails/answer";
import { describePolicy } from "../guardrails/Causes";
import { JobAnswer } from "../jobs/JobAnswer";
import { ProblemAlert } from "../shell/ProblemAlert";
import { Moment } from "../times/Moment";
import { selectNamed } from "./chosen";

/** The check that was asked for last, for each account; it outlives the tab. */
function useCheckId(accountId: string): string | null {
  const kept = useQuery<string | null>({ queryKey: ["preflight", accountId], queryFn: () => null, staleTime: Infinity });
  return kept.data ?? null;
}

export function GuardrailsTab({ accountId }: { accountId: string }) {
  const { data: me } = useMe();
  const jobId = useCheckId(accountId);
  const asking = useMutation({
    mutationFn: () => ask(api.POST("/api/v1/preflights", { body: { selection: selectNamed([accountId]) } })),
    onSuccess: (job) => queries.setQueryData(["preflight", accountId], job.job_id),
    meta: { showsErrors: true },
  });
  const { data: job } = useJob(jobId);
  const goesOn = job !== undefined && !isOver(job) && job.state !== "interrupted";
  return (
    <SpaceBetween size="m">
      <ProblemAlert error={asking.error} />
      {may(me, "preflights:run") ? (
        <SpaceBetween size="s" direction="horizontal">
          <Button loading={asking.isPending || goesOn} onClick={() => asking.mutate()}>
            Check guardrails
          </Button>
          <Box padding={{ top: "xxs" }}>Reads the policies over this account and changes nothing.</Box>
        </SpaceBetween>
      ) : (
        <Box>A check takes the role auditor, operator or administrator.</Box>
      )}
      {jobId && (
        <JobAnswer<Preflight> key={jobId} jobId={jobId}>
          {(preflight) => <Matrix guardrails={preflight} />}
        </JobAnswer>
      )}
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
          { id: "fix", header: "Smallest change that lets it pass", minWidth: 300, cell: (one) => (one.fix ? <pre className="policy">{one.fix}</pre> : "–") },
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
  return [...row.policies.map(describePolicy), ...row.conditions].join("; ") || "–";
}
