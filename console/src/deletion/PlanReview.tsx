/** A deletion plan: its progress, then its review. A deletion deletes only what the plan shows. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Skeleton from "@cloudscape-design/components/skeleton";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import { saveText } from "../api/downloads";
import { findOutcomeProblem, isFailedOutcome, isFinished, useJob, useOutcome } from "../api/jobs";
import { pageHref } from "../api/place";
import { hasPermission, useMe } from "../api/queries";
import type { DeletionPlan, Job, PlannedAccount } from "../api/records";
import { jobPath, useFollowLink } from "../components/links";
import { ProblemAlert, useFocusOnHeading } from "../components/PageFrame";
import { CancelButton, LiveProgress } from "../components/LiveProgress";
import { Timestamp, useNow } from "../times/Timestamp";
import { chooseDefaultWaves, ConfirmDeletion, WaveFields, type Waves } from "./ConfirmDeletion";
import { countCalls, isHeldBack, listSkipped, listTargets, type PlanBody } from "./plans";
import { HeldBackAccounts, SkippedAccounts, TargetAccounts } from "./PlanTables";

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
  const isInterrupted = job.state === "interrupted";
  return (
    <SpaceBetween size="m">
      {isInterrupted && (
        <Alert
          type="warning"
          header="The plan was interrupted."
          action={
            <Button href={pageHref(jobPath(job.job_id))} onFollow={follow}>
              Show the job
            </Button>
          }
        >
          {job.remark ?? "It continues automatically when the cause is resolved."}
        </Alert>
      )}
      <Container>
        <SpaceBetween size="xs">
          <LiveProgress job={job} doing="Planning" description="Reads the accounts that weren't read in detail within the last hour. Changes nothing." />
          <CancelButton job={job} />
        </SpaceBetween>
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
  const held = listSkipped(plan).filter(isHeldBack);
  const skipped = listSkipped(plan).filter((one) => !isHeldBack(one));
  const [tab, setTab] = useState(targets.length > 0 ? "targets" : held.length > 0 ? "held" : "skipped");
  const [waves, setWaves] = useState<Waves>(() => chooseDefaultWaves(targets.length));
  const [isConfirming, setConfirming] = useState(false);
  const summary = useFocusOnHeading<HTMLDivElement>();
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
      <div className="sticky-summary" ref={summary}>
        <Container>
          <div className="summary">
            <Box variant="h2" padding="n">
              {describeCounts(targets.length, held.length, skipped.length)}
            </Box>
            <SpaceBetween size="xs" direction="horizontal">
              <Button onClick={onBack}>Change selection</Button>
              <Button iconName="download" onClick={() => saveText(JSON.stringify(plan, null, 2), `plan-${plan.plan_id}.json`)}>
                Download plan
              </Button>
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
          </div>
        </Container>
      </div>
      <PlanSummary plan={plan} isExpired={isExpired} />
      <Tabs
        ariaLabel="Accounts of the plan"
        activeTabId={tab}
        onChange={({ detail }) => setTab(detail.activeTabId)}
        tabs={[
          { id: "targets", label: `To delete (${targets.length.toLocaleString()})`, content: <TargetAccounts targets={targets} /> },
          {
            id: "held",
            label: `Held back (${held.length.toLocaleString()})`,
            content: (
              <HeldBackAccounts
                held={held}
                isPlanning={replanning.isPending}
                error={replanning.error}
                onAllow={hasPermission(me, "root_credentials:delete") ? (uses) => replanning.mutate(uses) : undefined}
              />
            ),
          },
          { id: "skipped", label: `Skipped (${skipped.length.toLocaleString()})`, content: <SkippedAccounts skipped={skipped} /> },
        ]}
      />
      {targets.length > 1 && <WaveFields waves={waves} onChange={setWaves} most={targets.length} />}
      {isConfirming && <ConfirmDeletion plan={plan} targets={targets} waves={waves} onStarted={onStarted} onClose={() => setConfirming(false)} />}
    </SpaceBetween>
  );
}

/** Such as "2,216 to delete · 284 skipped · 12 held back". */
function describeCounts(targets: number, held: number, skipped: number): string {
  return `${targets.toLocaleString()} to delete · ${skipped.toLocaleString()} skipped · ${held.toLocaleString()} held back`;
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
      {plan.created_by}, valid until <Timestamp at={plan.not_after} />. Oldest reading: <Timestamp at={findOldestReading(targets)} />.
    </Alert>
  );
}

function findOldestReading(targets: PlannedAccount[]): string | undefined {
  return targets.flatMap((one) => one.credentials?.observed_at ?? []).sort()[0];
}
