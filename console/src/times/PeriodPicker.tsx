/** The field in which a period is chosen: a preset, or two dates. */
import Box from "@cloudscape-design/components/box";
import DatePicker from "@cloudscape-design/components/date-picker";
import FormField from "@cloudscape-design/components/form-field";
import Select, { type SelectProps } from "@cloudscape-design/components/select";
import { hasPermission, useMe } from "../api/queries";
import { type ChosenPeriod, type Days, isUtcDay, PERIOD_LABELS, type PeriodChoice, todayUtc, useLastReport, type UsualPeriod } from "./periods";

export function PeriodPicker({ usual, chosen }: { usual: UsualPeriod; chosen: ChosenPeriod }) {
  const { choice, days, problem, choose, chooseDays } = chosen;
  const options = useOptions(usual);
  return (
    <div className={choice === "dates" ? "period period--dates" : "period"}>
      <FormField label="Period" constraintText={choice === "dates" ? undefined : describeDays(days)} errorText={choice === "dates" ? undefined : problem}>
        <Select
          options={options}
          selectedOption={options.find((one) => one.value === choice) ?? null}
          onChange={({ detail }) => choose(detail.selectedOption.value as PeriodChoice)}
          expandToViewport
        />
      </FormField>
      {choice === "dates" && days && (
        <>
          <DayInput label="From" day={days.first} onChange={(first) => chooseDays({ ...days, first })} errorText={problem} />
          <DayInput label="To (inclusive)" day={days.last} onChange={(last) => chooseDays({ ...days, last })} />
        </>
      )}
    </div>
  );
}

/** In place of the content of a period that isn't valid. */
export function NoPeriod() {
  return (
    <Box textAlign="center" color="text-body-secondary">
      Choose a valid period.
    </Box>
  );
}

/** Since a report only where the user can see that there is one. */
function useOptions(usual: UsualPeriod): SelectProps.Option[] {
  const { data: me } = useMe();
  const lastReport = useLastReport();
  const canSee = hasPermission(me, "ledger:read");
  const reason = !canSee ? "You don't have access to the ledger." : lastReport.error ? "The last report couldn't be found." : "No report was sent yet.";
  const label = (value: PeriodChoice) => ({ value, label: PERIOD_LABELS[value] });
  return [
    label(usual),
    label("last-month"),
    label("last-quarter"),
    lastReport.data
      ? { ...label("since-report"), description: `Sent on ${lastReport.data.slice(0, 10)} (UTC)` }
      : { ...label("since-report"), disabled: true, description: lastReport.isLoading ? "Looking for the last report" : reason },
    label("dates"),
  ];
}

function describeDays(days: Days | null): string | undefined {
  return days ? `${days.first} to ${days.last}, days in UTC.` : undefined;
}

interface DayInputProps {
  label: string;
  day: string;
  onChange: (day: string) => void;
  errorText?: string | null;
}

function DayInput({ label, day, onChange, errorText }: DayInputProps) {
  const today = todayUtc();
  return (
    <FormField label={label} constraintText="YYYY/MM/DD, in UTC" errorText={errorText}>
      <DatePicker
        value={day}
        invalid={day !== "" && !isUtcDay(day)}
        onChange={({ detail }) => onChange(detail.value)}
        isDateEnabled={(date) => renderLocalDay(date) <= today}
        openCalendarAriaLabel={(selected) => (selected ? `Choose a date, selected date is ${selected}` : "Choose a date")}
        previousMonthAriaLabel="Previous month"
        nextMonthAriaLabel="Next month"
        todayAriaLabel="Today"
        placeholder="YYYY/MM/DD"
        expandToViewport
      />
    </FormField>
  );
}

/** The calendar's cells are days of the browser's time zone. */
function renderLocalDay(date: Date): string {
  const padded = (part: number) => String(part).padStart(2, "0");
  return `${date.getFullYear()}-${padded(date.getMonth() + 1)}-${padded(date.getDate())}`;
}
