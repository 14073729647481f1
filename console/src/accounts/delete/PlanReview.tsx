/** The plan: while it is made, and then for review. Nothing goes but what stands here. */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import Skeleton from "@cloudscape-design/components/skeleton";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask, api } from "../../api/client";
import { isOver, useJob } from "../../api/job-events";
import { may, useMe } from "../../api/queries";
import type { DeletionPlan, Job } from "../../api/records";
import { ProblemAlert } from "../../shell/ProblemAlert";
import { useFollow } from "../../shell/links";
import { Moment } from "../../times/Moment";
import { useNow } from "../../times/now";
import { readOutcome } from "../jobs";
import { ConfirmDeletion } from "./ConfirmDeletion";
import { countCalls, listSkipped, listTargets, type PlanBody } from "./plans";
import { SkippedAccounts } from "./SkippedAccounts";
import { TargetAccounts } from "./TargetAccounts";
import { usualWaves, WaveFields, type Waves } from "./WaveFields";

interface PlanReviewProps {
  jobId: string;
  onPlanned: (jobId: string) => void;
  onBegun: (jobId: string) => void;
  onBack: () => void;
}

export function PlanReview({ jobId, onPlanned, onBegun, onBack }: PlanReviewProps) {
  const { data: job, error, refetch } = useJob(jobId);
  const hasPlan = job !== undefined && isOver(job);
  const plan = useQuery({
    queryKey: ["job", jobId, "outcome"],
    queryFn: () => readOutcome<DeletionPlan>(jobId),
    enabled: hasPlan,
    staleTime: Infinity,
  });
  if (plan.data && job) return <Review job={job} plan={plan.data} onPlanned={onPlanned} onBegun={onBegun} onBack={onBack} />;
  return (
    <SpaceBetween size="m">
      <ProblemAlert error={error} onRetry={() => void refetch()} />
      {plan.error && (
        <>
          <ProblemAlert error={plan.error} />
          <Button onClick={onBack}>Choose again</Button>
        </>
      )}
      {job && !hasPlan && <Planning job={job} />}
      {!job && !error && <Skeleton height="12rem" />}
    </SpaceBetween>
  );
}

function Planning({ job }: { job: Job }) {
  const follow = useFollow();
  const { total, done } = job.progress;
  const waits = job.state === "interrupted";
  return (
    <SpaceBetween size="m">
      {waits && (
        <Alert
          type="warning"
          header="The plan stopped before its end."
          action={
            <Button href="/jobs" onFollow={follow}>
              Go to the jobs
            </Button>
          }
        >
          {job.remark ?? "It goes on by itself once what it needs can be reached."}
        </Alert>
      )}
      <Container>
        <ProgressBar
          label="Making the plan"
          description="Reads each account in detail. Nothing is changed."
          value={total ? (100 * done) / total : 0}
          additionalInfo={total === null ? "Accounts are being listed." : `${done.toLocaleString()} of ${total.toLocaleString()} accounts read.`}
        />
      </Container>
    </SpaceBetween>
  );
}

interface ReviewProps extends Omit<PlanReviewProps, "jobId"> {
  job: Job;
  plan: DeletionPlan;
}

function Review({ job, plan, onPlanned, onBegun, onBack }: ReviewProps) {
  const { data: me } = useMe();
  const isExpired = useNow(10_000) >= new Date(plan.not_after).getTime();
  const targets = listTargets(plan);
  const skipped = listSkipped(plan);
  const [waves, setWaves] = useState<Waves>(() => usualWaves(targets.length));
  const [isAsked, setAsked] = useState(false);
  const planAgain = useMutation({
    mutationFn: (uses: [string, string][]) => {
      const asked = job.parameters as unknown as PlanBody;
      const body = { ...asked, allowed_uses: [...(asked.allowed_uses ?? []), ...uses] };
      return ask(api.POST("/api/v1/plans", { body }));
    },
    onSuccess: (made) => onPlanned(made.job_id),
    meta: { showsErrors: true },
  });
  return (
    <SpaceBetween size="l">
      <Verdict plan={plan} isExpired={isExpired} />
      {targets.length > 0 && <TargetAccounts targets={targets} />}
      {skipped.length > 0 && (
        <SkippedAccounts
          skipped={skipped}
          isPlanning={planAgain.isPending}
          error={planAgain.error}
          onAllow={may(me, "root_credentials:delete") ? (uses) => planAgain.mutate(uses) : undefined}
        />
      )}
      {targets.length > 1 && <WaveFields waves={waves} onChange={setWaves} most={targets.length} />}
      <SpaceBetween size="xs" direction="horizontal">
        <Button onClick={onBack}>Choose again</Button>
        {may(me, "root_credentials:delete") && (
          <Button
            variant="primary"
            disabled={targets.length === 0 || isExpired}
            disabledReason={isExpired ? "The plan has expired: make a new one." : "The plan deletes nothing."}
            onClick={() => setAsked(true)}
          >
            Delete root user credentials
          </Button>
        )}
      </SpaceBetween>
      {isAsked && <ConfirmDeletion plan={plan} targets={targets} waves={waves} onBegun={onBegun} onClose={() => setAsked(false)} />}
    </SpaceBetween>
  );
}

function Verdict({ plan, isExpired }: { plan: DeletionPlan; isExpired: boolean }) {
  const targets = listTargets(plan);
  if (isExpired)
    return (
      <Alert type="warning" header="This plan has expired.">
        Choose again: a new plan reads the accounts as they are now.
      </Alert>
    );
  if (targets.length === 0)
    return (
      <Alert type="info" header="There is nothing to delete.">
        Each account below says why.
      </Alert>
    );
  return (
    <Alert
      type="warning"
      header={`In ${targets.length.toLocaleString()} ${targets.length === 1 ? "account" : "accounts"}: ${countCalls(targets)}.`}
    >
      Exactly this will go, and nothing of an account that has changed since. Nothing was deleted yet. Planned by {plan.created_by},
      good until <Moment at={plan.not_after} />.
    </Alert>
  );
}
