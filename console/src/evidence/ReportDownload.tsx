/** The download of a report: what is being done for it, and the size of its file. */
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import { download } from "../api/downloads";
import type { ReportWork } from "../api/records";

const POLL_MILLISECONDS = 1_000;

export function useReportDownload(makeQuery: () => URLSearchParams) {
  const [received, setReceived] = useState(0);
  const downloading = useMutation({
    mutationFn: () => download("/api/v1/reports", makeQuery(), "rootkeeper-report", setReceived),
    onMutate: () => setReceived(0),
    meta: { showsErrors: true },
  });
  return { ...downloading, received };
}

export function ReportDownloadState({ downloading }: { downloading: ReturnType<typeof useReportDownload> }) {
  const { isPending, received, submittedAt, data: saved } = downloading;
  const isMade = received > 0;
  const work = useQuery({
    queryKey: ["report-work", submittedAt],
    queryFn: () => unwrap(api.GET("/api/v1/reports/current")),
    enabled: isPending && !isMade,
    refetchInterval: POLL_MILLISECONDS,
    staleTime: 0,
    gcTime: 0,
  });
  return (
    <div role="status">
      {isPending && <StatusIndicator type="loading">{isMade ? `Downloading: ${renderBytes(received)}` : describeWork(work.data)}</StatusIndicator>}
      {saved && (
        <StatusIndicator type="success">
          Downloaded: {saved.name}, {renderBytes(saved.bytes)}
        </StatusIndicator>
      )}
    </div>
  );
}

const KILOBYTE = 1_000;
const MEGABYTE = 1_000_000;

/** Such as "1.2 MB". */
function renderBytes(bytes: number): string {
  if (bytes < KILOBYTE) return `${bytes} bytes`;
  const [size, unit] = bytes < MEGABYTE ? [bytes / KILOBYTE, "KB"] : [bytes / MEGABYTE, "MB"];
  return `${size.toLocaleString(undefined, { maximumFractionDigits: 1 })} ${unit}`;
}

/** What the server does; it makes the reports of a user one after the other. */
function describeWork(work: ReportWork | undefined): string {
  switch (work?.step) {
    case "reading":
      return "Reading the records and verifying the ledger";
    case "judging":
      return "Evaluating accounts and controls";
    case "rendering":
      return work.written_bytes > 0 ? `Writing the report: ${renderBytes(work.written_bytes)}` : "Writing the report";
    default:
      return "Waiting for the server";
  }
}
