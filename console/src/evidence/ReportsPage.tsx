/** The reports page: evidence of a period, and stored audits. */
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Multiselect from "@cloudscape-design/components/multiselect";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import { useState } from "react";
import { hasPermission, useMe, usePolicy } from "../api/queries";
import { handleSubmit } from "../components/Dialog";
import { PageFrame, ProblemAlert } from "../components/PageFrame";
import { nameFramework, useFrameworks } from "../controls/controls";
import { AuditHistory } from "../history/AuditHistory";
import { useUrlParameter } from "../tables/url-filter";
import { PeriodPicker } from "../components/PeriodPicker";
import { type ChosenPeriod, type Period, usePeriod } from "../times/periods";
import { FormatSelect } from "../components/FormatSelect";
import { CoverageCalendar } from "./Coverage";
import { ReportDownloadState, useReportDownload } from "./ReportDownload";

const SECONDS_OF_DAY = 86_400;

export default function ReportsPage() {
  const { data: me } = useMe();
  const [tab, setTab] = useUrlParameter("tab");
  const tabs = [
    ...(hasPermission(me, "reports:read") ? [{ id: "evidence", label: "Evidence", content: <Evidence /> }] : []),
    { id: "audits", label: "Audits and changes", content: <AuditHistory /> },
  ];
  return (
    <PageFrame title="Reports" description="Reports use what this server has read and recorded. They make no AWS calls.">
      <Tabs
        ariaLabel="Reports"
        tabs={tabs}
        activeTabId={tab ?? tabs[0]?.id}
        onChange={({ detail }) => setTab(detail.activeTabId)}
      />
    </PageFrame>
  );
}

function Evidence() {
  const chosen = usePeriod("last-90-days");
  return (
    <SpaceBetween size="l">
      <EvidenceForm chosen={chosen} />
      <CoverageCalendar days={chosen.problem === null ? chosen.days : null} />
    </SpaceBetween>
  );
}

function EvidenceForm({ chosen }: { chosen: ChosenPeriod }) {
  const [format, setFormat] = useState("html");
  const [staleDays, setStaleDays] = useState("");
  const [frameworks, setFrameworks] = useState<readonly string[]>([]);
  const usualDays = useUsualDays();
  const problem = chosen.problem ?? findProblem(staleDays);
  const canDownload = problem === null && chosen.period !== null;
  const downloading = useReportDownload(() => makeQuery({ ...chosen.period, format, staleDays, frameworks }));
  return (
    <form onSubmit={handleSubmit(() => downloading.mutate(), canDownload && !downloading.isPending)}>
      <Container
        header={
          <Header
            variant="h2"
            description="Root user credentials of each account, recovery windows, deletions, the set-up, and the verified ledger. Accounts that weren't read in the period are reported as unknown."
          >
            Evidence report
          </Header>
        }
        footer={
          <SpaceBetween size="s" direction="horizontal" alignItems="center">
            <Button
              variant="primary"
              iconName="download"
              formAction="submit"
              disabled={!canDownload}
              disabledReason={problem ?? undefined}
              loading={downloading.isPending}
              loadingText="Creating the report"
            >
              Download report
            </Button>
            <ReportDownloadState downloading={downloading} />
          </SpaceBetween>
        }
      >
        <SpaceBetween size="m">
          <ProblemAlert error={downloading.error} />
          <PeriodPicker usual="last-90-days" chosen={chosen} />
          <FormatSelect value={format} onChange={setFormat} />
          <FrameworkSelect chosen={frameworks} onChange={setFrameworks} />
          <FormField
            label="Maximum age of a reading (days) - optional"
            description="An account whose last reading is older at the end of the period is reported as unknown."
            constraintText="Default: the maximum age in this server's settings."
          >
            <Input type="number" inputMode="numeric" value={staleDays} placeholder={usualDays} onChange={({ detail }) => setStaleDays(detail.value)} />
          </FormField>
        </SpaceBetween>
      </Container>
    </form>
  );
}

/** What the server takes if the field is empty, as text. */
function useUsualDays(): string | undefined {
  const { data: me } = useMe();
  const policy = usePolicy(hasPermission(me, "settings:read"));
  return policy.data && String(policy.data.retention.stale_after_seconds / SECONDS_OF_DAY);
}

function FrameworkSelect({ chosen, onChange }: { chosen: readonly string[]; onChange: (chosen: readonly string[]) => void }) {
  const frameworks = useFrameworks();
  const options = (frameworks.data ?? []).map((one) => ({ value: one.framework_id, label: nameFramework(one) }));
  return (
    <FormField label="Controls of frameworks - optional" description="Adds the verdict on each control, and the accounts behind it.">
      <Multiselect
        options={options}
        selectedOptions={options.filter(({ value }) => chosen.includes(value))}
        onChange={({ detail }) => onChange(detail.selectedOptions.flatMap(({ value }) => value ?? []))}
        statusType={frameworks.isPending ? "loading" : frameworks.error ? "error" : "finished"}
        loadingText="Loading frameworks"
        errorText="The frameworks couldn't be read."
        placeholder="Choose frameworks"
        deselectAriaLabel={({ label }) => `Remove ${label}`}
      />
    </FormField>
  );
}

function findProblem(staleDays: string): string | null {
  if (staleDays !== "" && !/^[1-9]\d{0,3}$/.test(staleDays)) return "Enter a whole number of days.";
  return null;
}

interface ReportChoices extends Period {
  format: string;
  staleDays: string;
  frameworks: readonly string[];
}

function makeQuery({ from = "", to, format, staleDays, frameworks }: ReportChoices): URLSearchParams {
  const query = new URLSearchParams({ from, format });
  if (staleDays !== "") query.set("stale_after_days", staleDays);
  if (to) query.set("to", to);
  frameworks.forEach((framework) => query.append("framework", framework));
  return query;
}
