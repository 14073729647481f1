/** Signing in: password and second factor, the organization's own sign-in, or an API token. The address stays as it is. */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";
import { useObservable } from "../api/observable";
import { session } from "../api/session";
import { LostConnection, SandboxBanner } from "../shell/Banners";
import { Enrolment } from "./Enrolment";
import { FactorForm } from "./FactorForm";
import { useSignInMethods } from "./methods";
import { OidcSignIn } from "./OidcSignIn";
import { PasswordForm } from "./PasswordForm";
import { ProviderProblem } from "./ProviderProblem";
import { findSession, signInByFactor, startAgain } from "./sign-in";
import { TokenForm } from "./TokenForm";

export function SignInPage() {
  const current = useObservable(session);
  if (current.state !== "factor_needed") return <Identify hasExpired={current.state === "signed_out" && current.hasExpired} />;
  if (current.needs === "enrolment")
    return (
      <Framed title="Set up a second factor" description={`The role ${current.told.role} needs one at each sign-in.`}>
        <SpaceBetween size="m">
          <Enrolment onEnrolled={() => void findSession()} />
          <Button variant="inline-link" onClick={() => void startAgain()}>
            Begin again as another user
          </Button>
        </SpaceBetween>
      </Framed>
    );
  return (
    <Framed title="Second factor" description={`Signing in as ${current.told.name}.`}>
      <FactorForm onFactor={signInByFactor} onCancel={() => void startAgain()} submitText="Sign in" />
    </Framed>
  );
}

function Identify({ hasExpired }: { hasExpired: boolean }) {
  return (
    <Framed title="Sign in to Rootkeeper">
      <SpaceBetween size="l">
        {hasExpired && (
          <Alert type="info" header="Your session has ended.">
            Sign in again: you come back to where you were. Jobs go on meanwhile. If you pressed something just now, it wasn't done.
          </Alert>
        )}
        <ProviderProblem />
        <PasswordForm />
        <OidcSignIn />
        <ExpandableSection headerText="Use an API token">
          <TokenForm />
        </ExpandableSection>
      </SpaceBetween>
    </Framed>
  );
}

export function Framed({ title, description, children }: { title: string; description?: string; children: ReactNode }) {
  const methods = useSignInMethods();
  return (
    <>
      {methods.data && <SandboxBanner me={methods.data} />}
      <LostConnection />
      <main className="sign-in">
        <Container
          header={
            <Header variant="h1" description={description}>
              {title}
            </Header>
          }
        >
          {children}
        </Container>
      </main>
    </>
  );
}
