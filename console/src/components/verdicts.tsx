/** The verdicts of checks and controls: their words, colours and order. */
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { Verdict } from "../api/records";

export const VERDICTS: { readonly [verdict in Verdict]: { type: StatusIndicatorProps.Type; label: string } } = {
  fail: { type: "error", label: "Fail" },
  unknown: { type: "warning", label: "Unknown" },
  manual: { type: "info", label: "Manual" },
  kept: { type: "info", label: "Kept, guarded" },
  pass: { type: "success", label: "Pass" },
  not_applicable: { type: "not-started", label: "Not applicable" },
};

/** The worst first, as the server orders accounts. */
export const VERDICT_ORDER: readonly Verdict[] = ["fail", "unknown", "manual", "kept", "pass", "not_applicable"];

/** Such as "1 fail, 2 unknown, 9 pass". */
export function countVerdicts(judged: readonly { verdict: Verdict }[]): string {
  return VERDICT_ORDER.map((verdict) => ({ verdict, count: judged.filter((one) => one.verdict === verdict).length }))
    .filter(({ count }) => count > 0)
    .map(({ verdict, count }) => `${count} ${VERDICTS[verdict].label.toLowerCase()}`)
    .join(", ");
}

export function VerdictIndicator({ verdict }: { verdict: Verdict }) {
  return <StatusIndicator type={VERDICTS[verdict].type}>{VERDICTS[verdict].label}</StatusIndicator>;
}
