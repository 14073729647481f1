/** The question before a policy is changed: what goes, what stands there then, and that the one of now is saved. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import FileUpload from "@cloudscape-design/components/file-upload";
import FormField from "@cloudscape-design/components/form-field";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import type { ShownPolicy } from "../api/records";
import { Dialog } from "../settings/Dialog";
import { Document } from "./Document";
import { askForChange, NOUNS, type Change } from "./policies";
import { SavedCopies } from "./SavedCopies";

interface ChangePolicyProps {
  shown: ShownPolicy;
  change: Change;
  onChanged: (jobId: string) => void;
  onClose: () => void;
}

const TITLES: { readonly [change in Change]: string } = {
  corrected: "Correct the policy",
  remove: "Remove the policy",
  replace: "Replace the policy",
  restore: "Put a saved copy back",
};

export function ChangePolicy({ shown, change, onChanged, onClose }: ChangePolicyProps) {
  const [text, setText] = useState("");
  const takesText = change === "replace" || change === "restore";
  return (
    <Dialog
      title={`${TITLES[change]} ${change === "restore" ? "on" : "of"} ${NOUNS[shown.service]} ${shown.name}?`}
      submitText={TITLES[change]}
      canSubmit={!takesText || text.trim() !== ""}
      act={() => askForChange(shown, change, takesText ? text : undefined)}
      onDone={(job) => onChanged(job.job_id)}
      onClose={onClose}
    >
      {change === "corrected" && <Document title="This will stand there" policy={shown.corrected_policy} />}
      {change === "remove" && (
        <Box variant="p">What it allowed to other accounts or to the public goes too. Correcting it keeps the other statements.</Box>
      )}
      {change === "replace" && <PolicyField text={text} onChange={setText} />}
      {change === "restore" && <RestoreField shown={shown} text={text} onChange={setText} />}
      {shown.policy_text !== null && (
        <Alert type="info">
          The policy of now is saved first, and its SHA-256 goes to the ledger. If somebody changed it since it was shown, nothing is done.
        </Alert>
      )}
    </Dialog>
  );
}

function PolicyField({ text, onChange }: { text: string; onChange: (text: string) => void }) {
  return (
    <FormField label="The new policy, as JSON" description="One that would lock everyone out again is refused.">
      <Textarea value={text} onChange={({ detail }) => onChange(detail.value)} rows={12} spellcheck={false} />
    </FormField>
  );
}

function RestoreField({ shown, text, onChange }: { shown: ShownPolicy; text: string; onChange: (text: string) => void }) {
  const [files, setFiles] = useState<File[]>([]);
  const take = async (chosen: File[]) => {
    setFiles(chosen);
    onChange(chosen[0] ? await chosen[0].text() : "");
  };
  return (
    <SpaceBetween size="m">
      <SavedCopies shown={shown} />
      <FormField
        label="The saved copy"
        description="The file as it was saved or downloaded, unchanged: it must be a copy that the ledger knows. It is put back even if it locks."
      >
        <FileUpload
          value={files}
          onChange={({ detail }) => void take(detail.value)}
          accept=".json,application/json"
          i18nStrings={{
            uploadButtonText: () => "Choose a file",
            dropzoneText: () => "Drop the file here",
            removeFileAriaLabel: () => "Remove the file",
            limitShowFewer: "Show fewer",
            limitShowMore: "Show more",
            errorIconAriaLabel: "Error",
          }}
        />
      </FormField>
      {text !== "" && <Document title="It says" policy={text} />}
    </SpaceBetween>
  );
}
