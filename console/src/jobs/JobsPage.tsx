/** What takes long and was asked of the server, and what it does by itself at certain times. */
import Tabs from "@cloudscape-design/components/tabs";
import { useSearchParams } from "react-router";
import { may, useMe } from "../api/queries";
import { Headed } from "../shell/Headed";
import { JobsTab } from "./JobsTab";
import { SchedulesTab } from "./SchedulesTab";

export default function JobsPage() {
  const { data: me } = useMe();
  const [parameters, setParameters] = useSearchParams();
  const tabs = [
    { id: "jobs", label: "Jobs", content: <JobsTab /> },
    ...(may(me, "schedules:read") ? [{ id: "schedules", label: "Schedules", content: <SchedulesTab /> }] : []),
  ];
  const active = tabs.find((one) => one.id === parameters.get("tab")) ?? tabs[0];
  return (
    <Headed title="Jobs" description="Audits, plans, deletions and all else that goes on in the server, also while nobody watches.">
      <Tabs
        ariaLabel="Jobs"
        tabs={tabs}
        activeTabId={active?.id}
        onChange={({ detail }) => setParameters({ tab: detail.activeTabId }, { replace: true })}
      />
    </Headed>
  );
}
