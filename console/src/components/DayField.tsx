/** A day in a form; mostly the last day on which something counts. */
import DatePicker from "@cloudscape-design/components/date-picker";
import FormField from "@cloudscape-design/components/form-field";
import { serverNow } from "../api/server-clock";
import { daysBefore, today } from "../times/format";

interface DayFieldProps {
  label?: string;
  description?: string;
  value: string;
  onChange: (day: string) => void;
  /** Whether a day can be chosen; by default every day after today. */
  isEnabled?: (day: Date) => boolean;
  timeZone?: string;
  errorText?: string | null;
}

export function DayField(props: DayFieldProps) {
  const { label = "Valid through", description, value, onChange, isEnabled = isInFuture, timeZone = "your time zone", errorText } = props;
  return (
    <FormField label={label} description={description} constraintText={`YYYY/MM/DD, in ${timeZone}`} errorText={errorText}>
      <DatePicker
        value={value}
        onChange={({ detail }) => onChange(detail.value)}
        isDateEnabled={isEnabled}
        placeholder="YYYY/MM/DD"
        openCalendarAriaLabel={(date) => (date ? `Choose a date, selected date is ${date}` : "Choose a date")}
        expandToViewport
      />
    </FormField>
  );
}

function isInFuture(day: Date): boolean {
  return day.getTime() > serverNow();
}

const YEAR_DAYS = 365;

/** The longest that an attestation can count. */
export function isInComingYear(day: Date): boolean {
  return isInFuture(day) && day <= new Date(`${daysBefore(today(), -YEAR_DAYS)}T00:00:00`);
}
