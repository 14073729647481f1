/** Times of schedules in words: the usual cron expressions, read and written. All others stay cron expressions. */

export type Rhythm = "hour" | "day" | "week" | "month";

/** A time in words, such as every Monday at 06:00 in Europe/Berlin. */
export interface Plan {
  rhythm: Rhythm;
  hour: number;
  minute: number;
  /** Of a week; 0 is Sunday. */
  weekday: number;
  /** Of a month. */
  day: number;
  timeZone: string;
}

export const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;
/** Each month has these days. */
export const LAST_DAY = 28;
const SHORT_WEEKDAYS = WEEKDAYS.map((name) => name.slice(0, 3).toUpperCase());
const ANY = "*";

/** Read an expression with its time zone; `null` if a plan can't express it. */
export function parsePlan(text: string): Plan | null {
  const [minuteText = "", hourText = "", dayText, month, weekdayText = "", timeZone, ...rest] = text.trim().split(/\s+/);
  const minute = parseNumber(minuteText, 59);
  if (minute === null || month !== ANY || timeZone === undefined || rest.length > 0) return null;
  const hour = hourText === ANY ? null : parseNumber(hourText, 23);
  const weekday = parseWeekday(weekdayText);
  const day = parseNumber(dayText ?? "", LAST_DAY);
  const base = { minute, hour: hour ?? 0, weekday: weekday ?? 1, day: day ?? 1, timeZone };
  const isAnyDay = dayText === ANY && weekdayText === ANY;
  if (hourText === ANY) return isAnyDay ? { ...base, rhythm: "hour" } : null;
  if (hour === null) return null;
  if (isAnyDay) return { ...base, rhythm: "day" };
  if (dayText === ANY && weekday !== null) return { ...base, rhythm: "week" };
  return weekdayText === ANY && day !== null && day > 0 ? { ...base, rhythm: "month" } : null;
}

export function renderPlan({ rhythm, hour, minute, weekday, day, timeZone }: Plan): string {
  const fields = {
    hour: `${minute} * * * *`,
    day: `${minute} ${hour} * * *`,
    week: `${minute} ${hour} * * ${SHORT_WEEKDAYS[weekday]}`,
    month: `${minute} ${hour} ${day} * *`,
  };
  return `${fields[rhythm]} ${timeZone}`;
}

/** Say an expression with its time zone in words; one that has no words is shown as it is. */
export function describeTime(text: string): string {
  const plan = parsePlan(text);
  if (plan) return `${describePlan(plan)} (${plan.timeZone})`;
  const [minutes = "", hour, day, month, weekdays = "", timeZone] = text.trim().split(/\s+/);
  const every = /^\*\/(\d{1,2})$/.exec(minutes);
  if (every && [hour, day, month, weekdays].every((field) => field === ANY)) return `Every ${every[1]} minutes (${timeZone})`;
  const asDaily = parsePlan(`${minutes} ${hour} ${day} ${month} * ${timeZone}`);
  if (asDaily?.rhythm === "day" && weekdays.toUpperCase() === "MON-FRI") return `Monday to Friday at ${renderClock(asDaily)} (${timeZone})`;
  return `Cron expression ${text}`;
}

export function renderClock({ hour, minute }: { hour: number; minute: number }): string {
  return `${pad(hour)}:${pad(minute)}`;
}

/** Read `HH:MM`; `null` if it isn't a time of a day. */
export function parseClock(text: string): { hour: number; minute: number } | null {
  const found = /^(\d{1,2}):(\d{2})$/.exec(text);
  const hour = parseNumber(found?.[1] ?? "", 23);
  const minute = parseNumber(found?.[2] ?? "", 59);
  return hour === null || minute === null ? null : { hour, minute };
}

/** The time zones that the browser knows, UTC first. */
export function listTimeZones(): string[] {
  return ["UTC", ...Intl.supportedValuesOf("timeZone").filter((name) => name !== "UTC")];
}

function describePlan(plan: Plan): string {
  if (plan.rhythm === "hour") return `Every hour, at minute ${pad(plan.minute)}`;
  const at = `at ${renderClock(plan)}`;
  if (plan.rhythm === "day") return `Every day ${at}`;
  return plan.rhythm === "week" ? `Every ${WEEKDAYS[plan.weekday]} ${at}` : `On day ${plan.day} of every month ${at}`;
}

function parseWeekday(text: string): number | null {
  const named = SHORT_WEEKDAYS.indexOf(text.toUpperCase());
  if (named >= 0) return named;
  const number = parseNumber(text, 7);
  return number === null ? null : number % 7;
}

function parseNumber(text: string, most: number): number | null {
  return /^\d{1,2}$/.test(text) && Number(text) <= most ? Number(text) : null;
}

function pad(part: number): string {
  return String(part).padStart(2, "0");
}
