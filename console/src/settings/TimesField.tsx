/** The field for the times of a task: in words, or as cron expressions. */
import FormField from "@cloudscape-design/components/form-field";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import TimeInput from "@cloudscape-design/components/time-input";
import { useState } from "react";
import { ChoiceField } from "../components/ChoiceField";
import { LAST_DAY, listTimeZones, parseClock, parsePlan, type Plan, renderClock, renderPlan, type Rhythm, WEEKDAYS } from "./cron";

type Way = "never" | Rhythm | "cron";

const WAYS: readonly { value: Way; label: string }[] = [
  { value: "never", label: "Never" },
  { value: "hour", label: "Every hour" },
  { value: "day", label: "Every day" },
  { value: "week", label: "Every week" },
  { value: "month", label: "Every month" },
  { value: "cron", label: "Cron expressions (advanced)" },
];

const WEEKDAY_OPTIONS = WEEKDAYS.map((label, place) => ({ value: String(place), label }));
const DAY_OPTIONS = Array.from({ length: LAST_DAY }, (_, place) => ({ value: String(place + 1), label: String(place + 1) }));

interface TimesFieldProps {
  description: string;
  /** One expression per line. */
  text: string;
  onChange: (text: string) => void;
}

export function TimesField({ description, text, onChange }: TimesFieldProps) {
  const found = parsePlan(text);
  const [way, setWay] = useState<Way>(text.trim() === "" ? "never" : (found?.rhythm ?? "cron"));
  const [plan, setPlan] = useState<Plan>(found ?? { rhythm: "day", hour: 6, minute: 0, weekday: 1, day: 1, timeZone: ownTimeZone() });
  const [clock, setClock] = useState(renderClock(plan));
  const change = (changed: Partial<Plan>) => {
    const next = { ...plan, ...changed };
    setPlan(next);
    onChange(renderPlan(next));
  };
  const choose = (chosen: Way) => {
    setWay(chosen);
    if (chosen === "never") onChange("");
    else if (chosen !== "cron") change({ rhythm: chosen });
    else if (text.trim() === "") onChange(renderPlan(plan));
  };
  const isPlan = way !== "never" && way !== "cron";
  return (
    <SpaceBetween size="m">
      <ChoiceField label="How often" description={description} options={WAYS} value={way} onChange={choose} />
      {way === "week" && (
        <ChoiceField label="Day of the week" options={WEEKDAY_OPTIONS} value={String(plan.weekday)} onChange={(value) => change({ weekday: Number(value) })} />
      )}
      {way === "month" && (
        <ChoiceField label="Day of the month" options={DAY_OPTIONS} value={String(plan.day)} onChange={(value) => change({ day: Number(value) })} />
      )}
      {isPlan && (
        <FormField
          label={way === "hour" ? "Minute of the hour" : "Time"}
          constraintText={way === "hour" ? "Hours and minutes; only the minutes count." : "Hours and minutes, such as 06:00."}
          errorText={parseClock(clock) ? undefined : "Enter hours and minutes, such as 06:00."}
        >
          <TimeInput
            value={clock}
            format="hh:mm"
            placeholder="hh:mm"
            onChange={({ detail }) => {
              setClock(detail.value);
              const entered = parseClock(detail.value);
              if (entered) change(entered);
            }}
          />
        </FormField>
      )}
      {isPlan && <TimeZoneField value={plan.timeZone} onChange={(timeZone) => change({ timeZone })} />}
      {way === "cron" && (
        <FormField
          label="Cron expressions"
          constraintText="One per line: minute, hour, day, month, weekday and time zone, such as 0 6 * * MON-FRI Europe/Berlin."
          stretch
        >
          <Textarea value={text} rows={4} spellcheck={false} onChange={({ detail }) => onChange(detail.value)} />
        </FormField>
      )}
    </SpaceBetween>
  );
}

function TimeZoneField({ value, onChange }: { value: string; onChange: (timeZone: string) => void }) {
  const names = listTimeZones();
  const options = (names.includes(value) ? names : [value, ...names]).map((name) => ({ value: name, label: name }));
  return (
    <FormField label="Time zone">
      <Select
        options={options}
        selectedOption={{ value, label: value }}
        onChange={({ detail }) => onChange(detail.selectedOption.value ?? value)}
        filteringType="auto"
        filteringAriaLabel="Find a time zone"
        filteringPlaceholder="Find a time zone"
        virtualScroll
        expandToViewport
      />
    </FormField>
  );
}

function ownTimeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
