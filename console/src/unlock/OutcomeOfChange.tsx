/** What came of a change: only what a re-read shows counts as done. */
import Alert, { type AlertProps } from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ChangedPolicy } from "../api/records";
import { VERDICTS } from "./policies";

const RESULTS: { readonly [result in ChangedPolicy["result"]]: { type: AlertProps.Type; words: string } } = {
  done: { type: "success", words: "Done, as a re-read shows." },
  failed: { type: "error", words: "It wasn't done." },
  unchanged: { type: "info", words: "There was nothing to do." },
  unknown: { type: "warning", words: "Whether it was done isn't known." },
};

export function OutcomeOfChange({ outcome, onLookAgain }: { outcome: ChangedPolicy; onLookAgain: () => void }) {
  const { type, words } = RESULTS[outcome.result];
  return (
    <Alert type={type} header={words} action={<Button onClick={onLookAgain}>Show the policy of now</Button>}>
      <SpaceBetween size="xxs">
        {outcome.explanation !== words && <div>{outcome.explanation}</div>}
        {outcome.verdict_after && (
          <div>
            {outcome.name}: {VERDICTS[outcome.verdict_after].words}.
          </div>
        )}
        {outcome.saved && (
          <div>
            The policy of before is saved at <span className="policy">{outcome.saved.path}</span>, SHA-256{" "}
            <span className="policy">{outcome.saved.sha256}</span>.
          </div>
        )}
      </SpaceBetween>
    </Alert>
  );
}
