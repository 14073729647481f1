/** The targets of notifications: their state, a test message to each, and their change by an administrator. */
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { type TableProps } from "@cloudscape-design/components/table";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import { hasPermission, queries, useMe } from "../api/queries";
import type { NotificationTarget, Setting } from "../api/records";
import { notify } from "../components/notices";
import { QueryTable } from "../tables/QueryTable";
import { describeSource, useAllSettings } from "./editable";
import { EditTarget, RemoveTarget } from "./EditTarget";
import { describeReference, SEVERITY_LABELS } from "./targets";

const REFRESH_MILLISECONDS = 10_000;

export function useTargets() {
  return useQuery({
    queryKey: ["notifications", "targets"],
    queryFn: () => unwrap(api.GET("/api/v1/notifications/targets")),
    refetchInterval: REFRESH_MILLISECONDS,
  });
}

type OpenDialog = "add" | "change" | "remove";

export function TargetTable() {
  const { data: me } = useMe();
  const query = useTargets();
  const settings = useAllSettings(hasPermission(me, "settings:read"));
  const [selected, setSelected] = useState<string | null>(null);
  const [dialog, setDialog] = useState<OpenDialog | null>(null);
  const setting = settings.data?.settings.find(({ name }) => name === "notifications.targets");
  const targets = query.data?.targets;
  const chosen = targets?.find(({ target }) => target === selected) ?? null;
  const canChange = hasPermission(me, "settings:change");
  const canTest = hasPermission(me, "notifications:test");
  const close = () => setDialog(null);
  return (
    <>
      <QueryTable
        query={query}
        trackBy="target"
        items={targets}
        loadingText="Loading targets"
        wrapLines
        selectionType={canTest || canChange ? "single" : undefined}
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
            description={describeOrigin(setting)}
            actions={
              <div className="buttons">
                {canTest && <TestButtons target={chosen?.target ?? null} hasTargets={Boolean(targets?.length)} />}
                {canChange && setting && <ChangeButtons setting={setting} hasChosen={chosen !== null} onChoose={setDialog} />}
              </div>
            }
          >
            Targets
          </Header>
        }
        columnDefinitions={COLUMNS}
        empty={canChange && !setting?.is_fixed ? "No targets. Add one, so that people learn of windows and findings." : "No targets."}
      />
      {setting && dialog === "add" && <EditTarget setting={setting} target={null} onClose={close} />}
      {setting && chosen && dialog === "change" && <EditTarget setting={setting} target={chosen} onClose={close} />}
      {setting && chosen && dialog === "remove" && <RemoveTarget setting={setting} target={chosen} onClose={close} />}
    </>
  );
}

function describeOrigin(setting: Setting | undefined): string {
  if (!setting) return "Where this server sends notifications.";
  const { edit, is_fixed: isFixed, source } = setting;
  if (isFixed) return `Set by: ${describeSource(setting)}. Change them there, and restart the server.`;
  if (edit && source === "console") return `Last changed by ${edit.changed_by}: ${edit.reason}`;
  return "Where this server sends notifications. An administrator can change them here.";
}

const COLUMNS: TableProps.ColumnDefinition<NotificationTarget>[] = [
  { id: "target", header: "Target", cell: (one) => one.target, isRowHeader: true, minWidth: 110 },
  { id: "severity", header: "Gets", cell: (one) => SEVERITY_LABELS[one.least_severity], minWidth: 150 },
  { id: "reference", header: "Its URL is in", cell: (one) => describeReference(one.reference), minWidth: 180 },
  { id: "state", header: "State", cell: (one) => <TargetState failure={one.failure} />, minWidth: 160 },
];

function TargetState({ failure }: { failure: string | null }) {
  if (failure === null) return <StatusIndicator type="success">No failure in two days</StatusIndicator>;
  return <StatusIndicator type="error">{failure}</StatusIndicator>;
}

interface ChangeButtonsProps {
  setting: Setting;
  hasChosen: boolean;
  onChoose: (dialog: OpenDialog) => void;
}

function ChangeButtons({ setting, hasChosen, onChoose }: ChangeButtonsProps) {
  const fixed = setting.is_fixed ? `Set by: ${describeSource(setting)}. Change it there, and restart the server.` : undefined;
  const reason = fixed ?? (hasChosen ? undefined : "Select a target first.");
  return (
    <>
      <Button disabled={reason !== undefined} disabledReason={reason} onClick={() => onChoose("remove")}>
        Remove target
      </Button>
      <Button disabled={reason !== undefined} disabledReason={reason} onClick={() => onChoose("change")}>
        Change target
      </Button>
      <Button variant="primary" disabled={fixed !== undefined} disabledReason={fixed} onClick={() => onChoose("add")}>
        Add target
      </Button>
    </>
  );
}

function TestButtons({ target, hasTargets }: { target: string | null; hasTargets: boolean }) {
  const test = useMutation({
    mutationFn: (name: string | null) => unwrap(api.POST("/api/v1/notifications/test", { body: { target: name } })),
    onSuccess: (answer) => {
      for (const { target: name, failure, hint } of answer.targets)
        if (failure === null) notify("success", `Sent: ${name} accepted the test message.`);
        else notify("error", `Not sent to ${name}: ${failure}`, hint ?? undefined);
      void queries.invalidateQueries({ queryKey: ["notifications"] });
    },
  });
  return (
    <>
      <Button
        disabled={target === null || test.isPending}
        disabledReason={target === null ? "Select a target first." : undefined}
        onClick={() => test.mutate(target)}
      >
        Send test message
      </Button>
      <Button
        disabled={!hasTargets}
        disabledReason="There are no targets."
        loading={test.isPending}
        loadingText="Sending test messages"
        onClick={() => test.mutate(null)}
      >
        Test all targets
      </Button>
    </>
  );
}
