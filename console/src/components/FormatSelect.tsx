/** The choice of a report's format. The server knows the formats. */
import FormField from "@cloudscape-design/components/form-field";
import Select, { type SelectProps } from "@cloudscape-design/components/select";
import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import type { ReportFormat } from "../api/records";

type Carried = ReportFormat["carries"];
const GROUPS: { carries: Carried; label: string }[] = [
  { carries: "evidence", label: "Evidence" },
  { carries: "findings", label: "Findings" },
];

export function FormatSelect({
  value,
  carries,
  onChange,
}: {
  value: string;
  /** Offers only formats that carry this. */
  carries?: Carried;
  onChange: (name: string) => void;
}) {
  const formats = useFormats();
  const offered = (formats.data?.formats ?? []).filter((one) => carries === undefined || one.carries === carries);
  const groups = GROUPS.map(({ carries: group, label }) => ({
    label,
    options: offered.filter((one) => one.carries === group).map(describe),
  })).filter(({ options }) => options.length > 0);
  const selected = offered.find(({ name }) => name === value);
  return (
    <FormField label="Format" errorText={formats.error?.message}>
      <Select
        options={carries === undefined ? groups : groups.flatMap(({ options }) => options)}
        selectedOption={selected ? describe(selected) : null}
        placeholder="Choose a format"
        statusType={formats.isPending ? "loading" : "finished"}
        loadingText="Loading formats"
        onChange={({ detail }) => onChange(detail.selectedOption.value ?? value)}
      />
    </FormField>
  );
}

function describe(format: ReportFormat): SelectProps.Option {
  return { value: format.name, label: format.title, description: format.purpose, labelTag: format.suffix };
}

function useFormats() {
  return useQuery({
    queryKey: ["reports", "formats"],
    queryFn: () => unwrap(api.GET("/api/v1/reports/formats")),
    staleTime: Infinity,
  });
}
