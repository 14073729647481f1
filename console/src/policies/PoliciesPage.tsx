/** The page of shipped policies: roles, guardrails, alarms and infrastructure code, to read, copy and download. */
import CodeView from "@cloudscape-design/code-view/code-view";
import { createHighlight } from "@cloudscape-design/code-view/highlight";
import highlightJson from "@cloudscape-design/code-view/highlight/json";
import highlightYaml from "@cloudscape-design/code-view/highlight/yaml";
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Select, { type SelectProps } from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { TerraformHighlightRules } from "ace-code/src/mode/terraform_highlight_rules";
import { useState } from "react";
import { useSearchParams } from "react-router";
import { api, unwrap } from "../api/client";
import { saveText } from "../api/downloads";
import type { PolicyText } from "../api/records";
import { handleSubmit } from "../components/Dialog";
import { PageFrame, QueryPlaceholder } from "../components/PageFrame";

interface PolicyInputs {
  trusted: string;
  server: string;
  bucket: string;
}

const NO_INPUTS: PolicyInputs = { trusted: "", server: "", bucket: "" };
const HIGHLIGHT = { hcl: createHighlight(new TerraformHighlightRules()), json: highlightJson, yaml: highlightYaml } as const;
const MEDIA_TYPES = { hcl: "text/plain", json: "application/json", yaml: "text/yaml" } as const;

export default function PoliciesPage() {
  const [parameters, setParameters] = useSearchParams();
  const [inputs, setInputs] = useState(NO_INPUTS);
  const policies = useQuery({
    queryKey: ["policies", inputs],
    queryFn: () => unwrap(api.GET("/api/v1/policies", { params: { query: makeQuery(inputs) } })),
    staleTime: 60_000,
  });
  const documents = policies.data?.documents ?? [];
  const shown = documents.find((one) => one.file_name === parameters.get("file")) ?? documents[0];
  return (
    <PageFrame
      title="Shipped policies"
      description="The least permissions that Rootkeeper needs, guardrails that keep root closed, and alarms, made for this organization. Nothing is deployed from here."
    >
      <SpaceBetween size="l">
        <FittingForm onSubmit={setInputs} isPending={policies.isFetching} />
        {policies.data?.remarks.map((remark) => (
          <Alert key={remark} type="info">
            {remark}
          </Alert>
        ))}
        {shown ? (
          <SpaceBetween size="m">
            <DocumentSelect
              documents={documents}
              shown={shown}
              onChange={(file) => setParameters({ file }, { replace: true })}
            />
            <PolicyCode document={shown} notCovered={shown.form === "alarms" ? (policies.data?.not_covered ?? []) : []} />
          </SpaceBetween>
        ) : (
          <QueryPlaceholder query={policies} height="30rem" />
        )}
      </SpaceBetween>
    </PageFrame>
  );
}

function makeQuery({ trusted, server, bucket }: PolicyInputs) {
  const principals = trusted.split(/[\s,]+/).filter((one) => one !== "");
  return {
    trusted_principal: principals.length ? principals : undefined,
    server_role_arn: server.trim() || undefined,
    report_bucket: bucket.trim() || undefined,
  };
}

function FittingForm({ onSubmit, isPending }: { onSubmit: (inputs: PolicyInputs) => void; isPending: boolean }) {
  const [inputs, setInputs] = useState(NO_INPUTS);
  const change = (changed: Partial<PolicyInputs>) => setInputs({ ...inputs, ...changed });
  return (
    <ExpandableSection variant="container" headerText="Fit the policies to your organization">
      <form onSubmit={handleSubmit(() => onSubmit(inputs), !isPending)}>
        <SpaceBetween size="m">
          <FormField
            label="Role of this server - optional"
            description="The server can then assume the roles, only in the name of a person."
            constraintText="An ARN, such as arn:aws:iam::111122223333:role/rootkeeper-server."
          >
            <Input value={inputs.server} onChange={({ detail }) => change({ server: detail.value })} />
          </FormField>
          <FormField
            label="Trusted principals - optional"
            description="Who can assume the roles without a server. Default: the account of the roles, with MFA."
            constraintText="ARNs or account ids, separated by commas."
          >
            <Input value={inputs.trusted} onChange={({ detail }) => change({ trusted: detail.value })} />
          </FormField>
          <FormField
            label="Bucket of reports - optional"
            description="The role rootkeeper-report can then put reports there."
            constraintText="s3://BUCKET/PREFIX"
          >
            <Input value={inputs.bucket} onChange={({ detail }) => change({ bucket: detail.value })} />
          </FormField>
          <Button formAction="submit" loading={isPending}>
            Update policies
          </Button>
        </SpaceBetween>
      </form>
    </ExpandableSection>
  );
}

const GROUPS: readonly { label: string; forms: readonly PolicyText["form"][] }[] = [
  { label: "Permissions of a role", forms: ["permissions"] },
  { label: "Trust of a role", forms: ["trust"] },
  { label: "Service control policies", forms: ["scp"] },
  { label: "Infrastructure code", forms: ["cloudformation", "terraform"] },
  { label: "Alarms", forms: ["alarms"] },
];

interface DocumentSelectProps {
  documents: readonly PolicyText[];
  shown: PolicyText;
  onChange: (fileName: string) => void;
}

function DocumentSelect({ documents, shown, onChange }: DocumentSelectProps) {
  const describe = (one: PolicyText): SelectProps.Option => ({ value: one.file_name, label: one.title, description: one.description });
  return (
    <FormField label="Policy">
      <Select
        selectedOption={{ value: shown.file_name, label: shown.title }}
        options={GROUPS.map(({ label, forms }) => ({
          label,
          options: documents.filter(({ form }) => forms.includes(form)).map(describe),
        }))}
        filteringType="auto"
        filteringPlaceholder="Find a policy"
        onChange={({ detail }) => onChange(detail.selectedOption.value ?? shown.file_name)}
      />
    </FormField>
  );
}

function PolicyCode({ document: shown, notCovered }: { document: PolicyText; notCovered: readonly string[] }) {
  const { content, file_name: name, language } = shown;
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={shown.description}
          actions={
            <SpaceBetween size="xs" direction="horizontal">
              <CopyToClipboard
                copyButtonText="Copy policy"
                textToCopy={content}
                copySuccessText="Copied"
                copyErrorText="The browser couldn't copy it. Select the text and copy it."
              />
              <Button iconName="download" onClick={() => saveText(content, name, MEDIA_TYPES[language])}>
                Download policy
              </Button>
            </SpaceBetween>
          }
        >
          {shown.title}
        </Header>
      }
    >
      <SpaceBetween size="m">
        {notCovered.length > 0 && (
          <Alert type="warning" header="Not covered by the alarms">
            <ul className="plain">
              {notCovered.map((sentence) => (
                <li key={sentence}>{sentence}</li>
              ))}
            </ul>
          </Alert>
        )}
        <CodeView
          content={content}
          ariaLabel={name}
          highlight={HIGHLIGHT[language]}
          lineNumbers
          wrapLines
          i18nStrings={{ lineNumberLabel: "Line", codeLabel: "Text" }}
        />
      </SpaceBetween>
    </Container>
  );
}
