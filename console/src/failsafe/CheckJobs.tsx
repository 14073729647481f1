/** The two checks of the page: one button starts both, and each shows its last result or the result that the URL names. */
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { useSearchParams } from "react-router";
import { api, unwrap } from "../api/client";
import { isFailedOutcome, isFinished, refreshJobs, useJob, useLastJob, useOutcome } from "../api/jobs";
import { hasPermission, useMe } from "../api/queries";
import type { BreakglassChecks, FailsafeChecks } from "../api/records";
import { QueryProblem } from "../components/PageFrame";
import { JobOutcomeView } from "../jobs/JobOutcomeView";
import { EmptyText } from "../tables/QueryTable";
import { refreshFailsafes } from "./checks";

type CheckKind = "failsafe_check" | "breakglass_check";

export interface CheckJob {
  jobId: string | null;
  last: ReturnType<typeof useLastJob>;
  isRunning: boolean;
}

/** The URL's parameter is the kind of the job. */
function useCheck(kind: CheckKind): CheckJob {
  const [parameters] = useSearchParams();
  const last = useLastJob(kind);
  const jobId = parameters.get(kind) ?? last.data?.job_id ?? null;
  const job = useJob(jobId).data;
  const isOver = job !== undefined && isFinished(job);
  useEffect(() => {
    if (isOver) refreshFailsafes(); // a check lists the accounts
  }, [isOver, jobId]);
  return { jobId, last, isRunning: job !== undefined && !isOver && job.state !== "interrupted" };
}

export function useChecks() {
  const { data: me } = useMe();
  const [, setParameters] = useSearchParams();
  const failsafe = useCheck("failsafe_check");
  const breakglass = useCheck("breakglass_check");
  const starting = useMutation({
    mutationFn: () => Promise.all([unwrap(api.POST("/api/v1/failsafe-checks")), unwrap(api.POST("/api/v1/breakglass-checks"))]),
    onSuccess: ([failsafeJob, accessJob]) => {
      setParameters({ failsafe_check: failsafeJob.job_id, breakglass_check: accessJob.job_id }, { replace: true });
      void refreshJobs();
    },
  });
  const button = hasPermission(me, "failsafe:check") && (
    <Button variant="primary" loading={starting.isPending || failsafe.isRunning || breakglass.isRunning} loadingText="A check is running" onClick={() => starting.mutate()}>
      Check now
    </Button>
  );
  return { button, failsafe, breakglass };
}

/** The result of a check; absent while there is none. */
export function useCheckOutcome<T extends FailsafeChecks | BreakglassChecks>(kind: CheckKind): T | undefined {
  const outcome = useOutcome<T>(useJob(useCheck(kind).jobId).data).data;
  return outcome && !isFailedOutcome(outcome) ? outcome : undefined;
}

interface CheckResultProps<T> {
  check: CheckJob;
  /** The text before the first check; `null` for none. */
  empty: string | null;
  children: (outcome: T) => ReactNode;
}

export function CheckResult<T extends FailsafeChecks | BreakglassChecks>({ check, empty, children }: CheckResultProps<T>) {
  const { data: me } = useMe();
  const { jobId, last } = check;
  return (
    <>
      <QueryProblem query={last} />
      {jobId && (
        <JobOutcomeView<T> key={jobId} jobId={jobId}>
          {children}
        </JobOutcomeView>
      )}
      {last.data === null && !jobId && empty !== null && (
        <Container>
          <EmptyText>
            {empty} {hasPermission(me, "failsafe:check") ? "It opens a read-only root session in each failsafe." : "Ask an auditor or operator to run it."}
          </EmptyText>
        </Container>
      )}
    </>
  );
}
