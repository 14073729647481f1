/** The verdict on a control, with a word if it rests on statements of people. */
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { Assessment } from "../api/records";
import { VERDICTS } from "../components/verdicts";
import { nameVerdict } from "./controls";

export function VerdictLabel({ assessment }: { assessment: Pick<Assessment, "verdict" | "attested"> }) {
  return <StatusIndicator type={VERDICTS[assessment.verdict].type}>{nameVerdict(assessment)}</StatusIndicator>;
}
