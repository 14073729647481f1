/** The jobs page: jobs, the newest first. */
import Link from "@cloudscape-design/components/link";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { type TableProps } from "@cloudscape-design/components/table";
import { useSearchParams } from "react-router";
import { useJobs } from "../api/jobs";
import { pageHref } from "../api/place";
import type { Job } from "../api/records";
import { jobPath, useFollowLink } from "../components/links";
import { PageFrame } from "../components/PageFrame";
import { QueryTable } from "../tables/QueryTable";
import { useCursorPages } from "../tables/pages";
import { Timestamp } from "../times/Timestamp";
import { describeProgress } from "./JobOutcomeView";
import { describeKind, JOB_STATES } from "./kinds";

export default function JobsPage() {
  const [parameters, setParameters] = useSearchParams();
  const shown = parameters.get("show") === "unfinished" ? "unfinished" : "all";
  return (
    <PageFrame title="Jobs" description="Audits, plans, deletions and other work of the server. Jobs continue when you close the console.">
      <SpaceBetween size="m">
        <SegmentedControl
          label="Jobs shown"
          selectedId={shown}
          options={[
            { id: "all", text: "All" },
            { id: "unfinished", text: "Unfinished" },
          ]}
          onChange={({ detail }) => setParameters({ show: detail.selectedId }, { replace: true })}
        />
        <JobTable key={shown} unfinished={shown === "unfinished"} />
      </SpaceBetween>
    </PageFrame>
  );
}

function JobTable({ unfinished }: { unfinished: boolean }) {
  const pages = useCursorPages();
  const jobs = useJobs(unfinished, pages.after);
  return (
    <QueryTable
      query={jobs}
      trackBy="job_id"
      items={jobs.data?.jobs}
      loadingText="Loading jobs"
      wrapLines
      ariaLabels={{ tableLabel: "Jobs" }}
      columnDefinitions={COLUMNS}
      empty={unfinished ? "No unfinished jobs." : "No jobs."}
      pagination={pages.control(jobs.data?.next, jobs.data?.total)}
    />
  );
}

const COLUMNS: TableProps.ColumnDefinition<Job>[] = [
  { id: "kind", header: "Job", cell: (job) => <JobLink job={job} />, isRowHeader: true, minWidth: 150 },
  { id: "state", header: "State", cell: (job) => <JobStateOf job={job} />, minWidth: 140 },
  { id: "progress", header: "Accounts", cell: (job) => describeProgress(job), minWidth: 110 },
  { id: "by", header: "Requested by", cell: (job) => job.created_by, minWidth: 110 },
  { id: "at", header: "Requested", cell: (job) => <Timestamp at={job.created_at} />, minWidth: 130 },
  { id: "end", header: "Ended", cell: (job) => <Timestamp at={job.ended_at} />, minWidth: 130 },
  { id: "remark", header: "Remark", cell: (job) => job.remark ?? "–", minWidth: 200 },
];

function JobLink({ job }: { job: Job }) {
  const follow = useFollowLink();
  return (
    <Link href={pageHref(jobPath(job.job_id))} onFollow={follow}>
      {describeKind(job.kind)}
    </Link>
  );
}

function JobStateOf({ job }: { job: Job }) {
  const { type, label } = JOB_STATES[job.state];
  return <StatusIndicator type={type}>{label}</StatusIndicator>;
}
