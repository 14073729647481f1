/** The schedules that hold now, with the last and the next run of each. */
import Header from "@cloudscape-design/components/header";
import { type TableProps } from "@cloudscape-design/components/table";
import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import type { Schedule } from "../api/records";
import { QueryTable } from "../tables/QueryTable";
import { Timestamp } from "../times/Timestamp";
import { describeTime } from "./cron";
import { SETTING_TEXTS } from "./editable";

export function ScheduleRuns() {
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
      ariaLabels={{ tableLabel: "Runs" }}
      header={<Header variant="h2">Runs</Header>}
      columnDefinitions={COLUMNS}
      empty="No task has times. Set the times of a task below, so that audits don't wait for a person."
    />
  );
}

const COLUMNS: TableProps.ColumnDefinition<Schedule>[] = [
  { id: "kind", header: "Task", cell: (one) => SETTING_TEXTS[`schedules.${one.kind}`].label, isRowHeader: true, minWidth: 200 },
  { id: "time", header: "Time", cell: (one) => describeTime(`${one.expression} ${one.time_zone}`), minWidth: 200 },
  { id: "last", header: "Last run", cell: (one) => <Timestamp at={one.last_run_at} none="Not yet" />, minWidth: 150 },
  { id: "next", header: "Next run", cell: (one) => <Timestamp at={one.next_run_at} />, minWidth: 150 },
];
