/** A table of settings that an administrator can change, with the change of each. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type TableProps } from "@cloudscape-design/components/table";
import { useState } from "react";
import { hasPermission, useMe } from "../api/queries";
import type { EditableSetting, Setting } from "../api/records";
import { QueryTable } from "../tables/QueryTable";
import { Timestamp } from "../times/Timestamp";
import { describeLength, describeSource, describeValue, type SettingSection, SETTING_TEXTS, useSettings } from "./editable";
import { EditSetting, ResetSetting } from "./EditSetting";

interface SettingTableProps {
  section: SettingSection;
  title: string;
  description: string;
}

export function SettingTable({ section, title, description }: SettingTableProps) {
  const { data: me } = useMe();
  const settings = useSettings(section);
  const [selected, setSelected] = useState<EditableSetting | null>(null);
  const [dialog, setDialog] = useState<"edit" | "reset" | null>(null);
  const chosen = settings.items?.find(({ name }) => name === selected) ?? null;
  const canChange = hasPermission(me, "settings:change");
  return (
    <>
      <QueryTable
        query={settings}
        trackBy="name"
        items={settings.items}
        loadingText="Loading settings"
        wrapLines
        selectionType={canChange ? "single" : undefined}
        selectedItems={chosen ? [chosen] : []}
        onSelectionChange={({ detail }) => setSelected(detail.selectedItems[0]?.name ?? null)}
        ariaLabels={{
          tableLabel: title,
          selectionGroupLabel: "Choose a setting",
          itemSelectionLabel: (_, { name }) => `Select ${SETTING_TEXTS[name].label}`,
        }}
        header={
          <Header
            variant="h2"
            description={description}
            actions={canChange && <Actions setting={chosen} onChoose={setDialog} />}
          >
            {title}
          </Header>
        }
        columnDefinitions={COLUMNS}
        empty="No settings."
      />
      {chosen && dialog === "edit" && <EditSetting setting={chosen} onClose={() => setDialog(null)} />}
      {chosen && dialog === "reset" && <ResetSetting setting={chosen} onClose={() => setDialog(null)} />}
    </>
  );
}

function Actions({ setting, onChoose }: { setting: Setting | null; onChoose: (dialog: "edit" | "reset") => void }) {
  const unavailable = findRefusal(setting);
  return (
    <SpaceBetween size="xs" direction="horizontal">
      <Button
        disabled={unavailable !== null || !setting?.edit}
        disabledReason={unavailable ?? "The console hasn't changed it."}
        onClick={() => onChoose("reset")}
      >
        Reset setting
      </Button>
      <Button variant="primary" disabled={unavailable !== null} disabledReason={unavailable ?? undefined} onClick={() => onChoose("edit")}>
        Change setting
      </Button>
    </SpaceBetween>
  );
}

function findRefusal(setting: Setting | null): string | null {
  if (!setting) return "Select a setting first.";
  return setting.is_fixed ? `Set by: ${describeSource(setting)}. Change it there, and restart the server.` : null;
}

const COLUMNS: TableProps.ColumnDefinition<Setting>[] = [
  { id: "name", header: "Setting", cell: ({ name }) => SETTING_TEXTS[name].label, isRowHeader: true, minWidth: 170 },
  { id: "value", header: "Value", cell: (one) => <Value setting={one} />, minWidth: 170 },
  { id: "source", header: "Set by", cell: (one) => <SetBy setting={one} />, minWidth: 210 },
  { id: "bounds", header: "Allowed here", cell: describeAllowed, minWidth: 130 },
];

function Value({ setting: { name, value } }: { setting: Setting }) {
  return <span className="lines">{describeValue(name, value)}</span>;
}

function describeAllowed({ bounds, is_fixed: isFixed }: Setting): string {
  if (isFixed) return "No change";
  return bounds ? `${describeLength(bounds.least)} to ${describeLength(bounds.most)}` : "Any";
}

/** Where the value comes from, and the last change in the console. */
function SetBy({ setting }: { setting: Setting }) {
  const { name, edit, source } = setting;
  if (!edit) return describeSource(setting);
  return (
    <>
      <div>{describeSource(setting)}</div>
      <Box color="text-body-secondary">
        {edit.changed_by}, <Timestamp at={edit.changed_at} />: {edit.reason}
      </Box>
      {source !== "console" && <Box color="text-body-secondary">Changed to {describeValue(name, edit.value).split("\n").join("; ")}, which doesn't hold now: {describeOther(source)}</Box>}
    </>
  );
}

function describeOther(source: Setting["source"]): string {
  return source === "default" ? "the default is as strict." : "the server's own setting comes first.";
}
