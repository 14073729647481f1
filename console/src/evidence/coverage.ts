/** The days of a period with and without an audit of the whole organization, in UTC, month by month. */
import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { addDays, countDaysBetween, type Days, toPeriod, todayUtc } from "../times/periods";

export function useCoverage(days: Days | null) {
  const query = days && toPeriod(days, todayUtc());
  return useQuery({
    queryKey: ["coverage", query],
    queryFn: () => unwrap(api.GET("/api/v1/reports/coverage", { params: { query: query ?? {} } })),
    enabled: query !== null,
  });
}

export type DayState = "audited" | "gap" | "today" | "future" | "outside";

export interface CalendarDay {
  /** Such as `2026-01-31`. */
  day: string;
  state: DayState;
  audits: number;
}

export interface CalendarMonth {
  /** Such as `2026-01`. */
  month: string;
  /** Weeks from Monday to Sunday; `null` for days of other months. */
  weeks: (CalendarDay | null)[][];
}

/** A longer calendar is no overview. */
const MAX_MONTHS = 12;
const WEEK = 7;

/** The last months of a period. */
export function listMonths(days: Days, audited: ReadonlyMap<string, number>, today: string): CalendarMonth[] {
  const months: CalendarMonth[] = [];
  for (let month = days.last.slice(0, 7); month >= days.first.slice(0, 7) && months.length < MAX_MONTHS; month = addDays(`${month}-01`, -1).slice(0, 7))
    months.unshift({ month, weeks: listWeeks(month, (day) => makeDay(day, days, audited, today)) });
  return months;
}

function listWeeks(month: string, make: (day: string) => CalendarDay): (CalendarDay | null)[][] {
  const cells: (CalendarDay | null)[] = Array.from({ length: (new Date(`${month}-01`).getUTCDay() + WEEK - 1) % WEEK }, () => null);
  for (let day = `${month}-01`; day.startsWith(month); day = addDays(day, 1)) cells.push(make(day));
  while (cells.length % WEEK !== 0) cells.push(null);
  return Array.from({ length: cells.length / WEEK }, (_, week) => cells.slice(week * WEEK, (week + 1) * WEEK));
}

function makeDay(day: string, days: Days, audited: ReadonlyMap<string, number>, today: string): CalendarDay {
  const audits = audited.get(day) ?? 0;
  const isOutside = day < days.first || day > days.last;
  const state = isOutside ? "outside" : audits > 0 ? "audited" : day > today ? "future" : day === today ? "today" : "gap";
  return { day, state, audits };
}

/** How many days of the period are over, or have an audit already. */
export function countDays({ first, last }: Days, audited: ReadonlyMap<string, number>, today: string): number {
  const end = last < today ? last : audited.has(today) ? today : addDays(today, -1);
  return Math.max(0, countDaysBetween(first, end) + 1);
}
