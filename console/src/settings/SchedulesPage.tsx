/** The schedules of the server: the times of each task, where they come from, their change, and their runs. */
import SpaceBetween from "@cloudscape-design/components/space-between";
import { hasPermission, useMe } from "../api/queries";
import { PageFrame } from "../components/PageFrame";
import { ScheduleRuns } from "./ScheduleRuns";
import { SettingTable } from "./SettingTable";

export default function SchedulesPage() {
  const { data: me } = useMe();
  return (
    <PageFrame title="Schedules" description="What the server does by itself. Of several servers and workers, one begins each run.">
      <SpaceBetween size="l">
        <ScheduleRuns />
        {hasPermission(me, "settings:read") && (
          <SettingTable
            section="schedules"
            title="Times"
            description="Times from the settings file or a variable of the server can't be changed here."
          />
        )}
      </SpaceBetween>
    </PageFrame>
  );
}
