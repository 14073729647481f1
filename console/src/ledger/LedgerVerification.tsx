/** Verification of the whole ledger by the server, and the result. */
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useMutation } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { isFinished, refreshJobs, useJob, useLastJob } from "../api/jobs";
import { hasPermission, queries, useMe } from "../api/queries";
import type { Job, LedgerVerification } from "../api/records";
import { FACT_PIXELS, QueryProblem } from "../components/PageFrame";
import { JobOutcomeView } from "../jobs/JobOutcomeView";
import { useUrlParameter } from "../tables/url-filter";
import { Timestamp } from "../times/Timestamp";

export function VerificationPanel() {
  const { data: me } = useMe();
  const [shownId, showId] = useUrlParameter("verification");
  const last = useLastJob("ledger_verification");
  const jobId = shownId ?? last.data?.job_id ?? null;
  const job = useJob(jobId);
  const starting = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/ledger/verifications")),
    /** The request adds an entry to the ledger. */
    onSuccess: () => Promise.all([refreshJobs(), queries.invalidateQueries({ queryKey: ["ledger"] })]),
  });
  /** Only while this page is still open. */
  const showResult = ({ job_id }: Job) => showId(job_id);
  const isActive = job.data !== undefined && !isFinished(job.data) && job.data.state !== "interrupted";
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="Recomputes the hash chain of all entries and compares it with the mirror and the anchor."
          actions={
            hasPermission(me, "ledger:verify") && (
              <Button loading={starting.isPending || isActive} loadingText="Verifying the ledger" onClick={() => starting.mutate(undefined, { onSuccess: showResult })}>
                Verify ledger
              </Button>
            )
          }
        >
          Verification
        </Header>
      }
    >
      <QueryProblem query={last} />
      {jobId && (
        <JobOutcomeView<LedgerVerification> key={jobId} jobId={jobId}>
          {(result, verified) => <VerificationFacts result={result} job={verified} />}
        </JobOutcomeView>
      )}
      {last.data === null && !jobId && "No verification yet."}
    </Container>
  );
}

function VerificationFacts({ result, job }: { result: LedgerVerification; job: Job }) {
  return (
    <SpaceBetween size="m">
      {result.is_intact ? (
        <StatusIndicator type="success">The ledger is intact.</StatusIndicator>
      ) : (
        <StatusIndicator type="error">The ledger is not intact.</StatusIndicator>
      )}
      {result.findings.map((finding) => (
        <StatusIndicator key={`${finding.seq} ${finding.what}`} type="error">
          {finding.seq === null ? "" : `Entry ${finding.seq}: `}
          {finding.what}
        </StatusIndicator>
      ))}
      {result.missing_memory && <StatusIndicator type="warning">{result.missing_memory}</StatusIndicator>}
      <KeyValuePairs
        columns={4} minColumnWidth={FACT_PIXELS}
        items={[
          { label: "Verified", value: <Timestamp at={job.ended_at} /> },
          { label: "Requested by", value: job.created_by },
          { label: "Entries", value: result.entries.toLocaleString() },
          { label: "Anchored up to entry", value: result.anchored_seq?.toLocaleString() ?? "No anchor configured" },
          { label: "Hash of the last entry", value: <span className="policy">{result.head.hash}</span> },
        ]}
      />
    </SpaceBetween>
  );
}
