/** A new password, typed two times; and the secret of a single-use link, which is after the # so that no server or proxy logs it. */
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useEffect, useState } from "react";

/** The secret of the page's link, removed from the URL at once. */
export function useLinkSecret(): string {
  const [secret] = useState(() => decode(window.location.hash.slice(1)));
  useEffect(() => window.history.replaceState(window.history.state, "", window.location.pathname), []);
  return secret;
}

/** Mail programs may encode the characters of a link. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function useNewPassword() {
  const [password, setPassword] = useState("");
  const [repeated, setRepeated] = useState("");
  return { password, setPassword, repeated, setRepeated, isReady: password !== "" && repeated === password };
}

interface NewPasswordFieldsProps {
  fields: ReturnType<typeof useNewPassword>;
  label: string;
}

export function NewPasswordFields({ fields, label }: NewPasswordFieldsProps) {
  const differs = fields.repeated !== "" && fields.repeated !== fields.password;
  return (
    <SpaceBetween size="m">
      <FormField label={label} constraintText="At least 12 characters, such as a few unrelated words.">
        <Input
          type="password"
          value={fields.password}
          onChange={({ detail }) => fields.setPassword(detail.value)}
          autoComplete="new-password"
        />
      </FormField>
      <FormField label={`${label} again`} errorText={differs ? "The passwords are different." : undefined}>
        <Input
          type="password"
          value={fields.repeated}
          onChange={({ detail }) => fields.setRepeated(detail.value)}
          autoComplete="new-password"
        />
      </FormField>
    </SpaceBetween>
  );
}
