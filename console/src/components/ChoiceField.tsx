/** A form field in which one of several texts is chosen. */
import FormField from "@cloudscape-design/components/form-field";
import Select from "@cloudscape-design/components/select";

interface ChoiceFieldProps<T extends string> {
  label: string;
  description?: string;
  options: readonly { value: T; label: string }[];
  value: T;
  onChange: (value: T) => void;
}

export function ChoiceField<T extends string>({ label, description, options, value, onChange }: ChoiceFieldProps<T>) {
  return (
    <FormField label={label} description={description}>
      <Select
        options={options}
        selectedOption={options.find((one) => one.value === value) ?? null}
        onChange={({ detail }) => onChange(detail.selectedOption.value as T)}
        expandToViewport
      />
    </FormField>
  );
}
