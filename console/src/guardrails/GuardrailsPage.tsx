/** The guardrails: which policy of the organization would stop which task in which account, and what mends it. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { useSearchParams } from "react-router";
import { isOver, useJob } from "../api/job-events";
import { may, useMe } from "../api/queries";
import type { Preflight } from "../api/records";
import { JobAnswer } from "../jobs/JobAnswer";
import { useLastJob } from "../jobs/outcomes";
import { Headed } from "../shell/Headed";
import { ProblemAlert } from "../shell/ProblemAlert";
import { Matrix } from "./Matrix";
import { RunPreflight } from "./RunPreflight";

export default function GuardrailsPage() {
  const { data: me } = useMe();
  const [parameters, setParameters] = useSearchParams();
  const [isAsking, setAsking] = useState(false);
  const last = useLastJob("preflight");
  const jobId = parameters.get("job") ?? last.data?.job_id ?? null;
  const job = useJob(jobId);
  const mayRun = may(me, "preflights:run");
  const goesOn = job.data !== undefined && !isOver(job.data) && job.data.state !== "interrupted";
  return (
    <Headed
      title="Guardrails"
      description="Service and resource control policies reach root sessions too. A preflight reads them, opens no root session, and says what each would block."
      actions={
        mayRun && (
          <Button variant="primary" loading={goesOn} loadingText="A preflight is running" onClick={() => setAsking(true)}>
            Run preflight
          </Button>
        )
      }
    >
      <SpaceBetween size="l">
        <ProblemAlert error={last.error} onRetry={() => void last.refetch()} />
        {jobId && (
          <JobAnswer<Preflight> key={jobId} jobId={jobId}>
            {(preflight) => <Matrix preflight={preflight} />}
          </JobAnswer>
        )}
        {last.data === null && !jobId && <Nothing mayRun={mayRun} />}
      </SpaceBetween>
      {isAsking && (
        <RunPreflight onClose={() => setAsking(false)} onBegun={(made) => setParameters({ job: made.job_id }, { replace: true })} />
      )}
    </Headed>
  );
}

function Nothing({ mayRun }: { mayRun: boolean }) {
  return (
    <Container>
      <Box textAlign="center" color="text-body-secondary">
        No preflight was run lately. {mayRun ? "Run one before an emergency does it for you." : "Ask an auditor to run one."}
      </Box>
    </Container>
  );
}
