/** What takes long and was asked of the server, the newest first. */
import Link from "@cloudscape-design/components/link";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import { useSearchParams } from "react-router";
import type { Job } from "../api/records";
import { useFollow } from "../shell/links";
import { ProblemAlert } from "../shell/ProblemAlert";
import { useCursorPages } from "../tables/cursor-pages";
import { Empty } from "../tables/Empty";
import { Moment } from "../times/Moment";
import { JOB_STATES, jobAddress, nameKind } from "./kinds";
import { useJobs } from "./outcomes";
import { describeProgress } from "./progress";

export function JobsTab() {
  const [parameters, setParameters] = useSearchParams();
  const shown = parameters.get("show") === "unfinished" ? "unfinished" : "all";
  return (
    <SpaceBetween size="m">
      <SegmentedControl
        label="Which jobs"
        selectedId={shown}
        options={[
          { id: "all", text: "All" },
          { id: "unfinished", text: "Not over" },
        ]}
        onChange={({ detail }) => setParameters({ show: detail.selectedId }, { replace: true })}
      />
      <JobTable key={shown} unfinished={shown === "unfinished"} />
    </SpaceBetween>
  );
}

function JobTable({ unfinished }: { unfinished: boolean }) {
  const pages = useCursorPages();
  const jobs = useJobs(unfinished, pages.after);
  return (
    <SpaceBetween size="m">
      <ProblemAlert error={jobs.error} onRetry={() => void jobs.refetch()} />
      <Table
        trackBy="job_id"
        items={jobs.data?.jobs ?? []}
        loading={jobs.isPending}
        loadingText="Loading jobs"
        wrapLines
        ariaLabels={{ tableLabel: "Jobs" }}
        columnDefinitions={COLUMNS}
        empty={<Empty error={jobs.error}>{unfinished ? "Nothing waits or runs." : "Nothing was asked for yet."}</Empty>}
        pagination={pages.control(jobs.data?.next)}
      />
    </SpaceBetween>
  );
}

const COLUMNS: TableProps.ColumnDefinition<Job>[] = [
  { id: "kind", header: "Job", cell: (job) => <JobLink job={job} />, isRowHeader: true, minWidth: 150 },
  { id: "state", header: "State", cell: (job) => <JobStateOf job={job} />, minWidth: 140 },
  { id: "progress", header: "Accounts", cell: (job) => describeProgress(job), minWidth: 110 },
  { id: "by", header: "Asked for by", cell: (job) => job.created_by, minWidth: 110 },
  { id: "at", header: "Asked for", cell: (job) => <Moment at={job.created_at} />, minWidth: 150 },
  { id: "end", header: "Ended", cell: (job) => <Moment at={job.ended_at} />, minWidth: 150 },
  { id: "remark", header: "Remark", cell: (job) => job.remark ?? "–", minWidth: 200 },
];

function JobLink({ job }: { job: Job }) {
  const follow = useFollow();
  return (
    <Link href={jobAddress(job.job_id)} onFollow={follow}>
      {nameKind(job.kind)}
    </Link>
  );
}

function JobStateOf({ job }: { job: Job }) {
  const { type, words } = JOB_STATES[job.state];
  return <StatusIndicator type={type}>{words}</StatusIndicator>;
}
