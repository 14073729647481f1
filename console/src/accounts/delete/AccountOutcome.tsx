/** What came of one account of a deletion, in words: as a whole, and each kind of credential. */
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { AccountResult, KindResult } from "../../api/records";
import { KIND_WORDS } from "../flags";
import { outcomeOf, type AccountOutcome } from "./plans";

export const OUTCOMES: { readonly [outcome in AccountOutcome]: { type: StatusIndicatorProps.Type; words: string; place: number } } = {
  failed: { type: "error", words: "Failed or not proven", place: 0 },
  deleted: { type: "success", words: "Deleted, re-read", place: 1 },
  already_absent: { type: "success", words: "Gone already", place: 2 },
  waiting: { type: "pending", words: "Waits", place: 3 },
};

const KIND_OUTCOMES: { [outcome in KindResult["outcome"]]: string } = {
  already_absent: "none there",
  deleted: "deleted",
  failed: "failed",
  skipped: "left alone",
};

interface OutcomeProps {
  result: AccountResult | undefined;
  /** Whether the deletion is. */
  isOver: boolean;
}

export function Outcome({ result, isOver }: OutcomeProps) {
  const { type, words } = OUTCOMES[outcomeOf(result)];
  if (!result && isOver) return <StatusIndicator type="stopped">Not begun</StatusIndicator>;
  return <StatusIndicator type={type}>{words}</StatusIndicator>;
}

export function Kinds({ result }: { result: AccountResult | undefined }) {
  if (!result) return <>–</>;
  if (result.skip) return <>Left alone: {result.skip.detail}</>;
  const told = result.kinds.filter((one) => one.outcome !== "already_absent");
  if (told.length === 0) return <>–</>;
  return (
    <ul className="plain">
      {told.map((one) => (
        <li key={one.kind}>
          {KIND_WORDS[one.kind]}: {KIND_OUTCOMES[one.outcome]}
          {one.detail && `. ${one.detail}`}
        </li>
      ))}
    </ul>
  );
}
