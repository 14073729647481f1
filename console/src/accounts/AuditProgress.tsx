/** How far an audit is, and what came of it. */
import Alert from "@cloudscape-design/components/alert";
import Container from "@cloudscape-design/components/container";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import type { Job } from "../api/records";
import type { AuditState } from "./auditing";

export function AuditProgress({ audit }: { audit: AuditState }) {
  const { job } = audit;
  if (!job) return null;
  if (audit.isRunning) return <Running job={job} />;
  const told = describeEnd(job);
  return (
    <Alert type={told.type} header={told.header} dismissible dismissAriaLabel="Dismiss the audit's result" onDismiss={audit.dismiss}>
      {told.text}
    </Alert>
  );
}

function Running({ job }: { job: Job }) {
  const { total, done, present, unknown } = job.progress;
  const found = `${present.toLocaleString()} with root user credentials so far, ${unknown.toLocaleString()} unknown.`;
  return (
    <Container>
      <ProgressBar
        label={`Audit by ${job.created_by}`}
        description="Reads every chosen account's root user credentials. Nothing is changed."
        value={total ? (100 * done) / total : 0}
        additionalInfo={job.state === "queued" ? "Waits for a worker." : `${describeCount(done, total)} ${found}`}
      />
    </Container>
  );
}

function describeCount(done: number, total: number | null): string {
  return total === null ? "Accounts are being listed." : `${done.toLocaleString()} of ${total.toLocaleString()} accounts read.`;
}

function describeEnd(job: Job): { type: "success" | "warning" | "error" | "info"; header: string; text: string } {
  const { done, present, unknown } = job.progress;
  const remark = job.remark ? ` ${job.remark}` : "";
  const counts = `${done.toLocaleString()} accounts read: ${present.toLocaleString()} with root user credentials, ${unknown.toLocaleString()} unknown.${remark}`;
  if (job.state === "cancelled") return { type: "info", header: "The audit was cancelled.", text: counts };
  if (job.state === "interrupted")
    return { type: "warning", header: "The audit stopped before its end.", text: `${counts} It can be resumed under Jobs.` };
  if (job.state === "failed" && done === 0)
    return { type: "error", header: "The audit failed.", text: job.remark ?? "The job's page says more." };
  if (unknown > 0 || job.state === "failed") return { type: "warning", header: "The audit is over. Not every account could be read.", text: counts };
  return { type: "success", header: "The audit is over.", text: counts };
}
