/** Setting up a second factor: a passkey, or an authenticator app by its QR code. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { ask, api } from "../api/client";
import type { TotpSecret } from "../api/records";
import { renewCsrfToken } from "../api/session";
import { ProblemAlert } from "../shell/ProblemAlert";
import { CodeField } from "./FactorForm";
import { makePasskey } from "./passkeys";
import { submitting } from "./submitting";

export function Enrolment({ onEnrolled }: { onEnrolled: () => void }) {
  const secret = useMutation({
    mutationFn: () => ask(api.POST("/api/v1/me/factors/totp")),
    meta: { showsErrors: true },
  });
  const passkey = useMutation({
    mutationFn: async () => {
      const body = { passkey: await makePasskey(), name: null };
      renewCsrfToken(await ask(api.POST("/api/v1/me/factors/passkeys", { body })));
    },
    onSuccess: onEnrolled,
    meta: { showsErrors: true },
  });
  if (secret.data) return <AuthenticatorApp secret={secret.data} onEnrolled={onEnrolled} />;
  return (
    <SpaceBetween size="m">
      <ProblemAlert error={secret.error ?? passkey.error} />
      <Box variant="p">
        A passkey lives in this device, a phone or a security key. An authenticator app shows a new code every 30 seconds.
      </Box>
      <SpaceBetween size="xs" direction="horizontal">
        <Button variant="primary" iconName="key" loading={passkey.isPending} onClick={() => passkey.mutate()}>
          Make a passkey
        </Button>
        <Button loading={secret.isPending} onClick={() => secret.mutate()}>
          Use an authenticator app
        </Button>
      </SpaceBetween>
    </SpaceBetween>
  );
}

function AuthenticatorApp({ secret, onEnrolled }: { secret: TotpSecret; onEnrolled: () => void }) {
  const [code, setCode] = useState("");
  const confirming = useMutation({
    mutationFn: async () =>
      renewCsrfToken(await ask(api.POST("/api/v1/me/factors/totp/confirm", { body: { code } }))),
    onSuccess: onEnrolled,
    onError: () => setCode(""),
    meta: { showsErrors: true },
  });
  return (
    <form onSubmit={submitting(() => confirming.mutate(), code.length === 6 && !confirming.isPending)}>
      <SpaceBetween size="m">
        <ProblemAlert error={confirming.error} />
        <Box variant="p">Scan this with the app, or type the secret into it.</Box>
        <img className="qr-code" alt="QR code of the secret" src={imageOf(secret.qr_svg)} />
        <CopyToClipboard
          variant="inline"
          textToCopy={secret.secret}
          copyButtonAriaLabel="Copy the secret"
          copySuccessText="Copied"
          copyErrorText="The browser didn't copy it: select it by hand."
        />
        <CodeField code={code} onChange={setCode} label="The code that the app shows now" />
        <Button variant="primary" formAction="submit" loading={confirming.isPending} disabled={code.length !== 6}>
          Confirm
        </Button>
      </SpaceBetween>
    </form>
  );
}

/** As an image it can't run anything, whatever is in it. */
function imageOf(svg: string): string {
  return `data:image/svg+xml;utf8,${encodeURIComponent(svg)}`;
}
