/** A deletion plan: its progress, then its review. A deletion deletes only what the plan shows. */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import Skeleton from "@cloudscape-design/components/skeleton";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import { findOutcomeProblem, isFailedOutcome, isFinished, useJob, useOutcome } from "../api/jobs";
import { hasPermission, useMe } from "../api/queries";
import type { DeletionPlan, Job } from "../api/records";
import { useFollowLink } from "../components/links";
import { ProblemAlert } from "../components/PageFrame";
import { Timestamp, useNow } from "../times/Timestamp";
import { chooseDefaultWaves, ConfirmDeletion, WaveFields, type Waves } from "./ConfirmDeletion";
import { countCalls, listSkipped, listTargets, type PlanBody } from "./plans";
import { SkippedAccounts, TargetAccounts } from "./PlanTables";

interface PlanReviewProps {
  jobId: string;
  onPlanned: (jobId: string) => void;
  onStarted: (jobId: string) => void;
  onBack: () => void;
}

export function PlanReview({ jobId, onPlanned, onStarted, onBack }: PlanReviewProps) {
  const { data: job, error, refetch } = useJob(jobId);
  const { data: plan, error: outcomeError } = useOutcome<DeletionPlan>(job);
  if (job && plan && !isFailedOutcome(plan))
    return <Review job={job} plan={plan} onPlanned={onPlanned} onStarted={onStarted} onBack={onBack} />;
  const problem = outcomeError ?? (job && findOutcomeProblem(job, plan));
  return (
    <SpaceBetween size="m">
      <ProblemAlert error={error} onRetry={() => void refetch()} />
      {problem && (
        <>
          <ProblemAlert error={problem} />
          <Button onClick={onBack}>Change selection</Button>
        </>
      )}
      {job && !isFinished(job) && <PlanProgress job={job} />}
      {!job && !error && <Skeleton height="12rem" />}
    </SpaceBetween>
  );
}

function PlanProgress({ job }: { job: Job }) {
  const follow = useFollowLink();
  const { total, done } = job.progress;
  const isInterrupted = job.state === "interrupted";
  return (
    <SpaceBetween size="m">
      {isInterrupted && (
        <Alert
          type="warning"
          header="The plan was interrupted."
          action={
            <Button href="/jobs" onFollow={follow}>
              Show jobs
            </Button>
          }
        >
          {job.remark ?? "It continues automatically when the cause is resolved."}
        </Alert>
      )}
      <Container>
        <ProgressBar
          label="Creating the plan"
          description="Reads each account in detail. Changes nothing."
          value={total ? (100 * done) / total : 0}
          additionalInfo={total === null ? "Listing accounts." : `${done.toLocaleString()} of ${total.toLocaleString()} accounts read.`}
        />
      </Container>
    </SpaceBetween>
  );
}

interface ReviewProps extends Omit<PlanReviewProps, "jobId"> {
  job: Job;
  plan: DeletionPlan;
}

function Review({ job, plan, onPlanned, onStarted, onBack }: ReviewProps) {
  const { data: me } = useMe();
  const isExpired = useNow(10_000) >= new Date(plan.not_after).getTime();
  const targets = listTargets(plan);
  const skipped = listSkipped(plan);
  const [waves, setWaves] = useState<Waves>(() => chooseDefaultWaves(targets.length));
  const [isConfirming, setConfirming] = useState(false);
  const replanning = useMutation({
    mutationFn: (uses: [string, string][]) => {
      const request = job.parameters as unknown as PlanBody;
      const body = { ...request, allowed_uses: [...(request.allowed_uses ?? []), ...uses] };
      return unwrap(api.POST("/api/v1/plans", { body }));
    },
    onSuccess: (made) => onPlanned(made.job_id),
    meta: { showsErrors: true },
  });
  return (
    <SpaceBetween size="l">
      <PlanSummary plan={plan} isExpired={isExpired} />
      {targets.length > 0 && <TargetAccounts targets={targets} />}
      {skipped.length > 0 && (
        <SkippedAccounts
          skipped={skipped}
          isPlanning={replanning.isPending}
          error={replanning.error}
          onAllow={hasPermission(me, "root_credentials:delete") ? (uses) => replanning.mutate(uses) : undefined}
        />
      )}
      {targets.length > 1 && <WaveFields waves={waves} onChange={setWaves} most={targets.length} />}
      <SpaceBetween size="xs" direction="horizontal">
        <Button onClick={onBack}>Change selection</Button>
        {hasPermission(me, "root_credentials:delete") && (
          <Button
            variant="primary"
            disabled={targets.length === 0 || isExpired}
            disabledReason={isExpired ? "The plan has expired. Create a new one." : "The plan deletes nothing."}
            onClick={() => setConfirming(true)}
          >
            Delete root user credentials
          </Button>
        )}
      </SpaceBetween>
      {isConfirming && <ConfirmDeletion plan={plan} targets={targets} waves={waves} onStarted={onStarted} onClose={() => setConfirming(false)} />}
    </SpaceBetween>
  );
}

function PlanSummary({ plan, isExpired }: { plan: DeletionPlan; isExpired: boolean }) {
  const targets = listTargets(plan);
  if (isExpired)
    return (
      <Alert type="warning" header="This plan has expired.">
        Change the selection or create the plan again: a new plan reads the current credentials.
      </Alert>
    );
  if (targets.length === 0)
    return (
      <Alert type="info" header="There is nothing to delete.">
        The table shows the reason for each account.
      </Alert>
    );
  return (
    <Alert
      type="warning"
      header={`In ${targets.length.toLocaleString()} ${targets.length === 1 ? "account" : "accounts"}: ${countCalls(targets)}.`}
    >
      The deletion deletes exactly these credentials, and skips an account that has changed since. Nothing was deleted yet. Created by{" "}
      {plan.created_by}, valid until <Timestamp at={plan.not_after} />.
    </Alert>
  );
}
