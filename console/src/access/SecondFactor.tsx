/** The second factor: set up, entered at sign-in, and confirmed before a sensitive action. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import { useObservable } from "../api/observable";
import { ProblemError } from "../api/problems";
import type { FactorBody, FactorKind, TotpSecret } from "../api/records";
import { renewCsrfToken, stepUpRequest } from "../api/session";
import { handleSubmit, isDeliberate, useFocusOnFirstField } from "../components/Dialog";
import { ProblemAlert } from "../components/PageFrame";
import { ConfirmAtProvider } from "./IdentityProvider";
import { createPasskey, signWithPasskey, useSignInMethods } from "./sign-in";

interface FactorFormProps {
  onFactor: (body: FactorBody) => Promise<void>;
  onCancel: () => void;
  submitText: string;
  /** Whether the sixth digit submits the code. */
  submitsItself?: boolean;
  /** The kinds that the user has set up. If it isn't known, both are offered. */
  enrolled?: readonly FactorKind[];
}

export function FactorForm({ onFactor, onCancel, submitText, submitsItself, enrolled }: FactorFormProps) {
  const [code, setCode] = useState("");
  const submittingCode = useMutation({
    mutationFn: onFactor,
    onError: (error) => error instanceof ProblemError && setCode(""),
    meta: { showsErrors: true },
  });
  const usingPasskey = useMutation({
    mutationFn: async () => onFactor({ passkey: await signWithPasskey() }),
    meta: { showsErrors: true },
  });
  const submitCode = (totp: string) => {
    usingPasskey.reset();
    submittingCode.mutate({ totp });
  };
  const enterCode = (entered: string) => {
    setCode(entered);
    if (submitsItself && entered.length === 6 && entered !== code && !submittingCode.isPending) submitCode(entered);
  };
  const submitPasskey = () => {
    submittingCode.reset();
    usingPasskey.mutate();
  };
  const offers = (kind: FactorKind) => !enrolled?.length || enrolled.includes(kind);
  return (
    <form onSubmit={handleSubmit(() => submitCode(code), code.length === 6 && !submittingCode.isPending)}>
      <SpaceBetween size="m">
        <ProblemAlert error={submittingCode.error ?? usingPasskey.error} />
        {offers("totp") && (
          <CodeField code={code} onChange={enterCode} label="Code of your authenticator app" submitsItself={submitsItself} />
        )}
        <SpaceBetween size="xs" direction="horizontal">
          {offers("totp") && (
            <Button variant="primary" formAction="submit" loading={submittingCode.isPending} disabled={code.length !== 6}>
              {submitText}
            </Button>
          )}
          {offers("passkey") && (
            <Button formAction="none" iconName="key" loading={usingPasskey.isPending} onClick={submitPasskey}>
              Use passkey
            </Button>
          )}
          <Button variant="link" formAction="none" onClick={onCancel}>
            Cancel
          </Button>
        </SpaceBetween>
      </SpaceBetween>
    </form>
  );
}

interface CodeFieldProps {
  code: string;
  onChange: (code: string) => void;
  label: string;
  submitsItself?: boolean;
}

function CodeField({ code, onChange, label, submitsItself }: CodeFieldProps) {
  return (
    <FormField label={label} constraintText={`Six digits. ${submitsItself ? "The sixth signs you in. " : ""}Each code works once.`}>
      <Input
        value={code}
        onChange={({ detail }) => onChange(detail.value.replace(/\D/g, "").slice(0, 6))}
        inputMode="numeric"
        autoComplete="one-time-code"
        name="code"
        autoFocus
      />
    </FormField>
  );
}

export function StepUp({ enrolled }: { enrolled: readonly FactorKind[] }) {
  const request = useObservable(stepUpRequest);
  return request && <StepUpDialog request={request} enrolled={enrolled} />;
}

interface StepUpDialogProps {
  request: NonNullable<ReturnType<typeof stepUpRequest.get>>;
  enrolled: readonly FactorKind[];
}

function StepUpDialog({ request, enrolled }: StepUpDialogProps) {
  const methods = useSignInMethods();
  const content = useFocusOnFirstField<HTMLDivElement>();
  const confirmFactor = async (body: FactorBody) => {
    renewCsrfToken(await unwrap(api.POST("/api/v1/auth/step-up", { body })));
    request.confirm();
  };
  return (
    <Modal visible header="Confirm your identity" onDismiss={({ detail }) => isDeliberate(detail.reason) && request.decline()}>
      <div ref={content}>
        <SpaceBetween size="m">
          <Box variant="p">This action requires your second factor. The confirmation is valid for five minutes.</Box>
          {enrolled.length === 0 && <ConfirmAtProvider />}
          {(enrolled.length > 0 || !methods.data?.oidc) && (
            <FactorForm onFactor={confirmFactor} onCancel={request.decline} submitText="Confirm" enrolled={enrolled} />
          )}
        </SpaceBetween>
      </div>
    </Modal>
  );
}

export function SecondFactorSetup({ onEnrolled }: { onEnrolled: () => void }) {
  const secret = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/me/factors/totp")),
    meta: { showsErrors: true },
  });
  const passkey = useMutation({
    mutationFn: async () => {
      const body = { passkey: await createPasskey(), name: null };
      renewCsrfToken(await unwrap(api.POST("/api/v1/me/factors/passkeys", { body })));
    },
    onSuccess: onEnrolled,
    meta: { showsErrors: true },
  });
  if (secret.data) return <AuthenticatorApp secret={secret.data} onEnrolled={onEnrolled} />;
  return (
    <SpaceBetween size="m">
      <ProblemAlert error={secret.error ?? passkey.error} />
      <Box variant="p">
        A passkey is stored on this device, a phone or a security key. An authenticator app shows a new code every 30 seconds.
      </Box>
      <SpaceBetween size="xs" direction="horizontal">
        <Button variant="primary" iconName="key" loading={passkey.isPending} onClick={() => passkey.mutate()}>
          Create passkey
        </Button>
        <Button loading={secret.isPending} onClick={() => secret.mutate()}>
          Use authenticator app
        </Button>
      </SpaceBetween>
    </SpaceBetween>
  );
}

function AuthenticatorApp({ secret, onEnrolled }: { secret: TotpSecret; onEnrolled: () => void }) {
  const [code, setCode] = useState("");
  const confirming = useMutation({
    mutationFn: async () =>
      renewCsrfToken(await unwrap(api.POST("/api/v1/me/factors/totp/confirm", { body: { code } }))),
    onSuccess: onEnrolled,
    onError: () => setCode(""),
    meta: { showsErrors: true },
  });
  return (
    <form onSubmit={handleSubmit(() => confirming.mutate(), code.length === 6 && !confirming.isPending)}>
      <SpaceBetween size="m">
        <ProblemAlert error={confirming.error} />
        <Box variant="p">Scan this code with the app, or enter the secret in the app.</Box>
        <img className="qr-code" alt="QR code of the secret" src={toImageSource(secret.qr_svg)} />
        <CopyToClipboard
          variant="inline"
          textToCopy={secret.secret}
          copyButtonAriaLabel="Copy the secret"
          copySuccessText="Copied"
          copyErrorText="The browser couldn't copy it. Select the text and copy it."
        />
        <CodeField code={code} onChange={setCode} label="Current code of the app" />
        <Button variant="primary" formAction="submit" loading={confirming.isPending} disabled={code.length !== 6}>
          Confirm
        </Button>
      </SpaceBetween>
    </form>
  );
}

/** As an image, the SVG can't run scripts. */
function toImageSource(svg: string): string {
  return `data:image/svg+xml;utf8,${encodeURIComponent(svg)}`;
}
