/** The page on which a person sets the password, from the single-use link of an invitation or a reset. */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { api, unwrap } from "../api/client";
import { handleSubmit } from "../components/Dialog";
import { ProblemAlert } from "../components/PageFrame";
import { NewPasswordFields, useLinkSecret, useNewPassword } from "./NewPassword";
import { startBrowserSession } from "./sign-in";
import { SignInFrame } from "./SignInPage";

export function SetPasswordPage() {
  const linkToken = useLinkSecret();
  return (
    <SignInFrame title="Set your password" description="No one else knows it. A second factor follows if your role needs one.">
      {linkToken.includes(".") ? (
        <SetPasswordForm linkToken={linkToken} />
      ) : (
        <Alert type="warning" header="The link is incomplete.">
          Copy the whole link that you were given. It works once, for 24 hours.
        </Alert>
      )}
    </SignInFrame>
  );
}

function SetPasswordForm({ linkToken }: { linkToken: string }) {
  const navigate = useNavigate();
  const fields = useNewPassword();
  const setting = useMutation({
    mutationFn: async () => {
      const body = { link_token: linkToken, password: fields.password };
      startBrowserSession(await unwrap(api.POST("/api/v1/auth/password-link", { body })));
    },
    onSuccess: () => void navigate("/", { replace: true }),
    meta: { showsErrors: true },
  });
  return (
    <form onSubmit={handleSubmit(() => setting.mutate(), fields.isReady && !setting.isPending)}>
      <SpaceBetween size="m">
        <ProblemAlert error={setting.error} />
        <FormField label="Name" description="You sign in with it.">
          <Input value={linkToken.slice(0, linkToken.lastIndexOf("."))} readOnly autoComplete="username" />
        </FormField>
        <NewPasswordFields fields={fields} label="Password" />
        <Button variant="primary" formAction="submit" loading={setting.isPending} disabled={!fields.isReady}>
          Set password and sign in
        </Button>
      </SpaceBetween>
    </form>
  );
}
