/** Name and password of a user of this server. */
import Button from "@cloudscape-design/components/button";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { ProblemAlert } from "../shell/ProblemAlert";
import { signIn } from "./sign-in";
import { submitting } from "./submitting";

export function PasswordForm() {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const signingIn = useMutation({ mutationFn: () => signIn(name, password), meta: { showsErrors: true } });
  const isReady = name !== "" && password !== "";
  return (
    <form onSubmit={submitting(() => signingIn.mutate(), isReady && !signingIn.isPending)}>
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
