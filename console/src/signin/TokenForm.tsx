/** An API token instead of a user. It is kept in this page's memory only, and gone when the page is closed or loaded anew. */
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { ProblemAlert } from "../shell/ProblemAlert";
import { signInByToken } from "./sign-in";
import { submitting } from "./submitting";

export function TokenForm() {
  const [token, setToken] = useState("");
  const trying = useMutation({ mutationFn: () => signInByToken(token.trim()), meta: { showsErrors: true } });
  return (
    <form onSubmit={submitting(() => trying.mutate(), token.trim() !== "" && !trying.isPending)}>
      <SpaceBetween size="m">
        <ProblemAlert error={trying.error} />
        <FormField label="API token" description="Kept in this page's memory only. What is done is recorded under the token's name.">
          <Input type="password" value={token} onChange={({ detail }) => setToken(detail.value)} autoComplete="off" />
        </FormField>
        <Button formAction="submit" loading={trying.isPending} disabled={!token.trim()}>
          Use the token
        </Button>
      </SpaceBetween>
    </form>
  );
}
