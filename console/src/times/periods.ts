/**
 * Periods in whole days of UTC: the presets, the dates that a user chooses, and the times that the server is asked for.
 *
 * The period is part of the URL, such as `?period=last-quarter` or `?from=2026-01-01&to=2026-03-31`.
 */
import { useQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";
import { api, unwrap } from "../api/client";
import { hasPermission, useMe } from "../api/queries";
import { serverNow } from "../api/server-clock";

/** Times as the server takes them; without an end, the period lasts until now. */
export interface Period {
  from?: string;
  to?: string;
}

/** Both included, such as `2026-01-31`. While a user types, they may be incomplete. */
export interface Days {
  first: string;
  last: string;
}

/** What a page shows until a period is chosen. */
export type UsualPeriod = "all" | "last-90-days";

const PRESETS = ["last-month", "last-quarter", "since-report"] as const;
type Preset = (typeof PRESETS)[number];
export type PeriodChoice = UsualPeriod | Preset | "dates";

export const PERIOD_LABELS: { readonly [choice in PeriodChoice]: string } = {
  all: "All time",
  "last-90-days": "Last 90 days",
  "last-month": "Last month",
  "last-quarter": "Last quarter",
  "since-report": "Since the last report",
  dates: "Dates",
};

export function todayUtc(): string {
  return dayOf(serverNow());
}

const DAY_MILLISECONDS = 86_400_000;

export function addDays(day: string, count: number): string {
  return dayOf(Date.parse(day) + count * DAY_MILLISECONDS);
}

/** Of the same day 0. */
export function countDaysBetween(first: string, last: string): number {
  return Math.round((Date.parse(last) - Date.parse(first)) / DAY_MILLISECONDS);
}

function dayOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10);
}

/** Whole months, beginning with one that counts from 0; -1 is the December before. */
function monthsOf(year: number, first: number, count: number): Days {
  return { first: dayOf(Date.UTC(year, first, 1)), last: dayOf(Date.UTC(year, first + count, 0)) };
}

function lastDays(today: string): Days {
  return { first: addDays(today, -89), last: today };
}

/** The days of a choice; `null` for all time. */
export function daysOf(choice: Exclude<PeriodChoice, "dates" | "since-report">, today: string): Days | null {
  const [year = 0, month = 1] = today.split("-").map(Number);
  switch (choice) {
    case "all":
      return null;
    case "last-90-days":
      return lastDays(today);
    case "last-month":
      return monthsOf(year, month - 2, 1);
    case "last-quarter":
      return monthsOf(year, Math.floor((month - 1) / 3) * 3 - 3, 3);
  }
}

/** A day that the calendar has, such as no February 30. */
export function isUtcDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)) && dayOf(Date.parse(text)) === text;
}

export function findDaysProblem({ first, last }: Days, today: string): string | null {
  if (!isUtcDay(first) || !isUtcDay(last)) return "Choose both dates.";
  if (first > last) return "The end date is before the start date.";
  return first > today ? "The period has not begun yet." : null;
}

/** The last day is whole: the server takes both ends in. A period that ends today ends now. */
export function toPeriod({ first, last }: Days, today: string): Period {
  return { from: `${first}T00:00:00Z`, ...(last < today ? { to: `${last}T23:59:59.999999Z` } : {}) };
}

/** When the newest report was sent to a bucket or a file; `null` if none was. Downloads aren't recorded. */
export function useLastReport() {
  const { data: me } = useMe();
  return useQuery({
    queryKey: ["ledger", "last-report", me?.organization_id, me?.endpoint],
    queryFn: async () => {
      const query = { action: ["report:send" as const], result: ["done" as const], limit: 100 };
      const page = await unwrap(api.GET("/api/v1/ledger/latest", { params: { query } }));
      return page.entries.find((one) => one.organization_id === me?.organization_id && one.endpoint === me.endpoint)?.at ?? null;
    },
    enabled: hasPermission(me, "ledger:read"),
    staleTime: 60_000,
  });
}

export interface ChosenPeriod {
  choice: PeriodChoice;
  days: Days | null;
  /** `null` while it isn't known, or if there is a problem. */
  period: Period | null;
  problem: string | null;
  choose: (choice: PeriodChoice) => void;
  chooseDays: (days: Days) => void;
}

/** The period in the URL. */
export function usePeriod(usual: UsualPeriod): ChosenPeriod {
  const [parameters, setParameters] = useSearchParams();
  const { data: reportedAt, error } = useLastReport();
  const today = todayUtc();
  const [first, last] = [parameters.get("from"), parameters.get("to")];
  const typed = first === null && last === null ? null : { first: first ?? "", last: last ?? "" };
  const preset = PRESETS.find((one) => one === parameters.get("period")) ?? usual;
  const found = typed ? readDays(typed, today) : preset === "since-report" ? readSinceReport(reportedAt, error, today) : readPreset(preset, today);
  /** Keeps the parameters of other parts of the page. */
  const write = (values: { [name: string]: string }, replace: boolean) =>
    setParameters(
      (before) => {
        PARAMETERS.forEach((name) => before.delete(name));
        Object.entries(values).forEach(([name, value]) => before.set(name, value));
        return before;
      },
      { replace },
    );
  const writeDays = (days: Days, replace: boolean) => write({ from: days.first, to: days.last }, replace);
  return {
    choice: typed ? "dates" : preset,
    ...found,
    choose: (chosen) => {
      if (chosen === "dates") writeDays((found.problem === null && found.days) || lastDays(today), false);
      else write(chosen === usual ? {} : { period: chosen }, false);
    },
    chooseDays: (days) => writeDays(days, true),
  };
}

const PARAMETERS = ["from", "to", "period"];

type Found = Pick<ChosenPeriod, "days" | "period" | "problem">;

function readDays(days: Days, today: string): Found {
  const problem = findDaysProblem(days, today);
  return { days, problem, period: problem === null ? toPeriod(days, today) : null };
}

function readPreset(choice: Exclude<PeriodChoice, "dates" | "since-report">, today: string): Found {
  const days = daysOf(choice, today);
  return { days, problem: null, period: days ? toPeriod(days, today) : {} };
}

/** @param reportedAt `undefined` while it isn't known. */
function readSinceReport(reportedAt: string | null | undefined, error: unknown, today: string): Found {
  if (reportedAt) return { days: { first: reportedAt.slice(0, 10), last: today }, problem: null, period: { from: reportedAt } };
  const problem = reportedAt === null ? "No report was sent yet." : error ? "The last report couldn't be found." : null;
  return { days: null, problem, period: null };
}

/** The parameters of the period in the URL, for a link to a page about the same period. */
export function usePeriodParameters(): { [name: string]: string } {
  const [parameters] = useSearchParams();
  return Object.fromEntries([...parameters].filter(([name]) => PARAMETERS.includes(name)));
}
