/** What a token may do of all that its role permits. The server knows what each role permits, and refuses what it doesn't. */
import FormField from "@cloudscape-design/components/form-field";
import Multiselect from "@cloudscape-design/components/multiselect";
import type { components } from "../api/generated";
import { useMe } from "../api/queries";

export type Permission = components["schemas"]["Permission"];

interface PermissionsFieldProps {
  chosen: readonly Permission[];
  onChange: (chosen: readonly Permission[]) => void;
}

/** Nobody gives what he hasn't. */
export function PermissionsField({ chosen, onChange }: PermissionsFieldProps) {
  const { data: me } = useMe();
  const options = (me?.permissions ?? []).map((permission) => ({ value: permission, label: permission }));
  return (
    <FormField label="Permissions (optional)" description="The token then may only these, of what its role permits.">
      <Multiselect
        selectedOptions={options.filter(({ value }) => chosen.includes(value as Permission))}
        options={options}
        onChange={({ detail }) => onChange(detail.selectedOptions.map((one) => one.value as Permission))}
        placeholder="All that its role permits"
        filteringType="auto"
        expandToViewport
      />
    </FormField>
  );
}
