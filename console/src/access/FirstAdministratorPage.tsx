/** The page that creates the first administrator, from the one-time link that `rootkeeper serve` prints. */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { api, unwrap } from "../api/client";
import { handleSubmit } from "../components/Dialog";
import { ProblemAlert } from "../components/PageFrame";
import { NewPasswordFields, useLinkSecret, useNewPassword } from "./NewPassword";
import { startBrowserSession } from "./sign-in";
import { SignInFrame } from "./SignInPage";

export function FirstAdministratorPage() {
  const linkToken = useLinkSecret();
  return (
    <SignInFrame title="Create the first administrator" description="The administrator can then add all other users.">
      {linkToken ? (
        <FirstAdministratorForm linkToken={linkToken} />
      ) : (
        <Alert type="warning" header="The link is incomplete.">
          Copy the whole link that `rootkeeper serve` printed. It works once, for 24 hours.
        </Alert>
      )}
    </SignInFrame>
  );
}

function FirstAdministratorForm({ linkToken }: { linkToken: string }) {
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const fields = useNewPassword();
  const creating = useMutation({
    mutationFn: async () => {
      const body = { link_token: linkToken, name, password: fields.password };
      startBrowserSession(await unwrap(api.POST("/api/v1/auth/first-administrator", { body })));
    },
    onSuccess: () => void navigate("/", { replace: true }),
    meta: { showsErrors: true },
  });
  const isReady = name !== "" && fields.isReady;
  return (
    <form onSubmit={handleSubmit(() => creating.mutate(), isReady && !creating.isPending)}>
      <SpaceBetween size="m">
        <ProblemAlert error={creating.error} />
        <FormField label="Name" description="The ledger, approvals and CloudTrail show it.">
          <Input value={name} onChange={({ detail }) => setName(detail.value)} autoComplete="username" />
        </FormField>
        <NewPasswordFields fields={fields} label="Password" />
        <Button
          variant="primary"
          formAction="submit"
          loading={creating.isPending}
          disabled={!isReady}
        >
          Create administrator
        </Button>
      </SpaceBetween>
    </form>
  );
}
