/** The notifications page: targets with a test of each, and the log of what was sent and what failed. */
import SpaceBetween from "@cloudscape-design/components/space-between";
import { PageFrame } from "../components/PageFrame";
import { TargetTable, useTargets } from "../settings/TargetTable";
import { DeliveryLog } from "./DeliveryLog";

export default function NotificationsPage() {
  const targets = useTargets();
  return (
    <PageFrame title="Notifications" description="Where this server sends notifications, and what arrived there.">
      <SpaceBetween size="l">
        <TargetTable />
        <DeliveryLog targets={targets.data?.targets ?? []} />
      </SpaceBetween>
    </PageFrame>
  );
}
