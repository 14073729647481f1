/** Sign-in by the organization's own identity provider, where this server has one. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useSignInMethods } from "./methods";

export function OidcSignIn() {
  const methods = useSignInMethods();
  const oidc = methods.data?.oidc;
  if (!oidc) return null;
  return (
    <Button href={providerAddress()} fullWidth>
      Sign in with {oidc.name}
    </Button>
  );
}

/** For whoever has no second factor here, since the provider asks for one. The page is left for it. */
export function ConfirmAtProvider() {
  const methods = useSignInMethods();
  const oidc = methods.data?.oidc;
  if (!oidc) return null;
  return (
    <SpaceBetween size="xs">
      <Button variant="primary" href={providerAddress(true)}>
        Confirm with {oidc.name}
      </Button>
      <Box color="text-body-secondary">You come back to this page. Then do again what you were about to do.</Box>
    </SpaceBetween>
  );
}

/**
 * Where the browser goes for it; it comes back to where it is now.
 *
 * With `confirms` a sign-in is proven anew, as a second factor does.
 */
function providerAddress(confirms = false): string {
  const here = new URL(window.location.href);
  here.searchParams.delete("sign_in_problem");
  const parameters = new URLSearchParams({ return_to: here.pathname + here.search, ...(confirms && { confirm: "true" }) });
  return `/api/v1/auth/oidc/start?${parameters.toString()}`;
}
