/** The picture of an account's history: lanes with spans and marks, and the ticks of their common time axis. */
import type { AccountHistory, PastEntry } from "../api/records";

/** How a span or mark is coloured; the text of its lane and the legend say the same. */
export type Tone = "present" | "not_present" | "unknown" | "recovery_open" | "not_applicable" | "open" | "good" | "bad" | "plain";

export interface Span {
  start: number;
  end: number;
  tone: Tone;
  entry: PastEntry;
}

export interface Mark {
  at: number;
  tone: Tone;
  entry: PastEntry;
}

export interface Lane {
  title: string;
  spans: Span[];
  marks: Mark[];
}

const DELETIONS: ReadonlySet<string> = new Set([
  "access_key:delete",
  "login_profile:delete",
  "mfa_device:deactivate",
  "signing_certificate:delete",
]);

export function arrangeLanes(history: AccountHistory, now: number): Lane[] {
  const ofKind = (kind: PastEntry["kind"]) => history.entries.filter((entry) => entry.kind === kind);
  const deletions = ofKind("ledger").filter((entry) => DELETIONS.has(entry.what));
  return [
    { title: "Audits", ...arrangeStatuses(ofKind("status"), toTime(history.last_read_at)) },
    { title: "Deletions", spans: [], marks: deletions.map((entry) => toMark(entry, entry.alarming ? "bad" : "good")) },
    { title: "Recovery windows", ...arrangeWindows(ofKind("window"), now) },
    { title: "Root events", spans: [], marks: ofKind("event").map((entry) => toMark(entry, entry.alarming ? "bad" : "plain")) },
  ];
}

/** Each status lasts until an audit found another one, the last until the last audit. */
function arrangeStatuses(found: PastEntry[], lastReadAt: number): Pick<Lane, "spans" | "marks"> {
  const spans = found.map((entry, place) => {
    const start = toTime(entry.at);
    const next = found[place + 1];
    return { start, end: next ? toTime(next.at) : Math.max(start, lastReadAt), tone: entry.what as Tone, entry };
  });
  return { spans, marks: [] };
}

/** A window lasts from its opening to its closing, or until now; the other steps of a window are marks. */
function arrangeWindows(steps: PastEntry[], now: number): Pick<Lane, "spans" | "marks"> {
  const opened = steps.filter((step) => step.what === "opened");
  const spans = opened.map((entry): Span => {
    const ofWindow = steps.filter((step) => step.reference === entry.reference);
    const closed = ofWindow.find((step) => step.what === "closed");
    const hasFailed = ofWindow.some((step) => step.alarming);
    const tone = closed ? "good" : hasFailed ? "bad" : "open";
    return { start: toTime(entry.at), end: closed ? toTime(closed.at) : now, tone, entry };
  });
  const others = steps.filter((step) => step.what !== "opened" && step.what !== "closed");
  return { spans, marks: others.map((step) => toMark(step, step.alarming ? "bad" : "plain")) };
}

function toMark(entry: PastEntry, tone: Tone): Mark {
  return { at: toTime(entry.at), tone, entry };
}

function toTime(at: string | null): number {
  return at === null ? 0 : new Date(at).getTime();
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR]
  .concat([1, 2, 7, 14, 30, 90, 180, 365].map((days) => days * DAY));
const SHORTEST = 10 * MINUTE;

export interface Domain {
  start: number;
  end: number;
}

export const RANGES = [
  { id: "all", text: "All", length: Infinity },
  { id: "90d", text: "90 days", length: 90 * DAY },
  { id: "7d", text: "7 days", length: 7 * DAY },
  { id: "24h", text: "24 hours", length: DAY },
] as const;

/** From the first entry to now, but no longer than the range. */
export function findDomain(lanes: readonly Lane[], now: number, length: number): Domain {
  const starts = lanes.flatMap((lane) => [...lane.spans.map((span) => span.start), ...lane.marks.map((mark) => mark.at)]);
  const first = Math.min(...starts, now - SHORTEST);
  const start = Math.max(first, now - length);
  return { start: start - (now - start) * 0.02, end: now };
}

interface Tick {
  at: number;
  text: string;
}

/** Ticks at round times, at most as many as fit. */
export function listTicks({ start, end }: Domain, most: number, inUtc: boolean): Tick[] {
  const step = STEPS.find((one) => (end - start) / one <= most) ?? Math.ceil((end - start) / most / DAY) * DAY;
  const shift = inUtc ? 0 : new Date(end).getTimezoneOffset() * MINUTE;
  const ticks: Tick[] = [];
  for (let at = Math.ceil((start - shift) / step) * step + shift; at <= end; at += step) ticks.push({ at, text: renderTick(at, step, inUtc) });
  return ticks;
}

function renderTick(at: number, step: number, inUtc: boolean): string {
  const timeZone = inUtc ? "UTC" : undefined;
  const options: Intl.DateTimeFormatOptions =
    step < DAY
      ? { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone }
      : step < 30 * DAY
        ? { month: "short", day: "numeric", timeZone }
        : { month: "short", year: "numeric", timeZone };
  return new Date(at).toLocaleString("en", options);
}
