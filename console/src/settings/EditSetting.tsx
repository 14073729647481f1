/** The dialog that changes a setting, with a reason. The server asks for a second factor. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import type { Setting } from "../api/records";
import { Dialog } from "../components/Dialog";
import { notify } from "../components/notices";
import { changeSetting, describeLength, describeValue, parseSetting, refreshSettings, renderSetting, SETTING_TEXTS } from "./editable";
import { TimesField } from "./TimesField";

interface EditSettingProps {
  setting: Setting;
  onClose: () => void;
}

export function EditSetting({ setting, onClose }: EditSettingProps) {
  const { label, form } = SETTING_TEXTS[setting.name];
  const [text, setText] = useState(renderSetting(setting.value));
  const [reason, setReason] = useState("");
  const value = parseSetting(text, form);
  return (
    <Dialog
      title={`Change setting: ${label}`}
      submitText="Change setting"
      canSubmit={value !== null && reason.trim() !== "" && renderSetting(value) !== renderSetting(setting.value)}
      act={() => changeSetting(setting, value, reason)}
      onDone={() => finishChange(`Setting changed: ${label}`)}
      onClose={onClose}
    >
      <ValueField setting={setting} text={text} onChange={setText} />
      <ReasonField reason={reason} onChange={setReason} />
    </Dialog>
  );
}

interface ValueFieldProps {
  setting: Setting;
  text: string;
  onChange: (text: string) => void;
}

function ValueField({ setting, text, onChange }: ValueFieldProps) {
  const { label, description, form, entry, empty } = SETTING_TEXTS[setting.name];
  if (form === "times") return <TimesField description={description} text={text} onChange={onChange} />;
  if (form === "entries")
    return (
      <FormField label={label} description={description} constraintText={`${entry} Without an entry: ${lower(empty ?? "none")}.`} stretch>
        <Textarea value={text} rows={4} spellcheck={false} onChange={({ detail }) => onChange(detail.value)} />
      </FormField>
    );
  return (
    <FormField label={label} description={description} constraintText={describeBounds(setting, form)}>
      <Input value={text} inputMode={form === "number" ? "numeric" : "text"} onChange={({ detail }) => onChange(detail.value)} />
    </FormField>
  );
}

export function ResetSetting({ setting, onClose }: EditSettingProps) {
  const { label } = SETTING_TEXTS[setting.name];
  const [reason, setReason] = useState("");
  return (
    <Dialog
      title={`Reset setting: ${label}`}
      submitText="Reset setting"
      canSubmit={reason.trim() !== ""}
      act={() => changeSetting(setting, null, reason)}
      onDone={() => finishChange(`Setting reset: ${label}`)}
      onClose={onClose}
    >
      <Box variant="p">
        The change in the console ends. Then the value of the server holds again: {describeValue(setting.name, setting.configured).split("\n").join("; ")}.
      </Box>
      <ReasonField reason={reason} onChange={setReason} />
    </Dialog>
  );
}

export function ReasonField({ reason, onChange }: { reason: string; onChange: (reason: string) => void }) {
  return (
    <SpaceBetween size="m">
      <FormField label="Reason" description="The ledger records it with your name, the old value and the new one.">
        <Textarea value={reason} rows={2} onChange={({ detail }) => onChange(detail.value)} />
      </FormField>
      <Alert type="info">It holds at once, on every server and worker of this database.</Alert>
    </SpaceBetween>
  );
}

export function finishChange(text: string): void {
  refreshSettings();
  notify("success", text);
}

function describeBounds({ bounds }: Setting, form: string): string {
  const range = bounds ? `From ${describeLength(bounds.least)} to ${describeLength(bounds.most)}. ` : "";
  if (form === "days") return `${range}A whole number of days, such as 800d.`;
  return form === "length" ? `${range}A whole number and s, m, h or d, such as 8h.` : `${range}A whole number.`;
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
