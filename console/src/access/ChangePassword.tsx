/** The signed-in user changes the own password. */
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import { Dialog } from "../components/Dialog";
import { notify } from "../components/notices";
import { NewPasswordFields, useNewPassword } from "./NewPassword";

export function ChangePassword({ onClose }: { onClose: () => void }) {
  const [password, setPassword] = useState("");
  const fields = useNewPassword();
  const body = { password, new_password: fields.password };
  return (
    <Dialog
      title="Change your password"
      submitText="Change password"
      canSubmit={password !== "" && fields.isReady}
      act={() => unwrap(api.POST("/api/v1/me/password", { body }))}
      onDone={() => {
        notify("success", "Your password was changed.", "Your other sign-ins have ended.");
        void queries.invalidateQueries({ queryKey: ["sessions"] });
      }}
      onClose={onClose}
    >
      <FormField label="Current password">
        <Input type="password" value={password} onChange={({ detail }) => setPassword(detail.value)} autoComplete="current-password" />
      </FormField>
      <NewPasswordFields fields={fields} label="New password" />
    </Dialog>
  );
}
