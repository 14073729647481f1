/** The log of notifications: what was sent to each target, what waits, and what failed. */
import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import { type TableProps } from "@cloudscape-design/components/table";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import { pageHref } from "../api/place";
import type { Delivery, DeliveryState, NotificationTarget } from "../api/records";
import { ChoiceField } from "../components/ChoiceField";
import { useFollowLink } from "../components/links";
import { usePages } from "../tables/pages";
import { QueryTable } from "../tables/QueryTable";
import { Timestamp } from "../times/Timestamp";

const REFRESH_MILLISECONDS = 10_000;
const MAX_SHOWN = 500;
const ALL = "";

const STATES: { readonly [state in DeliveryState]: { type: StatusIndicatorProps.Type; label: string } } = {
  delivered: { type: "success", label: "Delivered" },
  waiting: { type: "pending", label: "Waiting" },
  given_up: { type: "error", label: "Given up" },
};

const STATE_OPTIONS = [
  { value: ALL, label: "Any state" },
  ...Object.entries(STATES).map(([value, { label }]) => ({ value, label })),
];

export function DeliveryLog({ targets }: { targets: readonly NotificationTarget[] }) {
  const [state, setState] = useState<string>(ALL);
  const [target, setTarget] = useState<string>(ALL);
  const query = { state: (state || undefined) as DeliveryState | undefined, target: target || undefined, limit: MAX_SHOWN };
  const deliveries = useQuery({
    queryKey: ["notifications", "deliveries", state, target],
    queryFn: () => unwrap(api.GET("/api/v1/notifications/deliveries", { params: { query } })),
    refetchInterval: REFRESH_MILLISECONDS,
  });
  const pages = usePages(deliveries.data?.deliveries ?? []);
  const targetOptions = [{ value: ALL, label: "Any target" }, ...targets.map((one) => ({ value: one.target, label: one.target }))];
  const isFiltered = state !== ALL || target !== ALL;
  return (
    <QueryTable
      query={deliveries}
      trackBy={(one) => `${one.notification_id} ${one.target}`}
      items={deliveries.data ? pages.shown : undefined}
      loadingText="Loading the log"
      wrapLines
      ariaLabels={{ tableLabel: "Log" }}
      header={
        <Header
          variant="h2"
          description={`The newest ${MAX_SHOWN} deliveries. A failed delivery is tried again for 24 hours. Tests aren't in the log.`}
        >
          Log
        </Header>
      }
      filter={
        <div className="filters">
          <ChoiceField
            label="State"
            options={STATE_OPTIONS}
            value={state}
            onChange={(chosen) => {
              setState(chosen);
              pages.reset();
            }}
          />
          <ChoiceField
            label="Target"
            options={targetOptions}
            value={target}
            onChange={(chosen) => {
              setTarget(chosen);
              pages.reset();
            }}
          />
        </div>
      }
      columnDefinitions={COLUMNS}
      pagination={pages.control}
      empty={
        isFiltered
          ? "No delivery matches. Choose another state or target."
          : "Nothing was sent yet. Test a target to see whether notifications arrive."
      }
    />
  );
}

const COLUMNS: TableProps.ColumnDefinition<Delivery>[] = [
  { id: "title", header: "Notification", cell: (one) => <Subject delivery={one} />, isRowHeader: true, minWidth: 220 },
  { id: "severity", header: "Severity", cell: (one) => one.severity, minWidth: 100 },
  { id: "at", header: "Created", cell: (one) => <Timestamp at={one.created_at} />, minWidth: 150 },
  { id: "target", header: "Target", cell: (one) => one.target, minWidth: 110 },
  { id: "state", header: "State", cell: (one) => <DeliveryStateOf delivery={one} />, minWidth: 200 },
  { id: "attempts", header: "Attempts", cell: (one) => one.attempts, minWidth: 95 },
  { id: "next", header: "Next attempt", cell: (one) => <Timestamp at={one.next_attempt_at} />, minWidth: 150 },
];

/** The title; it leads to the window that the notification is about. */
function Subject({ delivery }: { delivery: Delivery }) {
  const follow = useFollowLink();
  if (delivery.window_id === null) return <>{delivery.title}</>;
  return (
    <Link href={pageHref(`/windows/${delivery.window_id}`)} onFollow={follow}>
      {delivery.title}
    </Link>
  );
}

function DeliveryStateOf({ delivery }: { delivery: Delivery }) {
  const { type, label } = STATES[delivery.state];
  const isFailing = delivery.failure !== null && delivery.state === "waiting";
  return (
    <>
      <StatusIndicator type={isFailing ? "warning" : type}>{label}</StatusIndicator>
      {delivery.failure && <Box color="text-body-secondary">{delivery.failure}</Box>}
    </>
  );
}
