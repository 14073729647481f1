/** Whether an entry is an intent, or what came of one. */
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { LedgerEntry } from "../api/records";
import type { Result } from "./entries";

const RESULTS: { [result in Result]: { type: StatusIndicatorProps.Type; words: string } } = {
  done: { type: "success", words: "Done" },
  failed: { type: "error", words: "Failed" },
  unknown: { type: "warning", words: "Unknown" },
};

export function Phase({ entry }: { entry: LedgerEntry }) {
  if (entry.phase === "intent") return <StatusIndicator type="pending">Intent</StatusIndicator>;
  if (!entry.result) return <StatusIndicator type="info">Recorded</StatusIndicator>;
  const { type, words } = RESULTS[entry.result];
  return (
    <StatusIndicator type={type}>
      {words}
      {entry.intent_sequence === null ? "" : `, of ${entry.intent_sequence}`}
    </StatusIndicator>
  );
}
