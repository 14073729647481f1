/** The drills that people recorded, the latest held first. */
import Header from "@cloudscape-design/components/header";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { TableProps } from "@cloudscape-design/components/table";
import type { Drill } from "../api/records";
import { AccountName } from "../organization/AccountField";
import { usePages } from "../tables/pages";
import { QueryTable } from "../tables/QueryTable";
import { Timestamp } from "../times/Timestamp";
import { ALARMS, DEVICES, NOT_RECORDED, useFailsafes } from "./checks";
import { usePrinting } from "./printing";

export function Drills() {
  const known = useFailsafes();
  const drills = known.data?.drills;
  const pages = usePages(drills ?? []);
  const isPrinting = usePrinting();
  return (
    <QueryTable
      query={{ ...known, error: null }}
      items={isPrinting ? drills : drills && pages.shown}
      trackBy={(one) => `${one.account_id} ${one.recorded_at}`}
      loadingText="Loading drills"
      wrapLines
      ariaLabels={{ tableLabel: "Drills" }}
      header={
        <Header variant="h2" counter={drills && `(${drills.length})`} description="A drill is due every 90 days. AWS doesn't report drills, so each is self-asserted.">
          Drills
        </Header>
      }
      empty="No drills. Sign in as the failsafe's root user by its runbook, then record the drill."
      pagination={pages.control}
      columnDefinitions={DRILL_COLUMNS}
    />
  );
}

const DRILL_COLUMNS: TableProps.ColumnDefinition<Drill>[] = [
  { id: "held", header: "Held", cell: (one) => <Timestamp at={one.held_at} />, isRowHeader: true, minWidth: 150 },
  { id: "account", header: "Account", cell: (one) => <AccountName accountId={one.account_id} />, minWidth: 150 },
  { id: "by", header: "Held by", cell: (one) => one.held_by, minWidth: 110 },
  {
    id: "outcome",
    header: "Outcome",
    cell: (one) => <StatusIndicator type={one.outcome === "passed" ? "success" : "error"}>{one.outcome === "passed" ? "Passed" : "Failed"}</StatusIndicator>,
    minWidth: 110,
  },
  { id: "alarm", header: "Alarm", cell: (one) => (one.alarm === null ? NOT_RECORDED : ALARMS[one.alarm]), minWidth: 120 },
  { id: "device", header: "MFA device", cell: (one) => (one.device === null ? NOT_RECORDED : DEVICES[one.device]), minWidth: 120 },
  {
    id: "recorded",
    header: "Recorded by",
    cell: (one) => (
      <>
        {one.recorded_by}, <Timestamp at={one.recorded_at} />
      </>
    ),
    minWidth: 160,
  },
];
