/** An audit: started here or by another user, followed until it finishes. */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, unwrap } from "../api/client";
import { findOutcomeProblem, isFinished, resumeJob, useJob, useOutcome } from "../api/jobs";
import { pageHref } from "../api/place";
import { describeError } from "../api/problems";
import { hasPermission, queries, useMe } from "../api/queries";
import type { Job } from "../api/records";
import { jobPath, useFollowLink } from "../components/links";
import { CancelButton, LiveProgress } from "../components/LiveProgress";
import { refreshAccounts } from "../organization/listing";
import type { SelectionBody } from "../organization/selection";
import { Timestamp } from "../times/Timestamp";

export function AuditProgress({ audit }: { audit: AuditState }) {
  const { job } = audit;
  if (!job) return null;
  if (audit.isRunning) return <RunningAudit job={job} />;
  if (hasFailed(job)) return <FailedAudit job={job} onDismiss={audit.dismiss} />;
  const result = describeResult(job);
  return (
    <Alert
      type={result.type}
      header={result.header}
      action={<ResumeAudit job={job} />}
      dismissible
      dismissAriaLabel="Dismiss the audit result"
      onDismiss={audit.dismiss}
    >
      {result.text}{" "}
      {job.next_attempt_at && (
        <>
          The server resumes it automatically at <Timestamp at={job.next_attempt_at} />.{" "}
        </>
      )}
      {result.type !== "success" && <JobLink job={job} />}
    </Alert>
  );
}

/** Whether it ended before it had looked at every account. */
function hasFailed({ state, progress: { total, done } }: Job): boolean {
  return state === "failed" && (total === null || done < total);
}

function FailedAudit({ job, onDismiss }: { job: Job; onDismiss: () => void }) {
  const { data: outcome } = useOutcome(job);
  const problem = findOutcomeProblem(job, outcome);
  const { what, next } = problem ? describeError(problem) : { what: job.remark ?? "", next: "" };
  return (
    <Alert type="error" header="The audit failed." dismissible dismissAriaLabel="Dismiss the audit result" onDismiss={onDismiss}>
      {what} {next} <JobLink job={job} />
    </Alert>
  );
}

function JobLink({ job }: { job: Job }) {
  const follow = useFollowLink();
  return (
    <Link href={pageHref(jobPath(job.job_id))} onFollow={follow}>
      Show the job
    </Link>
  );
}

/** An audit with everything read so far continues with the other accounts. */
function ResumeAudit({ job }: { job: Job }) {
  const { data: me } = useMe();
  const resuming = useMutation({ mutationFn: () => resumeJob(job.job_id, false) });
  if (job.state !== "interrupted" || !hasPermission(me, "accounts:audit")) return null;
  return (
    <Button loading={resuming.isPending} onClick={() => resuming.mutate()}>
      Resume audit
    </Button>
  );
}

function RunningAudit({ job }: { job: Job }) {
  const { present, unknown } = job.progress;
  // When the audit has ended, the list of accounts is read before the result is shown with it.
  const shown = isFinished(job) ? { ...job, state: "running" as const } : job;
  return (
    <Container header={<Header variant="h2">Audit by {job.created_by}</Header>}>
      <SpaceBetween size="xs">
        <LiveProgress
          job={shown}
          doing={isFinished(job) ? "Updating the list" : "Reading accounts"}
          description="Reads the root user credentials of every selected account. Changes nothing."
          found={`${present.toLocaleString()} with root user credentials so far, ${unknown.toLocaleString()} unknown.`}
        />
        <CancelButton job={job} />
      </SpaceBetween>
    </Container>
  );
}

function describeResult(job: Job): { type: "success" | "warning" | "info"; header: string; text: string } {
  const { done, present, unknown, unread } = job.progress;
  const remark = job.remark ? ` ${job.remark}` : "";
  const notRead = unread > unknown ? ` ${unread.toLocaleString()} couldn't be read. Accounts that were read earlier show their last reading.` : "";
  const counts = `${done.toLocaleString()} accounts: ${present.toLocaleString()} with root user credentials, ${unknown.toLocaleString()} unknown.${notRead}${remark}`;
  if (job.state === "cancelled") return { type: "info", header: "The audit was cancelled.", text: counts };
  if (job.state === "interrupted")
    return { type: "warning", header: "The audit was interrupted.", text: `${counts} Accounts that it has read aren't read again.` };
  if (unknown > 0 || unread > 0 || job.state === "failed") return { type: "warning", header: "The audit is complete. Some accounts couldn't be read.", text: counts };
  return { type: "success", header: "The audit is complete.", text: counts };
}

export interface AuditState {
  /** The running audit, or the last one that was followed. */
  job: Job | undefined;
  /** Until the accounts are shown as it read them. */
  isRunning: boolean;
  isStarting: boolean;
  /** @param details Whether to read the age and last use of each credential. */
  start: (selection: SelectionBody | null, details?: boolean) => void;
  dismiss: () => void;
}

export function useAudit(): AuditState {
  const running = useRunningAudit();
  const [jobId, setJobId] = useState<string | null>(null);
  const [refreshedId, setRefreshedId] = useState<string | null>(null);
  const starting = useMutation({
    mutationFn: ({ selection, details }: { selection: SelectionBody | null; details: boolean }) =>
      unwrap(api.POST("/api/v1/audits", { body: { selection, details, refresh: true } })),
    onSuccess: (job) => {
      setJobId(job.job_id);
      void queries.invalidateQueries({ queryKey: ["jobs"] });
    },
  });
  const runningId = running?.job_id;
  useEffect(() => {
    if (runningId !== undefined) setJobId(runningId);
  }, [runningId]);
  const { data: job } = useJob(jobId);
  const endedId = job !== undefined && isFinished(job) ? job.job_id : null;
  useEffect(() => {
    if (endedId === null) return;
    void refreshAccounts().then(() => setRefreshedId(endedId));
    void queries.invalidateQueries({ queryKey: ["jobs"] });
    void queries.invalidateQueries({ queryKey: ["overview"] });
  }, [endedId]);
  return {
    job,
    isRunning: job !== undefined && (job.state === "queued" || job.state === "running" || (endedId !== null && endedId !== refreshedId)),
    isStarting: starting.isPending,
    start: (selection, details = false) => starting.mutate({ selection, details }),
    dismiss: () => setJobId(null),
  };
}

const POLL_MILLISECONDS = 10_000;

/** The newest unfinished audit, started by any user. */
function useRunningAudit(): Job | undefined {
  const found = useQuery({
    queryKey: ["jobs", "unfinished"],
    queryFn: () => unwrap(api.GET("/api/v1/jobs", { params: { query: { unfinished: true, limit: 50 } } })),
    refetchInterval: POLL_MILLISECONDS,
  });
  return found.data?.jobs.find((job) => job.kind === "audit" && (job.state === "queued" || job.state === "running"));
}
