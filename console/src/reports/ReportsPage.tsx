/** Evidence to hand over, and what audits found in the past. */
import Tabs from "@cloudscape-design/components/tabs";
import { useSearchParams } from "react-router";
import { may, useMe } from "../api/queries";
import { Headed } from "../shell/Headed";
import { AuditsTab } from "./AuditsTab";
import { EvidenceTab } from "./EvidenceTab";

export default function ReportsPage() {
  const { data: me } = useMe();
  const [parameters, setParameters] = useSearchParams();
  const tabs = [
    ...(may(me, "reports:read") ? [{ id: "evidence", label: "Evidence", content: <EvidenceTab /> }] : []),
    { id: "audits", label: "Audits and changes", content: <AuditsTab /> },
  ];
  return (
    <Headed title="Reports" description="Made from what this server has read and recorded: AWS is asked nothing.">
      <Tabs
        ariaLabel="Reports"
        tabs={tabs}
        activeTabId={parameters.get("tab") ?? tabs[0]?.id}
        onChange={({ detail }) => setParameters({ tab: detail.activeTabId }, { replace: true })}
      />
    </Headed>
  );
}
