/** The second factor: a code of an authenticator app, or a passkey. */
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { FactorBody, FactorKind } from "../api/records";
import { ProblemAlert } from "../shell/ProblemAlert";
import { provePasskey } from "./passkeys";
import { submitting } from "./submitting";

interface FactorFormProps {
  onFactor: (body: FactorBody) => Promise<void>;
  onCancel: () => void;
  submitText: string;
  /** Which ones there are; where that isn't known, both are offered. */
  enrolled?: readonly FactorKind[];
}

export function FactorForm({ onFactor, onCancel, submitText, enrolled }: FactorFormProps) {
  const [code, setCode] = useState("");
  const giving = useMutation({ mutationFn: onFactor, onError: () => setCode(""), meta: { showsErrors: true } });
  const proving = useMutation({
    mutationFn: async () => onFactor({ passkey: await provePasskey() }),
    meta: { showsErrors: true },
  });
  const give = () => {
    proving.reset();
    giving.mutate({ totp: code });
  };
  const prove = () => {
    giving.reset();
    proving.mutate();
  };
  const has = (kind: FactorKind) => !enrolled?.length || enrolled.includes(kind);
  return (
    <form onSubmit={submitting(give, code.length === 6 && !giving.isPending)}>
      <SpaceBetween size="m">
        <ProblemAlert error={giving.error ?? proving.error} />
        {has("totp") && <CodeField code={code} onChange={setCode} label="Code of your authenticator app" />}
        <SpaceBetween size="xs" direction="horizontal">
          {has("totp") && (
            <Button variant="primary" formAction="submit" loading={giving.isPending} disabled={code.length !== 6}>
              {submitText}
            </Button>
          )}
          {has("passkey") && (
            <Button formAction="none" iconName="key" loading={proving.isPending} onClick={prove}>
              Use a passkey
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

export function CodeField({ code, onChange, label }: { code: string; onChange: (code: string) => void; label: string }) {
  return (
    <FormField label={label} constraintText="Six digits. Each code is taken once.">
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
