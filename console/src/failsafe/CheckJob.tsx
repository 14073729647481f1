/** A page's check: the button that starts it, and its last result or the one that the URL names. */
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { useSearchParams } from "react-router";
import { isFinished, refreshJobs, useJob, useLastJob } from "../api/jobs";
import { hasPermission, useMe } from "../api/queries";
import type { BreakglassChecks, FailsafeChecks, Job } from "../api/records";
import { QueryProblem } from "../components/PageFrame";
import { JobOutcomeView } from "../jobs/JobOutcomeView";
import { EmptyText } from "../tables/QueryTable";
import { refreshFailsafes } from "./checks";

interface CheckJob {
  /** Starts the check; absent if the role doesn't allow it. */
  button: ReactNode;
  jobId: string | null;
  last: ReturnType<typeof useLastJob>;
}

export function useCheckJob(kind: "failsafe_check" | "breakglass_check", text: string, request: () => Promise<Job>): CheckJob {
  const { data: me } = useMe();
  const [parameters, setParameters] = useSearchParams();
  const last = useLastJob(kind);
  const jobId = parameters.get("job") ?? last.data?.job_id ?? null;
  const job = useJob(jobId).data;
  const starting = useMutation({
    mutationFn: request,
    onSuccess: (made) => {
      setParameters({ job: made.job_id }, { replace: true });
      void refreshJobs();
    },
  });
  const isOver = job !== undefined && isFinished(job);
  useEffect(() => {
    if (isOver) refreshFailsafes(); // a check lists the accounts
  }, [isOver, jobId]);
  const isActive = starting.isPending || (job !== undefined && !isOver && job.state !== "interrupted");
  const button = hasPermission(me, "failsafe:check") && (
    <Button variant="primary" loading={isActive} loadingText="A check is running" onClick={() => starting.mutate()}>
      {text}
    </Button>
  );
  return { button, jobId, last };
}

interface CheckResultProps<T> {
  check: CheckJob;
  /** The text before the first check. */
  empty: string;
  children: (outcome: T) => ReactNode;
}

export function CheckResult<T extends FailsafeChecks | BreakglassChecks>({ check, empty, children }: CheckResultProps<T>) {
  const { jobId, last } = check;
  return (
    <>
      <QueryProblem query={last} />
      {jobId && (
        <JobOutcomeView<T> key={jobId} jobId={jobId}>
          {children}
        </JobOutcomeView>
      )}
      {last.data === null && !jobId && (
        <Container>
          <EmptyText>
            {empty} {check.button ? "It opens a read-only root session in each failsafe." : "Ask an auditor or operator to run it."}
          </EmptyText>
        </Container>
      )}
    </>
  );
}
