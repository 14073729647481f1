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

/** Steps of one window, plan or job in one account, by one person, that directly follow each other. */
export interface Operation {
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

function splitOperations(steps: readonly Step[]): Step[][] {
  const operations: Step[][] = [];
  let lastKey: string | null = null;
  for (const step of steps) {
    const key = findKey(step);
    const last = operations.at(-1);
    if (last && key !== null && key === lastKey) last.push(step);
    else operations.push([step]);
    lastKey = key;
  }
  return operations;
}

const REFERENCES = ["window_id", "plan_id", "job_id"] as const;

/** The window, plan or job that a step names. */
export function findReference({ entry, intent }: Step): string | null {
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

/** Named by what was asked for: a step about the window if there is one, else the first step. */
function describeOperation(steps: readonly Step[]): string {
  const wanted = steps.find(({ entry }) => entry.action.startsWith("window:")) ?? steps.at(-1);
  return `${nameAction(wanted?.entry.action ?? "")} (${steps.length} steps)`;
}

function findWorst(steps: readonly Step[]): Result | null {
  const results = steps.map(({ entry }) => (entry.phase === "intent" ? null : (entry.result ?? "done")));
  if (results.includes("failed")) return "failed";
  if (results.includes("unknown")) return "unknown";
  return results.includes(null) ? null : "done";
}
