/** Ledger entries as people think of them: an intent with its outcome is one step, the steps of one operation are one row. */
import type { LedgerEntry } from "../api/records";
import { nameAction, type Result } from "./entries";

/** One step: the outcome, with its intent if that is known; or an intent without an outcome, or a recorded fact. */
export interface Step {
  kind: "step";
  id: string;
  entry: LedgerEntry;
  intent: LedgerEntry | null;
}

/** Steps of one window, plan or job in one account, by one person, that follow each other within a minute. */
interface Operation {
  kind: "operation";
  id: string;
  title: string;
  /** The newest first. */
  steps: Step[];
  /** The worst result; `null` while a step has none. */
  result: Result | null;
}

export type LedgerRow = Step | Operation;

/** Group entries, the newest first. Entries of other pages aren't known here. */
export function groupEntries(entries: readonly LedgerEntry[]): LedgerRow[] {
  const rows: LedgerRow[] = [];
  for (const steps of splitOperations(pairEntries(entries))) {
    const [first] = steps;
    if (first && steps.length === 1) rows.push(first);
    else if (first) rows.push({ kind: "operation", id: `operation ${first.id}`, title: describeOperation(steps), steps, result: findWorst(steps) });
  }
  return rows;
}

/** The entries of a row, to show or export. */
export function listEntries(row: LedgerRow): LedgerEntry[] {
  if (row.kind === "operation") return row.steps.flatMap(listEntries);
  return row.intent ? [row.entry, row.intent] : [row.entry];
}

function pairEntries(entries: readonly LedgerEntry[]): Step[] {
  const intents = new Map(entries.filter((one) => one.phase === "intent").map((one) => [one.sequence, one]));
  const ended = new Set(entries.flatMap((one) => (one.intent_sequence === null ? [] : [one.intent_sequence])));
  return entries
    .filter((one) => !(one.phase === "intent" && ended.has(one.sequence)))
    .map((entry) => ({
      kind: "step",
      id: String(entry.sequence),
      entry,
      intent: (entry.intent_sequence !== null && intents.get(entry.intent_sequence)) || null,
    }));
}

/** Steps of one operation are rarely further apart. A window is opened and closed by operations of their own. */
const LONGEST_PAUSE_MILLISECONDS = 60_000;

/** Steps of several accounts can lie between those of one operation, because accounts are worked on side by side. */
function splitOperations(steps: readonly Step[]): Step[][] {
  const operations: Step[][] = [];
  const latest = new Map<string, Step[]>();
  for (const step of steps) {
    const key = findKey(step);
    const known = key === null ? undefined : latest.get(key);
    const last = known?.at(-1);
    if (known && last && Date.parse(last.entry.at) - Date.parse(step.entry.at) <= LONGEST_PAUSE_MILLISECONDS) {
      known.push(step);
      continue;
    }
    const operation = [step];
    operations.push(operation);
    if (key !== null) latest.set(key, operation);
  }
  return operations;
}

const REFERENCES = ["window_id", "plan_id", "job_id"] as const;

/** The window, plan or job that a step names. */
function findReference({ entry, intent }: Step): string | null {
  for (const name of REFERENCES) {
    const value: unknown = intent?.parameters[name] ?? entry.parameters[name];
    if (typeof value === "string") return value;
  }
  return null;
}

function findKey(step: Step): string | null {
  const reference = findReference(step);
  return reference && [reference, step.entry.account_id, step.entry.actor.name].join(" ");
}

/** Named by what was asked for: a step about the window if there is one, a deletion, or else the first step. */
function describeOperation(steps: readonly Step[]): string {
  const ofWindow = steps.find(({ entry }) => entry.action.startsWith("window:"));
  const isDeletion = !ofWindow && steps.some((step) => "plan_id" in (step.intent ?? step.entry).parameters);
  const name = isDeletion ? "Deletion" : nameAction((ofWindow ?? steps.at(-1))?.entry.action ?? "");
  return `${name} (${steps.length} steps)`;
}

function findWorst(steps: readonly Step[]): Result | null {
  const results = steps.map(({ entry }) => (entry.phase === "intent" ? null : (entry.result ?? "done")));
  if (results.includes("failed")) return "failed";
  if (results.includes("unknown")) return "unknown";
  return results.includes(null) ? null : "done";
}
