/** An error in its place: what happened, what to do next, and a way to try again. */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import { describeError } from "../api/problems";

export function ProblemAlert({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  if (!error) return null;
  const { what, next } = describeError(error);
  return (
    <div role="alert">
      <Alert type="error" header={what} action={onRetry && <Button onClick={onRetry}>Try again</Button>}>
        {next}
      </Alert>
    </div>
  );
}
