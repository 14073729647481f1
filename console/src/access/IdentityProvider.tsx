/** Sign-in at the organization's identity provider, if this server has one. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useSearchParams } from "react-router";
import { useSignInMethods } from "./sign-in";

export function OidcSignIn() {
  const methods = useSignInMethods();
  const oidc = methods.data?.oidc;
  if (!oidc) return null;
  return (
    <Button href={providerUrl()} fullWidth>
      Sign in with {oidc.name}
    </Button>
  );
}

/** For users without a second factor here: the identity provider asks for theirs. The browser leaves the page. */
export function ConfirmAtProvider() {
  const methods = useSignInMethods();
  const oidc = methods.data?.oidc;
  if (!oidc) return null;
  return (
    <SpaceBetween size="xs">
      <Button variant="primary" href={providerUrl(true)}>
        Confirm with {oidc.name}
      </Button>
      <Box color="text-body-secondary">You return to this page. Then repeat the action.</Box>
    </SpaceBetween>
  );
}

/**
 * The URL that starts a sign-in at the identity provider and returns to the current page.
 *
 * With `confirms`, the user must sign in again, as a confirmation by second factor.
 */
function providerUrl(confirms = false): string {
  const here = new URL(window.location.href);
  here.searchParams.delete("sign_in_problem");
  const parameters = new URLSearchParams({ return_to: here.pathname + here.search, ...(confirms && { confirm: "true" }) });
  return `/api/v1/auth/oidc/start?${parameters.toString()}`;
}

/** The parameter that the server adds when a sign-in failed. */
const PARAMETER = "sign_in_problem";
const MESSAGES: { [code: string]: string } = {
  "access.denied": "None of your groups has access to this server. Ask an administrator.",
  "access.not_signed_in": "The sign-in took too long, or was started in another browser. Try again.",
  "access.provider_failed": "The identity provider returned an error. A local administrator can still sign in with a password.",
  "access.too_many_attempts": "Too many sign-ins were started. Wait five minutes, then try again.",
  "input.not_found": "This server has no identity provider.",
};

export function ProviderProblem() {
  const [parameters, setParameters] = useSearchParams();
  const code = parameters.get(PARAMETER);
  if (code === null) return null;
  const dismiss = () => {
    parameters.delete(PARAMETER);
    setParameters(parameters, { replace: true });
  };
  return (
    <Alert type="error" header="You aren't signed in." dismissible dismissAriaLabel="Dismiss" onDismiss={dismiss}>
      {MESSAGES[code] ?? "Try again, or ask an administrator to look at the server's log."}
    </Alert>
  );
}
