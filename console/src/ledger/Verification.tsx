/** The check of the whole ledger, done by the server, and its verdict. */
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useMutation } from "@tanstack/react-query";
import { useSearchParams } from "react-router";
import { api, ask } from "../api/client";
import { isOver, useJob } from "../api/job-events";
import { may, queries, useMe } from "../api/queries";
import type { Job, LedgerVerification } from "../api/records";
import { JobAnswer } from "../jobs/JobAnswer";
import { readJobsAgain, useLastJob } from "../jobs/outcomes";
import { ProblemAlert } from "../shell/ProblemAlert";
import { Moment } from "../times/Moment";

export function Verification() {
  const { data: me } = useMe();
  const [parameters, setParameters] = useSearchParams();
  const last = useLastJob("ledger_verification");
  const jobId = parameters.get("verification") ?? last.data?.job_id ?? null;
  const job = useJob(jobId);
  const asking = useMutation({
    mutationFn: () => ask(api.POST("/api/v1/ledger/verifications")),
    /** The request is an entry of the ledger, too. */
    onSuccess: () => Promise.all([readJobsAgain(), queries.invalidateQueries({ queryKey: ["ledger"] })]),
  });
  /** Only while somebody is still at this page. */
  const show = ({ job_id }: Job) =>
    setParameters(
      (before) => {
        before.set("verification", job_id);
        return before;
      },
      { replace: true },
    );
  const goesOn = job.data !== undefined && !isOver(job.data) && job.data.state !== "interrupted";
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="Recomputes the chain of all entries, and compares it with the mirror and the anchor."
          actions={
            may(me, "ledger:verify") && (
              <Button loading={asking.isPending || goesOn} loadingText="The ledger is being verified" onClick={() => asking.mutate(undefined, { onSuccess: show })}>
                Verify now
              </Button>
            )
          }
        >
          Verification
        </Header>
      }
    >
      <ProblemAlert error={last.error} onRetry={() => void last.refetch()} />
      {jobId && (
        <JobAnswer<LedgerVerification> key={jobId} jobId={jobId}>
          {(verdict, verified) => <VerdictFacts verdict={verdict} job={verified} />}
        </JobAnswer>
      )}
      {last.data === null && !jobId && "It wasn't verified by this server lately."}
    </Container>
  );
}

function VerdictFacts({ verdict, job }: { verdict: LedgerVerification; job: Job }) {
  return (
    <SpaceBetween size="m">
      {verdict.is_intact ? (
        <StatusIndicator type="success">The ledger is intact.</StatusIndicator>
      ) : (
        <StatusIndicator type="error">The ledger is not intact.</StatusIndicator>
      )}
      {verdict.findings.map((finding) => (
        <StatusIndicator key={`${finding.seq} ${finding.what}`} type="error">
          {finding.seq === null ? "" : `Entry ${finding.seq}: `}
          {finding.what}
        </StatusIndicator>
      ))}
      <KeyValuePairs
        columns={4}
        items={[
          { label: "Verified", value: <Moment at={job.ended_at} /> },
          { label: "Asked for by", value: job.created_by },
          { label: "Entries", value: verdict.entries.toLocaleString() },
          { label: "Anchored up to entry", value: verdict.anchored_seq?.toLocaleString() ?? "No anchor is set" },
          { label: "Hash of the last entry", value: <span className="policy">{verdict.head.hash}</span> },
        ]}
      />
    </SpaceBetween>
  );
}
