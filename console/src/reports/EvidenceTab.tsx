/** A document for auditors: its period, its form, and the download. */
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import DatePicker from "@cloudscape-design/components/date-picker";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tiles from "@cloudscape-design/components/tiles";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { download } from "../api/downloads";
import { ProblemAlert } from "../shell/ProblemAlert";
import { submitting } from "../signin/submitting";
import { endOfDay, isDay, startOfDay, today, daysBefore } from "./days";

const FORMATS = [
  { value: "html", label: "HTML", description: "To read and print: one file that loads nothing." },
  { value: "json", label: "JSON", description: "For programs, with a schema." },
  { value: "csv", label: "CSV", description: "For a spreadsheet: one finding a line." },
  { value: "markdown", label: "Markdown", description: "For a ticket or a wiki." },
];

export function EvidenceTab() {
  const [first, setFirst] = useState(daysBefore(today(), 90));
  const [last, setLast] = useState(today());
  const [format, setFormat] = useState("html");
  const [staleDays, setStaleDays] = useState("7");
  const problem = findProblem(first, last, staleDays);
  const writing = useMutation({
    mutationFn: () => download("/api/v1/reports", makeQuery(first, last, format, staleDays), `rootkeeper.${format}`),
    meta: { showsErrors: true },
  });
  return (
    <form onSubmit={submitting(() => writing.mutate(), problem === null && !writing.isPending)}>
      <Container
        header={
          <Header
            variant="h2"
            description="Root user credentials of each account, windows, deletions, the set-up and the ledger, which is verified for it. What wasn't read in the period is unknown, and never good."
          >
            Evidence of a period
          </Header>
        }
        footer={
          <Button
            variant="primary"
            iconName="download"
            formAction="submit"
            disabled={problem !== null}
            disabledReason={problem ?? undefined}
            loading={writing.isPending}
            loadingText="The report is being made"
          >
            Make and download
          </Button>
        }
      >
        <SpaceBetween size="m">
          <ProblemAlert error={writing.error} />
          <SpaceBetween size="m" direction="horizontal">
            <Day label="From" day={first} onChange={setFirst} />
            <Day label="To, that day included" day={last} onChange={setLast} />
          </SpaceBetween>
          <FormField label="Form">
            <Tiles value={format} items={FORMATS} columns={4} onChange={({ detail }) => setFormat(detail.value)} ariaLabel="Form" />
          </FormField>
          <FormField
            label="Oldest reading that counts, in days"
            description="A reading older than this at the period's end is told as unknown."
          >
            <Input type="number" inputMode="numeric" value={staleDays} onChange={({ detail }) => setStaleDays(detail.value)} />
          </FormField>
        </SpaceBetween>
      </Container>
    </form>
  );
}

function Day({ label, day, onChange }: { label: string; day: string; onChange: (day: string) => void }) {
  return (
    <FormField label={label} constraintText="YYYY/MM/DD, in your time zone">
      <DatePicker
        value={day}
        onChange={({ detail }) => onChange(detail.value)}
        openCalendarAriaLabel={(selected) => `Choose a day${selected ? `; chosen: ${selected}` : ""}`}
        previousMonthAriaLabel="Month before"
        nextMonthAriaLabel="Next month"
        todayAriaLabel="Today"
        placeholder="YYYY/MM/DD"
      />
    </FormField>
  );
}

function findProblem(first: string, last: string, staleDays: string): string | null {
  if (!isDay(first) || !isDay(last)) return "Choose both days.";
  if (first > last) return "The period ends before it begins.";
  if (!/^[1-9]\d{0,3}$/.test(staleDays)) return "Give a whole number of days.";
  return null;
}

/** A period that ends today ends now: nothing is known of the future. */
function makeQuery(first: string, last: string, format: string, staleDays: string): URLSearchParams {
  const query = new URLSearchParams({ from: startOfDay(first), format, stale_after_days: staleDays });
  if (last < today()) query.set("to", endOfDay(last));
  return query;
}
