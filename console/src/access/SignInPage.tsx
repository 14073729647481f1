/** The sign-in page: password and second factor, identity provider, or API token. The URL doesn't change. */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { useObservable } from "../api/observable";
import { session } from "../api/session";
import { ConnectionBanner, SandboxBanner } from "../components/ConnectionBanner";
import { handleSubmit } from "../components/Dialog";
import { ProblemAlert } from "../components/PageFrame";
import { OidcSignIn, ProviderProblem } from "./IdentityProvider";
import { NameMark } from "../components/NameMark";
import { FactorForm, SecondFactorSetup } from "./SecondFactor";
import { findSession, restartSignIn, signIn, signInByFactor, signInByToken, useSignInMethods } from "./sign-in";

export function SignInPage() {
  const current = useObservable(session);
  if (current.state !== "factor_needed") return <CredentialForms hasExpired={current.state === "signed_out" && current.hasExpired} />;
  if (current.needs === "enrolment")
    return (
      <SignInFrame title="Set up a second factor" description={`The role ${current.record.role} needs one at each sign-in.`}>
        <SpaceBetween size="m">
          <SecondFactorSetup onEnrolled={() => void findSession()} />
          <Button variant="inline-link" onClick={() => void restartSignIn()}>
            Sign in as another user
          </Button>
        </SpaceBetween>
      </SignInFrame>
    );
  return (
    <SignInFrame title="Second factor" description={`Signing in as ${current.record.name}.`}>
      <FactorForm onFactor={signInByFactor} onCancel={() => void restartSignIn()} submitText="Sign in" submitsItself />
    </SignInFrame>
  );
}

function CredentialForms({ hasExpired }: { hasExpired: boolean }) {
  const codesUrl = useSignInMethods().data?.codes_url;
  return (
    <SignInFrame title="Sign in">
      <SpaceBetween size="l">
        {hasExpired && (
          <Alert type="info" header="Your session has ended.">
            Sign in again to return to this page. Jobs continue. Your last action wasn't carried out.
          </Alert>
        )}
        {codesUrl && (
          <Alert type="info" header="This is a demo.">
            <Link href={codesUrl} external externalIconAriaLabel="Opens in a new tab">
              Show users, password and codes
            </Link>
          </Alert>
        )}
        <ProviderProblem />
        <PasswordForm />
        <OidcSignIn />
        <ExpandableSection headerText="Use an API token">
          <TokenForm />
        </ExpandableSection>
      </SpaceBetween>
    </SignInFrame>
  );
}

export function SignInFrame({ title, description, children }: { title: string; description?: string; children: ReactNode }) {
  const methods = useSignInMethods();
  useEffect(() => {
    document.title = `${title} · Rootkeeper`;
  }, [title]);
  return (
    <>
      {methods.data && <SandboxBanner me={methods.data} />}
      <ConnectionBanner />
      <main className="sign-in">
        <NameMark />
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

function PasswordForm() {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const signingIn = useMutation({ mutationFn: () => signIn(name, password), meta: { showsErrors: true } });
  const isReady = name !== "" && password !== "";
  return (
    <form onSubmit={handleSubmit(() => signingIn.mutate(), isReady && !signingIn.isPending)}>
      <Form
        actions={
          <Button variant="primary" formAction="submit" loading={signingIn.isPending} disabled={!isReady}>
            Sign in
          </Button>
        }
      >
        <SpaceBetween size="m">
          <ProblemAlert error={signingIn.error} />
          <FormField label="Name">
            <Input value={name} onChange={({ detail }) => setName(detail.value)} autoComplete="username" name="name" autoFocus />
          </FormField>
          <FormField label="Password">
            <Input
              type="password"
              value={password}
              onChange={({ detail }) => setPassword(detail.value)}
              autoComplete="current-password"
              name="password"
            />
          </FormField>
        </SpaceBetween>
      </Form>
    </form>
  );
}

function TokenForm() {
  const [token, setToken] = useState("");
  const signingIn = useMutation({ mutationFn: () => signInByToken(token.trim()), meta: { showsErrors: true } });
  return (
    <form onSubmit={handleSubmit(() => signingIn.mutate(), token.trim() !== "" && !signingIn.isPending)}>
      <SpaceBetween size="m">
        <ProblemAlert error={signingIn.error} />
        <FormField label="API token" description="Stored in the memory of this page only. The ledger records your actions under the name of the token.">
          <Input type="password" value={token} onChange={({ detail }) => setToken(detail.value)} autoComplete="off" />
        </FormField>
        <Button formAction="submit" loading={signingIn.isPending} disabled={!token.trim()}>
          Sign in with token
        </Button>
      </SpaceBetween>
    </form>
  );
}
