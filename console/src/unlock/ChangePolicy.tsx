/** The dialog that changes a policy. The current policy is saved first. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import FileUpload from "@cloudscape-design/components/file-upload";
import FormField from "@cloudscape-design/components/form-field";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import type { ShownPolicy } from "../api/records";
import { Dialog } from "../components/Dialog";
import { ProblemAlert } from "../components/PageFrame";
import { Timestamp } from "../times/Timestamp";
import { type Change, RESOURCE_NOUNS, startPolicyChange } from "./policies";

interface ChangePolicyProps {
  shown: ShownPolicy;
  change: Change;
  onChanged: (jobId: string) => void;
  onClose: () => void;
}

const TITLES: { readonly [change in Change]: string } = {
  corrected: "Correct policy",
  remove: "Remove policy",
  replace: "Replace policy",
  restore: "Restore policy",
};

export function ChangePolicy({ shown, change, onChanged, onClose }: ChangePolicyProps) {
  const [text, setText] = useState("");
  const takesText = change === "replace" || change === "restore";
  return (
    <Dialog
      title={`${TITLES[change]} of ${RESOURCE_NOUNS[shown.service]} ${shown.name}?`}
      submitText={TITLES[change]}
      canSubmit={!takesText || text.trim() !== ""}
      act={() => startPolicyChange(shown, change, takesText ? text : undefined)}
      onDone={(job) => onChanged(job.job_id)}
      onClose={onClose}
    >
      {change === "corrected" && <PolicyDocument title="Policy after the change" policy={shown.corrected_policy} />}
      {change === "remove" && (
        <Box variant="p">This also removes access that the policy gives to other accounts or the public. To keep the other statements, correct the policy instead.</Box>
      )}
      {change === "replace" && <PolicyField text={text} onChange={setText} />}
      {change === "restore" && <RestoreField shown={shown} text={text} onChange={setText} />}
      {shown.policy_text !== null && (
        <Alert type="info">
          The current policy is saved first, and the ledger records its SHA-256 hash. If the policy was changed since it was shown, nothing is changed.
        </Alert>
      )}
    </Dialog>
  );
}

function PolicyField({ text, onChange }: { text: string; onChange: (text: string) => void }) {
  return (
    <FormField label="New policy (JSON)" description="A policy that denies everyone is refused.">
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
        label="Saved copy"
        description="The unchanged file that was saved or downloaded. The ledger must contain its hash. The policy is restored even if it denies everyone."
      >
        <FileUpload
          value={files}
          onChange={({ detail }) => void take(detail.value)}
          accept=".json,application/json"
          i18nStrings={{
            uploadButtonText: () => "Choose file",
            dropzoneText: () => "Drop file here",
            removeFileAriaLabel: () => "Remove file",
            limitShowFewer: "Show fewer",
            limitShowMore: "Show more",
            errorIconAriaLabel: "Error",
          }}
        />
      </FormField>
      {text !== "" && <PolicyDocument title="Content of the file" policy={text} />}
    </SpaceBetween>
  );
}

function SavedCopies({ shown }: { shown: ShownPolicy }) {
  const action = shown.service === "s3" ? ("bucket_policy:save" as const) : ("queue_policy:save" as const);
  const query = { account_id: shown.account_id, action: [action], limit: 100 };
  const found = useQuery({
    queryKey: ["ledger", query],
    queryFn: () => unwrap(api.GET("/api/v1/ledger/latest", { params: { query } })),
  });
  if (found.error) return <ProblemAlert error={found.error} />;
  if (!found.data) return <Box color="text-body-secondary">Loading saved copies</Box>;
  const copies = found.data.entries.filter((entry) => entry.parameters[RESOURCE_NOUNS[shown.service]] === shown.name);
  if (copies.length === 0) return <Box color="text-body-secondary">The ledger has no saved copy of this policy.</Box>;
  return (
    <div>
      <Box variant="awsui-key-label">Saved copies in the ledger</Box>
      <ul className="steps">
        {copies.map((entry) => (
          <li key={entry.sequence}>
            <Timestamp at={entry.at} />, before a change by {entry.actor.name}: <span className="policy">{String(entry.parameters.path)}</span>
            , SHA-256 <span className="policy">{String(entry.parameters.sha256).slice(0, 12)}…</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

export function PolicyDocument({ title, policy }: { title: string; policy: unknown }) {
  return (
    <div>
      <Box variant="awsui-key-label">{title}</Box>
      <pre className="policy" tabIndex={0} aria-label={title}>
        {policy === null ? "No policy. No statements would remain." : typeof policy === "string" ? policy : JSON.stringify(policy, null, 2)}
      </pre>
    </div>
  );
}
