/** The dialog that changes a setting, with a reason. The server asks for a second factor. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import type { Setting } from "../api/records";
import { Dialog } from "../components/Dialog";
import { notify } from "../components/notices";
import { parseSetting, refreshSettings, renderSetting, SETTING_TEXTS } from "./editable";

interface EditSettingProps {
  setting: Setting;
  onClose: () => void;
}

export function EditSetting({ setting, onClose }: EditSettingProps) {
  const { label, description, form } = SETTING_TEXTS[setting.name];
  const [text, setText] = useState(renderSetting(setting.value));
  const [reason, setReason] = useState("");
  const value = parseSetting(text, form);
  const change = () => changeSetting(setting, value, reason);
  return (
    <Dialog
      title={`Change setting: ${label}`}
      submitText="Change setting"
      canSubmit={value !== null && reason.trim() !== "" && renderSetting(value) !== renderSetting(setting.value)}
      act={change}
      onDone={() => finish(`Setting changed: ${label}`)}
      onClose={onClose}
    >
      {form === "times" ? (
        <FormField
          label="Times"
          description={description}
          constraintText="One time per line: minute, hour, day, month, weekday and time zone, such as 0 6 * * * Europe/Berlin. Empty: never."
          stretch
        >
          <Textarea value={text} rows={4} spellcheck={false} onChange={({ detail }) => setText(detail.value)} />
        </FormField>
      ) : (
        <FormField label={label} description={description} constraintText={describeBounds(setting, form)}>
          <Input value={text} inputMode={form === "number" ? "numeric" : "text"} onChange={({ detail }) => setText(detail.value)} />
        </FormField>
      )}
      <ReasonField reason={reason} onChange={setReason} />
    </Dialog>
  );
}

export function ResetSetting({ setting, onClose }: EditSettingProps) {
  const { label } = SETTING_TEXTS[setting.name];
  const [reason, setReason] = useState("");
  const configured = renderSetting(setting.configured);
  return (
    <Dialog
      title={`Reset setting: ${label}`}
      submitText="Reset setting"
      canSubmit={reason.trim() !== ""}
      act={() => changeSetting(setting, null, reason)}
      onDone={() => finish(`Setting reset: ${label}`)}
      onClose={onClose}
    >
      <Box variant="p">
        The change in the console ends. {configured === "" ? "Then the task has no times." : `Then the value of the server holds again: ${configured}.`}
      </Box>
      <ReasonField reason={reason} onChange={setReason} />
    </Dialog>
  );
}

function ReasonField({ reason, onChange }: { reason: string; onChange: (reason: string) => void }) {
  return (
    <SpaceBetween size="m">
      <FormField label="Reason" description="The ledger records it with your name, the old value and the new one.">
        <Textarea value={reason} rows={2} onChange={({ detail }) => onChange(detail.value)} />
      </FormField>
      <Alert type="info">It holds at once, on every server and worker of this database.</Alert>
    </SpaceBetween>
  );
}

function describeBounds({ bounds }: Setting, form: string): string {
  const range = bounds ? `From ${bounds.least} to ${bounds.most}. ` : "";
  return form === "length" ? `${range}A whole number and s, m, h or d, such as 8h.` : `${range}A whole number.`;
}

function changeSetting({ name, value: previous }: Setting, value: Setting["value"] | null, reason: string) {
  const body = { value, previous, reason: reason.trim() };
  return unwrap(api.POST("/api/v1/settings/{name}", { params: { path: { name } }, body }));
}

function finish(text: string): void {
  refreshSettings();
  notify("success", text);
}
