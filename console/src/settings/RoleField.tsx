/** The choice of a role, with what each permits. */
import FormField from "@cloudscape-design/components/form-field";
import Select from "@cloudscape-design/components/select";
import type { Role } from "../api/records";
import { ROLE_OPTIONS } from "./identities";

export function RoleField({ role, onChange }: { role: Role; onChange: (role: Role) => void }) {
  return (
    <FormField label="Role">
      <Select
        selectedOption={ROLE_OPTIONS.find((one) => one.value === role) ?? null}
        options={ROLE_OPTIONS}
        onChange={({ detail }) => onChange(detail.selectedOption.value as Role)}
        triggerVariant="option"
        expandToViewport
      />
    </FormField>
  );
}
