/** What went wrong at the organization's own sign-in: the server sends the browser back with a code of its own. */
import Alert from "@cloudscape-design/components/alert";
import { useSearchParams } from "react-router";

/** As the server names it. Source: src/rootkeeper/api/routes/provider_sign_in.py. */
const PARAMETER = "sign_in_problem";
const WORDS: { [code: string]: string } = {
  "access.denied": "You are in none of the groups that may use this server. Ask an administrator.",
  "access.not_signed_in": "The sign-in took too long, or was begun in another browser. Try again.",
  "access.provider_failed": "The identity provider doesn't answer as it should. A local administrator can still sign in with a password.",
  "access.too_many_attempts": "Too many sign-ins were begun. Wait five minutes, then try again.",
  "input.not_found": "This server has no identity provider.",
};

export function ProviderProblem() {
  const [parameters, setParameters] = useSearchParams();
  const code = parameters.get(PARAMETER);
  if (code === null) return null;
  const forget = () => {
    parameters.delete(PARAMETER);
    setParameters(parameters, { replace: true });
  };
  return (
    <Alert type="error" header="You aren't signed in." dismissible dismissAriaLabel="Dismiss" onDismiss={forget}>
      {WORDS[code] ?? "Try again, or ask an administrator: the server's log says what went wrong."}
    </Alert>
  );
}
