/** The calendar of a period: the days with an audit of all accounts, those without, and until when the ledger is verified. */
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { Coverage } from "../api/records";
import { LedgerVerified } from "../components/LedgerVerified";
import { FACT_PIXELS, QueryPlaceholder, QueryProblem } from "../components/PageFrame";
import { NoPeriod } from "../components/PeriodPicker";
import { type Days, todayUtc } from "../times/periods";
import { ShortTime } from "../times/Timestamp";
import { type CalendarDay, type CalendarMonth, countDays, type DayState, listMonths, useCoverage } from "./coverage";
import "./coverage.css";

/** @param days `null` while the period isn't known, or isn't valid. */
export function CoverageCalendar({ days }: { days: Days | null }) {
  const found = useCoverage(days);
  return (
    <Container
      header={
        <Header variant="h2" description="Only an audit of all accounts shows the whole organization. Days are in UTC.">
          Continuous verification
        </Header>
      }
    >
      {!days && <NoPeriod />}
      {days && !found.data && <QueryPlaceholder query={found} height="14rem" />}
      {days && found.data && (
        <SpaceBetween size="l">
          <QueryProblem query={found} />
          <Calendar days={days} coverage={found.data} />
        </SpaceBetween>
      )}
    </Container>
  );
}

function Calendar({ days, coverage }: { days: Days; coverage: Coverage }) {
  const today = todayUtc();
  const audited = new Map(coverage.audited_days.map((one) => [one.day, one.audits]));
  const months = listMonths(days, audited, today);
  const isCut = (months[0]?.month ?? "") > days.first.slice(0, 7);
  return (
    <SpaceBetween size="l">
      <KeyValuePairs
        columns={3}
        minColumnWidth={FACT_PIXELS}
        items={[
          { label: "Days with an audit of all accounts", value: <AuditedDays audited={audited.size} days={countDays(days, audited, today)} /> },
          { label: "Longest time without", value: <LongestGap gap={coverage.days_without_audit[0]} /> },
          { label: "Ledger verified", value: <LedgerVerified ledger={coverage.ledger} /> },
        ]}
      />
      <div className="calendar">
        {months.map((month) => (
          <Month key={month.month} month={month} />
        ))}
      </div>
      <ul className="calendar__legend" aria-label="Legend of the calendar">
        {LEGEND.map((state) => (
          <li key={state}>
            <span className={`calendar__mark calendar__day--${state}`} aria-hidden="true">
              {STATES[state].mark}
            </span>
            {STATES[state].label}
          </li>
        ))}
      </ul>
      {isCut && <Box color="text-body-secondary">The calendar shows the last {months.length} months of the period.</Box>}
    </SpaceBetween>
  );
}

function AuditedDays({ audited, days }: { audited: number; days: number }) {
  const text = `${audited.toLocaleString()} of ${days.toLocaleString()}`;
  if (days === 0) return <>No day is over yet</>;
  return <StatusIndicator type={audited === days ? "success" : "warning"}>{text}</StatusIndicator>;
}

function LongestGap({ gap }: { gap: Coverage["days_without_audit"][number] | undefined }) {
  if (!gap) return <>No whole day</>;
  return (
    <>
      {gap.days === 1 ? "1 day" : `${gap.days.toLocaleString()} days`}
      <Box color="text-body-secondary">
        <ShortTime at={gap.from} /> to <ShortTime at={gap.until} />
      </Box>
    </>
  );
}

const STATES: { readonly [state in DayState]: { mark: string; label: string } } = {
  audited: { mark: "✓", label: "Audit of all accounts" },
  gap: { mark: "✕", label: "No audit of all accounts" },
  today: { mark: "…", label: "Today, no audit yet" },
  future: { mark: "", label: "In the future" },
  outside: { mark: "", label: "Not in the period" },
};
const LEGEND: readonly DayState[] = ["audited", "gap", "today", "future"];

const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTH_FORMAT = new Intl.DateTimeFormat("en", { month: "long", year: "numeric", timeZone: "UTC" });

function Month({ month: { month, weeks } }: { month: CalendarMonth }) {
  return (
    <table className="calendar__month">
      <caption>{MONTH_FORMAT.format(new Date(`${month}-01`))}</caption>
      <thead>
        <tr>
          {WEEKDAYS.map((name) => (
            <th key={name} scope="col" abbr={name}>
              {name.slice(0, 2)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {weeks.map((week, place) => (
          <tr key={place}>
            {week.map((day, weekday) => (day ? <Day key={day.day} day={day} /> : <td key={WEEKDAYS[weekday]} />))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Day({ day: { day, state, audits } }: { day: CalendarDay }) {
  const text = state === "audited" ? `${audits} ${audits === 1 ? "audit" : "audits"} of all accounts` : STATES[state].label;
  return (
    <td className={`calendar__day--${state}`} title={`${day}: ${text}`} data-state={state}>
      {Number(day.slice(8))}
      <span className="calendar__sign" aria-hidden="true">
        {STATES[state].mark}
      </span>
      <span className="unseen">{text}</span>
    </td>
  );
}
