/** A deletion, live: progress, the result of each account, and the report. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { useNavigate } from "react-router";
import { api, readAll, unwrap } from "../api/client";
import { saveText } from "../api/downloads";
import { isFinished, resumeJob, useJob } from "../api/jobs";
import { hasPermission, queries, useMe } from "../api/queries";
import type { AccountResult, DeletionPlan, Job, PlannedAccount } from "../api/records";
import { ProblemAlert, useFocusOnHeading } from "../components/PageFrame";
import { CancelButton, LiveProgress } from "../components/LiveProgress";
import { refreshAccounts } from "../organization/listing";
import { ResultTable } from "./DeletionResults";
import { type AccountOutcome, listTargets, summarizeResult } from "./plans";

const POLL_MILLISECONDS = 1_500;
const POLL_MILLISECONDS_EACH = 3;

export function DeletionProgress({ jobId }: { jobId: string }) {
  const { data: job, error, refetch } = useJob(jobId);
  const isActive = job !== undefined && !isFinished(job);
  const plan = useQuery({
    queryKey: ["job", jobId, "document"],
    queryFn: () => unwrap(api.GET("/api/v1/jobs/{job_id}/document", { params: { path: { job_id: jobId } } })),
    staleTime: Infinity,
  });
  const results = useQuery({
    queryKey: ["job", jobId, "results", job?.state],
    queryFn: () => readResults(jobId),
    enabled: job !== undefined,
    staleTime: 0,
    refetchInterval: (query) => (isActive ? chooseInterval(query.state.data?.length ?? 0) : false),
    placeholderData: (before) => before,
  });
  const hasEnded = job !== undefined && isFinished(job);
  useEffect(() => {
    if (!hasEnded) return;
    void refreshAccounts();
    void queries.invalidateQueries({ queryKey: ["overview"] });
  }, [hasEnded]);
  /** Until the last results are read, the deletion is shown as running. */
  const shown = job && hasEnded && results.isPlaceholderData ? { ...job, state: "running" as const } : job;
  const byAccount = useMemo(() => new Map(results.data?.map((one) => [one.account_id, one])), [results.data]);
  return (
    <SpaceBetween size="l">
      <ProblemAlert error={error ?? plan.error ?? results.error} onRetry={() => void refetch()} />
      {shown && plan.data && <DeletionSummary job={shown} plan={plan.data} results={byAccount} />}
      {shown && plan.data && <ResultTable targets={listTargets(plan.data)} results={byAccount} isFinished={isFinished(shown)} />}
    </SpaceBetween>
  );
}

const PAGE = 500;

/** The results of all accounts of a deletion so far. */
function readResults(jobId: string): Promise<AccountResult[]> {
  return readAll(
    (after) => unwrap(api.GET("/api/v1/jobs/{job_id}/results", { params: { path: { job_id: jobId }, query: { limit: PAGE, after } } })),
    (page) => page.results,
  );
}

/** The more results, the less often they are read. The progress of the job itself is always live. */
function chooseInterval(results: number): number {
  return Math.max(POLL_MILLISECONDS, results * POLL_MILLISECONDS_EACH);
}

type Results = ReadonlyMap<string, AccountResult>;

function DeletionSummary({ job, plan, results }: { job: Job; plan: DeletionPlan; results: Results }) {
  const navigate = useNavigate();
  const targets = listTargets(plan);
  const counts = countOutcomes(targets, results);
  const done = Math.max(targets.length - counts.waiting, Math.min(job.progress.done, targets.length));
  const summary = useFocusOnHeading<HTMLDivElement>();
  const report = () => saveText(JSON.stringify({ job, plan, results: [...results.values()] }, null, 2), `deletion-${job.job_id}.json`);
  return (
    <div ref={summary}>
      <Container
        header={
          <Header
            variant="h2"
            description={`Requested by ${job.created_by}. An account counts as deleted only after a re-read confirms it.`}
            actions={
              <SpaceBetween size="xs" direction="horizontal">
                <ResumeButton job={job} />
                <CancelButton job={job} />
                <Button iconName="download" onClick={report}>
                  Download report
                </Button>
                <Button onClick={() => void navigate("/accounts")}>Show accounts</Button>
              </SpaceBetween>
            }
          >
            {describeState(job)}
          </Header>
        }
      >
        <SpaceBetween size="m">
          {isFinished(job) ? (
            <Box>{`${done.toLocaleString()} of ${targets.length.toLocaleString()} accounts processed.`}</Box>
          ) : (
            <LiveProgress job={job} doing="Deleting" done={done} total={targets.length} />
          )}
          <SpaceBetween size="l" direction="horizontal">
            <Count type="success" count={counts.deleted} what="deleted" />
            <Count type="success" count={counts.already_absent} what="already absent" />
            <Count type="error" count={counts.failed} what="failed" />
            <Count type="pending" count={counts.waiting} what="waiting" />
          </SpaceBetween>
          {job.remark && <Alert type={job.state === "done" ? "info" : "warning"}>{job.remark}</Alert>}
        </SpaceBetween>
      </Container>
    </div>
  );
}

/** A number of accounts. Zero has no mark: no failure isn't a success. */
function Count({ type, count, what }: { type: StatusIndicatorProps.Type; count: number; what: string }) {
  const text = `${count.toLocaleString()} ${what}`;
  return count === 0 ? <Box color="text-body-secondary">{text}</Box> : <StatusIndicator type={type}>{text}</StatusIndicator>;
}

function describeState(job: Job): string {
  const titles: { [state in Job["state"]]: string } = {
    queued: "Waiting for a worker",
    running: "Deleting",
    done: "Deleted and verified",
    failed: "Finished with failures",
    interrupted: "Interrupted",
    cancelled: "Cancelled",
  };
  return titles[job.state];
}

function ResumeButton({ job }: { job: Job }) {
  const { data: me } = useMe();
  const resuming = useMutation({ mutationFn: () => resumeJob(job.job_id, true) });
  if (job.state !== "interrupted" || !hasPermission(me, "root_credentials:delete")) return null;
  return (
    <Button loading={resuming.isPending} onClick={() => resuming.mutate()}>
      Resume deletion
    </Button>
  );
}

function countOutcomes(targets: readonly PlannedAccount[], results: Results): { [outcome in AccountOutcome]: number } {
  const counts = { deleted: 0, already_absent: 0, failed: 0, waiting: 0 };
  for (const target of targets) counts[summarizeResult(results.get(target.account_id))] += 1;
  return counts;
}
