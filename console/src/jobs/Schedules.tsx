/** The schedules of the server. They come from the settings file and can't be changed here. */
import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import { type TableProps } from "@cloudscape-design/components/table";
import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import type { Schedule, ScheduleKind } from "../api/records";
import { QueryTable } from "../tables/QueryTable";
import { Timestamp } from "../times/Timestamp";

const SCHEDULE_KINDS: { readonly [kind in ScheduleKind]: string } = {
  audits: "Audit of the whole organization",
  drift_checks: "Set-up check",
  drill_reminders: "Reminder of due drills",
  reports: "Report delivery",
};

export function SchedulesTab() {
  const schedules = useQuery({
    queryKey: ["schedules"],
    queryFn: () => unwrap(api.GET("/api/v1/schedules")),
    refetchInterval: 5_000,
  });
  return (
    <QueryTable
      query={schedules}
      trackBy="schedule_id"
      items={schedules.data?.schedules}
      loadingText="Loading schedules"
      wrapLines
      ariaLabels={{ tableLabel: "Schedules" }}
      header={
        <Header variant="h2" description="To change schedules, edit the settings file of the server.">
          Schedules
        </Header>
      }
      columnDefinitions={COLUMNS}
      empty={
        <>
          No schedules. Add times to the section schedules of the settings file, such as{" "}
          <Box variant="code" color="inherit">
            audits = ["0 6 * * * Europe/Berlin"]
          </Box>
        </>
      }
    />
  );
}

const COLUMNS: TableProps.ColumnDefinition<Schedule>[] = [
  { id: "kind", header: "Task", cell: (one) => SCHEDULE_KINDS[one.kind], isRowHeader: true, minWidth: 200 },
  { id: "expression", header: "Cron expression", cell: (one) => <Box variant="code">{one.expression}</Box>, minWidth: 160 },
  { id: "zone", header: "Time zone", cell: (one) => one.time_zone, minWidth: 130 },
  { id: "last", header: "Last run", cell: (one) => <Timestamp at={one.last_run_at} none="Not yet" />, minWidth: 150 },
  { id: "next", header: "Next run", cell: (one) => <Timestamp at={one.next_run_at} />, minWidth: 150 },
];
