/** Why something can't be done, and the change that mends it, which may be several lines of a policy. */
import Alert from "@cloudscape-design/components/alert";
import { describeError } from "../api/problems";

export function Refusal({ error }: { error: unknown }) {
  if (!error) return null;
  const { what, next } = describeError(error);
  return (
    <Alert type="error" header={what}>
      {next.includes("\n") ? <pre className="policy">{next}</pre> : next}
    </Alert>
  );
}
