/** The guardrails of one account. A check runs only when the user starts it. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation, useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { isFinished, useJob } from "../api/jobs";
import { hasPermission, queries, useMe } from "../api/queries";
import type { Preflight } from "../api/records";
import { ProblemAlert } from "../components/PageFrame";
import { JobOutcomeView } from "../jobs/JobOutcomeView";
import { selectAccounts } from "../organization/selection";
import { Timestamp } from "../times/Timestamp";
import { BlockingPolicies } from "./BlockingPolicies";
import { groupByAccount } from "./preflight";

/** The job id of the last check of an account. It is kept while the console is open. */
function useLastCheckId(accountId: string): string | null {
  const stored = useQuery<string | null>({ queryKey: ["preflight", accountId], queryFn: () => null, staleTime: Infinity });
  return stored.data ?? null;
}

export function AccountGuardrails({ accountId }: { accountId: string }) {
  const { data: me } = useMe();
  const jobId = useLastCheckId(accountId);
  const starting = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/preflights", { body: { selection: selectAccounts([accountId]) } })),
    onSuccess: (job) => queries.setQueryData(["preflight", accountId], job.job_id),
    meta: { showsErrors: true },
  });
  const { data: job } = useJob(jobId);
  const isActive = job !== undefined && !isFinished(job) && job.state !== "interrupted";
  return (
    <SpaceBetween size="m">
      <ProblemAlert error={starting.error} />
      {hasPermission(me, "preflights:run") ? (
        <SpaceBetween size="s" direction="horizontal">
          <Button loading={starting.isPending || isActive} onClick={() => starting.mutate()}>
            Run preflight
          </Button>
          <Box padding={{ top: "xxs" }}>Reads the policies that apply to this account. Changes nothing.</Box>
        </SpaceBetween>
      ) : (
        <Box>Ask an auditor, operator or administrator to run a preflight.</Box>
      )}
      {jobId && (
        <JobOutcomeView<Preflight> key={jobId} jobId={jobId}>
          {(preflight) => <Tasks preflight={preflight} />}
        </JobOutcomeView>
      )}
    </SpaceBetween>
  );
}

function Tasks({ preflight }: { preflight: Preflight }) {
  const [account] = groupByAccount(preflight.rows);
  return (
    <SpaceBetween size="s">
      <Box color="text-body-secondary">
        As of <Timestamp at={preflight.observed_at} />
      </Box>
      {account ? (
        <BlockingPolicies account={account} />
      ) : (
        <Box>No tasks were checked. Policies don&apos;t apply to this account, or it isn&apos;t active.</Box>
      )}
    </SpaceBetween>
  );
}
