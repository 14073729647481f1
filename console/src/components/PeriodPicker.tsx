/** The field in which a period is chosen: a preset, or two dates. */
import Box from "@cloudscape-design/components/box";
import FormField from "@cloudscape-design/components/form-field";
import Select, { type SelectProps } from "@cloudscape-design/components/select";
import { hasPermission, useMe } from "../api/queries";
import { type ChosenPeriod, type Days, PERIOD_LABELS, type PeriodChoice, todayUtc, useLastReport, type UsualPeriod } from "../times/periods";
import { DayField } from "./DayField";

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
          <DayField label="From" value={days.first} onChange={(first) => chooseDays({ ...days, first })} isEnabled={hasBegun} timeZone="UTC" errorText={problem} />
          <DayField label="To (inclusive)" value={days.last} onChange={(last) => chooseDays({ ...days, last })} isEnabled={hasBegun} timeZone="UTC" />
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

/** A user can choose the time since the last report only if the ledger shows the user such a report. */
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

function describeDays(days: Days | null) {
  if (!days) return undefined;
  return (
    <>
      <span className="whole">{days.first}</span> to <span className="whole">{days.last}</span>, days in UTC.
    </>
  );
}

/** Whether a day has begun, in UTC. */
function hasBegun(date: Date): boolean {
  return renderLocalDay(date) <= todayUtc();
}

/** The calendar's cells are days of the browser's time zone. */
function renderLocalDay(date: Date): string {
  const padded = (part: number) => String(part).padStart(2, "0");
  return `${date.getFullYear()}-${padded(date.getMonth() + 1)}-${padded(date.getDate())}`;
}
