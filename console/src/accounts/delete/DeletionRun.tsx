/** A deletion as it goes on, account by account, and its report. */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { useNavigate } from "react-router";
import { ask, api } from "../../api/client";
import { saveText } from "../../api/downloads";
import { isOver, useJob } from "../../api/job-events";
import { may, queries, useMe } from "../../api/queries";
import type { AccountResult, DeletionPlan, Job, PlannedAccount } from "../../api/records";
import { ProblemAlert } from "../../shell/ProblemAlert";
import { readResults } from "../jobs";
import { readAccountsAgain } from "../listing";
import { listTargets, outcomeOf, type AccountOutcome } from "./plans";
import { ResultTable } from "./ResultTable";

const LOOK_MILLISECONDS = 1_500;
const LOOK_MILLISECONDS_EACH = 3;

export function DeletionRun({ jobId }: { jobId: string }) {
  const { data: job, error, refetch } = useJob(jobId);
  const goesOn = job !== undefined && !isOver(job);
  const plan = useQuery({
    queryKey: ["job", jobId, "document"],
    queryFn: () => ask(api.GET("/api/v1/jobs/{job_id}/document", { params: { path: { job_id: jobId } } })),
    staleTime: Infinity,
  });
  const results = useQuery({
    queryKey: ["job", jobId, "results", job?.state],
    queryFn: () => readResults(jobId),
    enabled: job !== undefined,
    staleTime: 0,
    refetchInterval: (query) => (goesOn ? chooseInterval(query.state.data?.length ?? 0) : false),
    placeholderData: (before) => before,
  });
  const hasEnded = job !== undefined && isOver(job);
  useEffect(() => {
    if (!hasEnded) return;
    void readAccountsAgain();
    void queries.invalidateQueries({ queryKey: ["overview"] });
  }, [hasEnded]);
  /** Until its last results are here it is shown as going on. */
  const shown = job && hasEnded && results.isPlaceholderData ? { ...job, state: "running" as const } : job;
  const byAccount = useMemo(() => new Map(results.data?.map((one) => [one.account_id, one])), [results.data]);
  return (
    <SpaceBetween size="l">
      <ProblemAlert error={error ?? plan.error ?? results.error} onRetry={() => void refetch()} />
      {shown && plan.data && <Standing job={shown} plan={plan.data} results={byAccount} />}
      {shown && plan.data && <ResultTable targets={listTargets(plan.data)} results={byAccount} isOver={isOver(shown)} />}
    </SpaceBetween>
  );
}

/** Many results are read less often; the job's own progress is told at once. */
function chooseInterval(results: number): number {
  return Math.max(LOOK_MILLISECONDS, results * LOOK_MILLISECONDS_EACH);
}

type Results = ReadonlyMap<string, AccountResult>;

function Standing({ job, plan, results }: { job: Job; plan: DeletionPlan; results: Results }) {
  const navigate = useNavigate();
  const targets = listTargets(plan);
  const counts = countOutcomes(targets, results);
  const done = Math.max(targets.length - counts.waiting, Math.min(job.progress.done, targets.length));
  const report = () => saveText(JSON.stringify({ job, plan, results: [...results.values()] }, null, 2), `deletion-${job.job_id}.json`);
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={`Asked for by ${job.created_by}. An account counts as deleted only once a re-read showed it.`}
          actions={
            <SpaceBetween size="xs" direction="horizontal">
              <Control job={job} />
              <Button iconName="download" onClick={report}>
                Save the report
              </Button>
              <Button onClick={() => void navigate("/accounts")}>Go to the accounts</Button>
            </SpaceBetween>
          }
        >
          {titleOf(job)}
        </Header>
      }
    >
      <SpaceBetween size="m">
        <ProgressBar
          ariaLabel="Accounts dealt with"
          value={targets.length ? (100 * done) / targets.length : 100}
          additionalInfo={`${done.toLocaleString()} of ${targets.length.toLocaleString()} accounts dealt with.`}
        />
        <SpaceBetween size="l" direction="horizontal">
          <StatusIndicator type="success">{counts.deleted.toLocaleString()} deleted</StatusIndicator>
          <StatusIndicator type="success">{counts.already_absent.toLocaleString()} gone already</StatusIndicator>
          <StatusIndicator type={counts.failed ? "error" : "success"}>{counts.failed.toLocaleString()} failed or not proven</StatusIndicator>
          <StatusIndicator type="pending">{counts.waiting.toLocaleString()} waiting</StatusIndicator>
        </SpaceBetween>
        {job.remark && <Alert type={job.state === "done" ? "info" : "warning"}>{job.remark}</Alert>}
      </SpaceBetween>
    </Container>
  );
}

function titleOf(job: Job): string {
  const titles: { [state in Job["state"]]: string } = {
    queued: "Waits for a worker",
    running: "Deleting",
    done: "Deleted, and re-read",
    failed: "Over, not everything was deleted",
    interrupted: "Stopped before its end",
    cancelled: "Cancelled",
  };
  return titles[job.state];
}

/** What is in progress is always finished: cancelling lets nothing more begin. */
function Control({ job }: { job: Job }) {
  const { data: me } = useMe();
  const params = { path: { job_id: job.job_id } };
  const onSuccess = (changed: Job) => queries.setQueryData(["job", job.job_id], changed);
  const cancelling = useMutation({
    mutationFn: () => ask(api.POST("/api/v1/jobs/{job_id}/cancel", { params })),
    onSuccess,
  });
  const resuming = useMutation({
    mutationFn: () => ask(api.POST("/api/v1/jobs/{job_id}/resume", { params, body: { retry_failed: true } })),
    onSuccess,
  });
  return (
    <>
      {job.state === "interrupted" && may(me, "root_credentials:delete") && (
        <Button loading={resuming.isPending} onClick={() => resuming.mutate()}>
          Go on
        </Button>
      )}
      {!isOver(job) && may(me, "jobs:cancel") && (
        <Button loading={cancelling.isPending} onClick={() => cancelling.mutate()}>
          Cancel what is left
        </Button>
      )}
    </>
  );
}

function countOutcomes(targets: readonly PlannedAccount[], results: Results): { [outcome in AccountOutcome]: number } {
  const counts = { deleted: 0, already_absent: 0, failed: 0, waiting: 0 };
  for (const target of targets) counts[outcomeOf(results.get(target.account_id))] += 1;
  return counts;
}
