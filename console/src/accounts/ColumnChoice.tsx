/** Which columns are shown. */
import CollectionPreferences from "@cloudscape-design/components/collection-preferences";
import { COLUMNS } from "./columns";

interface ColumnChoiceProps {
  shown: readonly string[];
  onChange: (shown: readonly string[]) => void;
}

const OPTIONS = [
  { id: "name", label: "Name", editable: false },
  ...COLUMNS.map((column) => ({ id: column.id, label: column.header })),
];

export function ColumnChoice({ shown, onChange }: ColumnChoiceProps) {
  return (
    <CollectionPreferences
      title="Columns"
      confirmLabel="Show these"
      cancelLabel="Cancel"
      preferences={{ visibleContent: ["name", ...shown] }}
      visibleContentPreference={{ title: "Kept in this browser", options: [{ label: "Columns", options: OPTIONS }] }}
      onConfirm={({ detail }) => onChange((detail.visibleContent ?? []).filter((id) => id !== "name"))}
    />
  );
}
