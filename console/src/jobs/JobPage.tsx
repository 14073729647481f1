/** One job: how far it is, live; what came of each account; cancel and resume. */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Skeleton from "@cloudscape-design/components/skeleton";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useParams } from "react-router";
import { isOver, useJob } from "../api/job-events";
import { useMe } from "../api/queries";
import type { Job, Me } from "../api/records";
import { Headed } from "../shell/Headed";
import { useFollow } from "../shell/links";
import { ProblemAlert } from "../shell/ProblemAlert";
import { Moment } from "../times/Moment";
import { JobActions } from "./JobActions";
import { JobOutcome } from "./JobOutcome";
import { JobProgress } from "./JobProgress";
import { nameKind, resultAddress } from "./kinds";
import { describeProgress } from "./progress";
import { Results } from "./Results";

export default function JobPage() {
  const { job_id = "" } = useParams();
  const { data: me } = useMe();
  const found = useJob(job_id);
  if (found.data && me) return <Contents job={found.data} me={me} />;
  return (
    <Headed title="Job">
      {found.error ? <ProblemAlert error={found.error} onRetry={() => void found.refetch()} /> : <Skeleton height="20rem" />}
    </Headed>
  );
}

function Contents({ job, me }: { job: Job; me: Me }) {
  return (
    <Headed
      title={nameKind(job.kind)}
      description={`${job.job_id}, asked for by ${job.created_by}`}
      actions={
        <SpaceBetween size="xs" direction="horizontal">
          <JobActions job={job} me={me} />
          <ToResult job={job} />
        </SpaceBetween>
      }
    >
      <SpaceBetween size="l">
        <Interruption job={job} />
        <Container header={<Header variant="h2">State</Header>}>
          <SpaceBetween size="m">
            <JobProgress job={job} />
            <Facts job={job} />
          </SpaceBetween>
        </Container>
        <JobOutcome job={job} />
        {job.kind === "deletion" && <Results job={job} />}
      </SpaceBetween>
    </Headed>
  );
}

function ToResult({ job }: { job: Job }) {
  const follow = useFollow();
  const result = resultAddress(job);
  if (!result || !isOver(job)) return null;
  return (
    <Button variant="primary" href={result.href} onFollow={follow}>
      {result.text}
    </Button>
  );
}

function Interruption({ job }: { job: Job }) {
  if (job.state !== "interrupted") return null;
  const goesOn = job.next_attempt_at !== null;
  return (
    <Alert type="warning" header={job.remark ?? "It stopped before its end."}>
      {goesOn ? (
        <>
          The server goes on with it by itself <Moment at={job.next_attempt_at} />. What is done isn't done again.
        </>
      ) : (
        "It can go on where it was: what is done isn't done again."
      )}
    </Alert>
  );
}

/** Those that count what accounts have. */
const READING_KINDS = ["audit", "deletion"];

function Facts({ job }: { job: Job }) {
  return (
    <KeyValuePairs
      columns={4}
      items={[
        { label: "Accounts dealt with", value: describeProgress(job) },
        ...(READING_KINDS.includes(job.kind)
          ? [
              { label: "With root user credentials", value: job.progress.present.toLocaleString() },
              { label: "Unknown", value: job.progress.unknown.toLocaleString() },
            ]
          : []),
        { label: "Remark", value: job.remark ?? "–" },
        { label: "Asked for", value: <Moment at={job.created_at} /> },
        { label: "Last change", value: <Moment at={job.updated_at} /> },
        { label: "Ended", value: <Moment at={job.ended_at} none="Not yet" /> },
        { label: "Put off", value: job.attempts === 0 ? "Never" : `${job.attempts} times` },
      ]}
    />
  );
}
