/** The choice of a length, among those that fit. */
import FormField from "@cloudscape-design/components/form-field";
import Select from "@cloudscape-design/components/select";
import { renderDuration } from "./states";

const LENGTHS = [900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400, 259_200];

interface DurationFieldProps {
  label: string;
  description: string;
  seconds: number;
  onChange: (seconds: number) => void;
  /** Longer ones aren't offered. */
  longest?: number;
}

export function DurationField({ label, description, seconds, onChange, longest = Infinity }: DurationFieldProps) {
  const options = LENGTHS.filter((one) => one <= longest).map((one) => ({ value: String(one), label: renderDuration(one) }));
  return (
    <FormField label={label} description={description}>
      <Select
        selectedOption={options.find((one) => one.value === String(seconds)) ?? null}
        options={options}
        onChange={({ detail }) => onChange(Number(detail.selectedOption.value))}
        placeholder="Choose a length"
        expandToViewport
      />
    </FormField>
  );
}
