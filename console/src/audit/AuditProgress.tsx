/** An audit: started here or by another user, followed until it finishes. */
import Alert from "@cloudscape-design/components/alert";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, unwrap } from "../api/client";
import { isFinished, useJob } from "../api/jobs";
import { queries } from "../api/queries";
import type { Job } from "../api/records";
import { CancelButton, LiveProgress } from "../components/LiveProgress";
import { refreshAccounts } from "../organization/listing";
import type { SelectionBody } from "../organization/selection";

export function AuditProgress({ audit }: { audit: AuditState }) {
  const { job } = audit;
  if (!job) return null;
  if (audit.isRunning) return <RunningAudit job={job} />;
  const result = describeResult(job);
  return (
    <Alert type={result.type} header={result.header} dismissible dismissAriaLabel="Dismiss the audit result" onDismiss={audit.dismiss}>
      {result.text}
    </Alert>
  );
}

function RunningAudit({ job }: { job: Job }) {
  const { present, unknown } = job.progress;
  return (
    <Container header={<Header variant="h2">Audit by {job.created_by}</Header>}>
      <SpaceBetween size="xs">
        <LiveProgress
          job={job}
          doing="Reading accounts"
          description="Reads the root user credentials of every selected account. Changes nothing."
          found={`${present.toLocaleString()} with root user credentials so far, ${unknown.toLocaleString()} unknown.`}
        />
        <CancelButton job={job} />
      </SpaceBetween>
    </Container>
  );
}

function describeResult(job: Job): { type: "success" | "warning" | "error" | "info"; header: string; text: string } {
  const { done, present, unknown, unread } = job.progress;
  const remark = job.remark ? ` ${job.remark}` : "";
  const notRead = unread > unknown ? ` ${unread.toLocaleString()} couldn't be read. Accounts that were read earlier show their last reading.` : "";
  const counts = `${done.toLocaleString()} accounts: ${present.toLocaleString()} with root user credentials, ${unknown.toLocaleString()} unknown.${notRead}${remark}`;
  if (job.state === "cancelled") return { type: "info", header: "The audit was cancelled.", text: counts };
  if (job.state === "interrupted")
    return { type: "warning", header: "The audit was interrupted.", text: `${counts} You can resume it on the Jobs page.` };
  if (job.state === "failed" && done === 0)
    return { type: "error", header: "The audit failed.", text: job.remark ?? "See the job on the Jobs page." };
  if (unknown > 0 || unread > 0 || job.state === "failed") return { type: "warning", header: "The audit is complete. Some accounts couldn't be read.", text: counts };
  return { type: "success", header: "The audit is complete.", text: counts };
}

export interface AuditState {
  /** The running audit, or the last one that was followed. */
  job: Job | undefined;
  isRunning: boolean;
  isStarting: boolean;
  /** @param details Whether to read the age and last use of each credential. */
  start: (selection: SelectionBody | null, details?: boolean) => void;
  dismiss: () => void;
}

export function useAudit(): AuditState {
  const running = useRunningAudit();
  const [jobId, setJobId] = useState<string | null>(null);
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
  const hasEnded = job !== undefined && isFinished(job);
  useEffect(() => {
    if (!hasEnded) return;
    void refreshAccounts();
    void queries.invalidateQueries({ queryKey: ["jobs"] });
    void queries.invalidateQueries({ queryKey: ["overview"] });
  }, [hasEnded]);
  return {
    job,
    isRunning: job !== undefined && (job.state === "queued" || job.state === "running"),
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
