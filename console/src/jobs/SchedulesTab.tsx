/** What the server does by itself at certain times. The settings file says so; nobody changes it here. */
import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import { useQuery } from "@tanstack/react-query";
import { ask, api } from "../api/client";
import type { Schedule, ScheduleKind } from "../api/records";
import { ProblemAlert } from "../shell/ProblemAlert";
import { Empty } from "../tables/Empty";
import { Moment } from "../times/Moment";

const KINDS: { readonly [kind in ScheduleKind]: string } = {
  audits: "Audit of the whole organization",
  drift_checks: "Check of the set-up",
  drill_reminders: "Reminder of drills that are due",
};

export function SchedulesTab() {
  const schedules = useQuery({
    queryKey: ["schedules"],
    queryFn: () => ask(api.GET("/api/v1/schedules")),
    refetchInterval: 5_000,
  });
  return (
    <SpaceBetween size="m">
      <ProblemAlert error={schedules.error} onRetry={() => void schedules.refetch()} />
      <Table
        trackBy="schedule_id"
        items={schedules.data?.schedules ?? []}
        loading={schedules.isPending}
        loadingText="Loading schedules"
        wrapLines
        ariaLabels={{ tableLabel: "Schedules" }}
        header={
          <Header variant="h2" description="Changed in the server's settings file only, by whoever runs it.">
            Schedules
          </Header>
        }
        columnDefinitions={COLUMNS}
        empty={
          <Empty error={schedules.error}>
            Nothing runs by itself: name its times in the section schedules of the settings, such as{" "}
            <Box variant="code" color="inherit">
              audits = ["0 6 * * * Europe/Berlin"]
            </Box>
          </Empty>
        }
      />
    </SpaceBetween>
  );
}

const COLUMNS: TableProps.ColumnDefinition<Schedule>[] = [
  { id: "kind", header: "What runs", cell: (one) => KINDS[one.kind], isRowHeader: true, minWidth: 200 },
  { id: "expression", header: "When, as cron has it", cell: (one) => <Box variant="code">{one.expression}</Box>, minWidth: 160 },
  { id: "zone", header: "Time zone", cell: (one) => one.time_zone, minWidth: 130 },
  { id: "last", header: "Last run", cell: (one) => <Moment at={one.last_run_at} none="Not yet" />, minWidth: 150 },
  { id: "next", header: "Next run", cell: (one) => <Moment at={one.next_run_at} />, minWidth: 150 },
];
