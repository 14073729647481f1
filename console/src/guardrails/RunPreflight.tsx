/** Asking for a preflight: of everything, of one unit, or of one account. */
import FormField from "@cloudscape-design/components/form-field";
import RadioGroup from "@cloudscape-design/components/radio-group";
import Select from "@cloudscape-design/components/select";
import { useState } from "react";
import { NOTHING, selectNamed, type SelectionBody } from "../accounts/chosen";
import { useListing, type Unit } from "../accounts/listing";
import { api, ask } from "../api/client";
import type { Job } from "../api/records";
import { readJobsAgain } from "../jobs/outcomes";
import { Dialog } from "../settings/Dialog";
import { AccountField } from "../windows/AccountField";

interface RunPreflightProps {
  onBegun: (job: Job) => void;
  onClose: () => void;
}

type Extent = "everything" | "unit" | "account";

export function RunPreflight({ onBegun, onClose }: RunPreflightProps) {
  const [extent, setExtent] = useState<Extent>("everything");
  const [unit, setUnit] = useState("");
  const [account, setAccount] = useState("");
  const selection = makeSelection(extent, unit, account.trim());
  return (
    <Dialog
      title="Run a preflight"
      submitText="Run"
      canSubmit={selection !== null}
      act={() => ask(api.POST("/api/v1/preflights", { body: { selection } }))}
      onDone={(job) => {
        onBegun(job);
        void readJobsAgain();
      }}
      onClose={onClose}
    >
      <FormField label="Of which accounts">
        <RadioGroup
          value={extent}
          onChange={({ detail }) => setExtent(detail.value as Extent)}
          items={[
            { value: "everything", label: "The whole organization" },
            { value: "unit", label: "One organizational unit, with everything below" },
            { value: "account", label: "One account" },
          ]}
        />
      </FormField>
      {extent === "unit" && <UnitField unit={unit} onChange={setUnit} />}
      {extent === "account" && <AccountField account={account} onChange={setAccount} />}
    </Dialog>
  );
}

function makeSelection(extent: Extent, unit: string, account: string): SelectionBody | null {
  if (extent === "everything") return { ...NOTHING, everything: true };
  if (extent === "unit") return unit ? { ...NOTHING, organizational_units: [unit] } : null;
  return account ? selectNamed([account]) : null;
}

function UnitField({ unit, onChange }: { unit: string; onChange: (unit: string) => void }) {
  const { data, isPending } = useListing(60_000);
  const options = listPaths(data?.units ?? []);
  return (
    <FormField label="Organizational unit">
      <Select
        selectedOption={options.find((one) => one.value === unit) ?? null}
        options={options}
        onChange={({ detail }) => onChange(detail.selectedOption.value ?? "")}
        filteringType="auto"
        placeholder="Choose a unit"
        statusType={isPending ? "loading" : "finished"}
        empty="No unit is known before the first audit."
        expandToViewport
      />
    </FormField>
  );
}

/** Each unit by its path of names. */
function listPaths(units: readonly Unit[]): { value: string; label: string; description: string }[] {
  const byId = new Map(units.map((one) => [one.ou_id, one]));
  const pathOf = (one: Unit): string => {
    const parent = one.parent_id === null ? undefined : byId.get(one.parent_id);
    return parent ? `${pathOf(parent)}/${one.name}` : one.name;
  };
  return units
    .map((one) => ({ value: one.ou_id, label: pathOf(one), description: one.ou_id }))
    .sort((one, other) => one.label.localeCompare(other.label));
}
