/**
 * The first administrator, by the one-time link that `rootkeeper serve` prints. The link's secret stands after the #, so
 * that no log of a server or proxy has it, and is taken out of the address at once.
 */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useNavigate } from "react-router";
import { ask, api } from "../api/client";
import { ProblemAlert } from "../shell/ProblemAlert";
import { begin } from "./sign-in";
import { Framed } from "./SignInPage";
import { submitting } from "./submitting";

export function FirstAdministratorPage() {
  const [linkToken] = useState(() => window.location.hash.slice(1));
  useEffect(() => window.history.replaceState(window.history.state, "", window.location.pathname), []);
  return (
    <Framed title="Become the first administrator" description="You can then add everybody else.">
      {linkToken ? (
        <FirstAdministratorForm linkToken={linkToken} />
      ) : (
        <Alert type="warning" header="The link isn't complete.">
          Copy it whole from what `rootkeeper serve` printed. It works once, and for 24 hours.
        </Alert>
      )}
    </Framed>
  );
}

function FirstAdministratorForm({ linkToken }: { linkToken: string }) {
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [repeated, setRepeated] = useState("");
  const making = useMutation({
    mutationFn: async () => {
      const body = { link_token: linkToken, name, password };
      begin(await ask(api.POST("/api/v1/auth/first-administrator", { body })));
    },
    onSuccess: () => void navigate("/", { replace: true }),
    meta: { showsErrors: true },
  });
  const isReady = name !== "" && password !== "" && repeated === password;
  const differs = repeated !== "" && repeated !== password;
  return (
    <form onSubmit={submitting(() => making.mutate(), isReady && !making.isPending)}>
      <SpaceBetween size="m">
        <ProblemAlert error={making.error} />
        <FormField label="Name" description="The ledger, approvals and CloudTrail show it.">
          <Input value={name} onChange={({ detail }) => setName(detail.value)} autoComplete="username" />
        </FormField>
        <FormField label="Password">
          <Input type="password" value={password} onChange={({ detail }) => setPassword(detail.value)} autoComplete="new-password" />
        </FormField>
        <FormField label="Password again" errorText={differs ? "The two differ." : undefined}>
          <Input type="password" value={repeated} onChange={({ detail }) => setRepeated(detail.value)} autoComplete="new-password" />
        </FormField>
        <Button
          variant="primary"
          formAction="submit"
          loading={making.isPending}
          disabled={!isReady}
        >
          Make this user an administrator
        </Button>
      </SpaceBetween>
    </form>
  );
}
