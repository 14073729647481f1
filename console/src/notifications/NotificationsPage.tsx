/** The notifications page: targets with a test of each, and the log of what was sent and what failed. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { type TableProps } from "@cloudscape-design/components/table";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import { hasPermission, queries, useMe } from "../api/queries";
import type { NotificationTarget } from "../api/records";
import { notify } from "../components/notices";
import { PageFrame } from "../components/PageFrame";
import { QueryTable } from "../tables/QueryTable";
import { DeliveryLog } from "./DeliveryLog";

const REFRESH_MILLISECONDS = 10_000;

export default function NotificationsPage() {
  const targets = useQuery({
    queryKey: ["notifications", "targets"],
    queryFn: () => unwrap(api.GET("/api/v1/notifications/targets")),
    refetchInterval: REFRESH_MILLISECONDS,
  });
  const known = targets.data?.targets;
  return (
    <PageFrame title="Notifications" description="Where this server sends notifications, and what arrived there.">
      <SpaceBetween size="l">
        <TargetTable query={targets} targets={known} />
        <DeliveryLog targets={known ?? []} />
      </SpaceBetween>
    </PageFrame>
  );
}

interface TargetTableProps {
  query: { error: unknown; isPending: boolean; refetch: () => unknown };
  targets: readonly NotificationTarget[] | undefined;
}

function TargetTable({ query, targets }: TargetTableProps) {
  const { data: me } = useMe();
  const [selected, setSelected] = useState<string | null>(null);
  const chosen = targets?.find(({ target }) => target === selected);
  return (
    <QueryTable
      query={query}
      trackBy="target"
      items={targets}
      loadingText="Loading targets"
      wrapLines
      selectionType={hasPermission(me, "notifications:test") ? "single" : undefined}
      selectedItems={chosen ? [chosen] : []}
      onSelectionChange={({ detail }) => setSelected(detail.selectedItems[0]?.target ?? null)}
      ariaLabels={{
        tableLabel: "Targets",
        selectionGroupLabel: "Choose a target",
        itemSelectionLabel: (_, one) => `Select ${one.target}`,
      }}
      header={
        <Header
          variant="h2"
          description="To change targets, edit the settings file of the server, and restart it."
          actions={hasPermission(me, "notifications:test") && <TestButtons target={chosen?.target ?? null} hasTargets={Boolean(targets?.length)} />}
        >
          Targets
        </Header>
      }
      columnDefinitions={COLUMNS}
      empty={
        <>
          No targets. Add one to the section notifications of the settings file, such as{" "}
          <Box variant="code" color="inherit">
            targets = ["oncall critical env:ONCALL_URL"]
          </Box>
          , and restart the server.
        </>
      }
    />
  );
}

const COLUMNS: TableProps.ColumnDefinition<NotificationTarget>[] = [
  { id: "target", header: "Target", cell: (one) => one.target, isRowHeader: true, minWidth: 110 },
  { id: "severity", header: "Lowest severity", cell: (one) => one.least_severity, minWidth: 120 },
  { id: "reference", header: "Reference to its URL", cell: (one) => <Box variant="code">{one.reference}</Box>, minWidth: 180 },
  { id: "state", header: "State", cell: (one) => <TargetState failure={one.failure} />, minWidth: 160 },
];

function TargetState({ failure }: { failure: string | null }) {
  if (failure === null) return <StatusIndicator type="success">No failure</StatusIndicator>;
  return <StatusIndicator type="error">{failure}</StatusIndicator>;
}

function TestButtons({ target, hasTargets }: { target: string | null; hasTargets: boolean }) {
  const test = useMutation({
    mutationFn: (name: string | null) => unwrap(api.POST("/api/v1/notifications/test", { body: { target: name } })),
    onSuccess: (answer) => {
      for (const { target: name, failure, hint } of answer.targets)
        if (failure === null) notify("success", `${name} accepted the test.`);
        else notify("error", `${name} didn't accept the test: ${failure}`, hint ?? undefined);
      void queries.invalidateQueries({ queryKey: ["notifications"] });
    },
  });
  return (
    <SpaceBetween size="xs" direction="horizontal">
      <Button
        disabled={target === null || test.isPending}
        disabledReason={target === null ? "Select a target first." : undefined}
        onClick={() => test.mutate(target)}
      >
        Test target
      </Button>
      <Button
        disabled={!hasTargets}
        disabledReason="There are no targets."
        loading={test.isPending}
        loadingText="Testing targets"
        onClick={() => test.mutate(null)}
      >
        Test all targets
      </Button>
    </SpaceBetween>
  );
}
