/** Sign-in by the organization's own identity provider, where this server has one. */
import Button from "@cloudscape-design/components/button";
import { useSignInMethods } from "./methods";

export function OidcSignIn() {
  const methods = useSignInMethods();
  const oidc = methods.data?.oidc;
  if (!oidc) return null;
  const start = `/api/v1/auth/oidc/start?return_to=${encodeURIComponent(window.location.pathname + window.location.search)}`;
  return (
    <Button href={start} fullWidth>
      Sign in with {oidc.name}
    </Button>
  );
}
