/** The dialogs that add, change and remove a target of notifications. No URL is entered: only a reference to it. */
import Box from "@cloudscape-design/components/box";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import { useState } from "react";
import type { NotificationTarget, Setting } from "../api/records";
import { ChoiceField } from "../components/ChoiceField";
import { Dialog } from "../components/Dialog";
import { changeSetting } from "./editable";
import { finishChange, ReasonField } from "./EditSetting";
import { findEntry, isComplete, looksLikeUrl, type ReferenceKind, renderTarget, SEVERITY_LABELS, type Severity, type TargetDraft, toDraft } from "./targets";

const SEVERITIES = Object.entries(SEVERITY_LABELS).map(([value, label]) => ({ value: value as Severity, label }));
const KINDS: readonly { value: ReferenceKind; label: string }[] = [
  { value: "env", label: "Environment variable of the server" },
  { value: "file", label: "File of the server" },
];
const NEW: TargetDraft = { name: "", severity: "warning", kind: "env", place: "" };

interface EditTargetProps {
  setting: Setting;
  /** `null`: a new target. */
  target: NotificationTarget | null;
  onClose: () => void;
}

export function EditTarget({ setting, target, onClose }: EditTargetProps) {
  const [draft, setDraft] = useState(target ? toDraft(target) : NEW);
  const [reason, setReason] = useState("");
  const change = (changed: Partial<TargetDraft>) => setDraft({ ...draft, ...changed });
  const entries = listEntries(setting);
  const old = target && findEntry(entries, target.target);
  const added = renderTarget(draft);
  const value = old ? entries.map((entry) => (entry === old ? added : entry)) : [...entries, added];
  const title = target ? `Change target ${target.target}` : "Add target";
  return (
    <Dialog
      title={title}
      submitText={target ? "Change target" : "Add target"}
      canSubmit={isComplete(draft) && reason.trim() !== "" && added !== old}
      act={() => changeSetting(setting, value, reason)}
      onDone={() => finishChange(`Target ${draft.name} ${target ? "changed" : "added"}. Send a test message to see whether it arrives.`)}
      onClose={onClose}
    >
      <FormField label="Name" constraintText="Letters, digits, dots and dashes, such as oncall.">
        <Input value={draft.name} onChange={({ detail }) => change({ name: detail.value })} />
      </FormField>
      <ChoiceField label="Gets" options={SEVERITIES} value={draft.severity} onChange={(severity) => change({ severity })} />
      <ChoiceField
        label="Its URL is in"
        description="The URL contains a token. It stays on the server, and is shown and kept nowhere else."
        options={KINDS}
        value={draft.kind}
        onChange={(kind) => change({ kind })}
      />
      <PlaceField draft={draft} onChange={(place) => change({ place })} />
      <ReasonField reason={reason} onChange={setReason} />
    </Dialog>
  );
}

function PlaceField({ draft: { kind, place }, onChange }: { draft: TargetDraft; onChange: (place: string) => void }) {
  const isVariable = kind === "env";
  const problem = looksLikeUrl(place) ? "This is a URL. Put it in a variable or a file of the server, and enter the name here." : undefined;
  return (
    <FormField
      label={isVariable ? "Name of the variable" : "Path of the file"}
      constraintText={isVariable ? "Such as ONCALL_URL. Each server and worker needs it." : "Such as /run/secrets/oncall. Only the server's user and at most a group may read it."}
      errorText={problem}
    >
      <Input value={place} spellcheck={false} autoComplete={false} onChange={({ detail }) => onChange(detail.value)} />
    </FormField>
  );
}

export function RemoveTarget({ setting, target, onClose }: EditTargetProps & { target: NotificationTarget }) {
  const [reason, setReason] = useState("");
  const entries = listEntries(setting);
  const removed = findEntry(entries, target.target);
  return (
    <Dialog
      title={`Remove target ${target.target}`}
      submitText="Remove target"
      canSubmit={reason.trim() !== ""}
      act={() =>
        changeSetting(
          setting,
          entries.filter((entry) => entry !== removed),
          reason,
        )
      }
      onDone={() => finishChange(`Target ${target.target} removed.`)}
      onClose={onClose}
    >
      <Box variant="p">It gets no further message. Messages that wait for it aren&apos;t sent.</Box>
      <ReasonField reason={reason} onChange={setReason} />
    </Dialog>
  );
}

function listEntries({ value }: Setting): string[] {
  return Array.isArray(value) ? value : [];
}
