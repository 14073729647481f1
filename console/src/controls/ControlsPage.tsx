/** The controls page: the verdicts on the controls of one framework. */
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type TableProps } from "@cloudscape-design/components/table";
import { pageHref } from "../api/place";
import type { Assessment, Framework } from "../api/records";
import { useFollowLink } from "../components/links";
import { PageFrame, QueryProblem } from "../components/PageFrame";
import { countVerdicts, VERDICTS } from "../components/verdicts";
import { QueryTable } from "../tables/QueryTable";
import { useUrlParameter } from "../tables/url-filter";
import { NoPeriod, PeriodPicker } from "../components/PeriodPicker";
import { type Period, usePeriod, usePeriodParameters } from "../times/periods";
import { Timestamp } from "../times/Timestamp";
import { CHECKS, controlHref, nameFramework, SHOWINGS, useControls, useFrameworks } from "./controls";
import { VerdictLabel } from "./VerdictLabel";

const DEFAULT_FRAMEWORK = "cis-7.0";

export default function ControlsPage() {
  const [chosenId, setFrameworkId] = useUrlParameter("framework");
  const chosenPeriod = usePeriod("last-90-days");
  const frameworks = useFrameworks();
  const frameworkId = chosenId ?? DEFAULT_FRAMEWORK;
  const framework = frameworks.data?.find((one) => one.framework_id === frameworkId);
  return (
    <PageFrame
      title="Controls"
      description="Verdicts on controls of published frameworks, from what this server read and recorded in the period. Judging makes no AWS calls."
    >
      <SpaceBetween size="l">
        <QueryProblem query={frameworks} />
        <div className="filters">
          <FrameworkField
            frameworks={frameworks.data ?? []}
            chosen={framework}
            onChange={setFrameworkId}
          />
          <PeriodPicker usual="last-90-days" chosen={chosenPeriod} />
        </div>
        {chosenPeriod.problem ? <NoPeriod /> : <Controls frameworkId={frameworkId} period={chosenPeriod.period} />}
        {framework && <LeftOut framework={framework} />}
      </SpaceBetween>
    </PageFrame>
  );
}

interface FrameworkFieldProps {
  frameworks: readonly Framework[];
  chosen: Framework | undefined;
  onChange: (frameworkId: string) => void;
}

function FrameworkField({ frameworks, chosen, onChange }: FrameworkFieldProps) {
  return (
    <FormField label="Framework">
      <Select
        options={frameworks.map(makeOption)}
        selectedOption={chosen ? makeOption(chosen) : null}
        onChange={({ detail }) => detail.selectedOption.value && onChange(detail.selectedOption.value)}
        placeholder="Choose a framework"
        filteringType="auto"
      />
    </FormField>
  );
}

function makeOption(framework: Framework) {
  return { value: framework.framework_id, label: nameFramework(framework) };
}

function Controls({ frameworkId, period }: { frameworkId: string; period: Period | null }) {
  const found = useControls(frameworkId, period);
  const inPeriod = usePeriodParameters();
  const follow = useFollowLink();
  const controls = found.data?.controls;
  return (
    <QueryTable
      query={found}
      items={controls}
      trackBy="control"
      wrapLines
      loadingText="Judging the controls"
      empty="This framework has no controls in the map."
      ariaLabels={{ tableLabel: "Controls" }}
      header={
        <Header
          variant="h2"
          counter={controls && `(${controls.length})`}
          description={found.data && <Summary controls={controls ?? []} end={found.data.period.to} />}
        >
          Controls
        </Header>
      }
      columnDefinitions={listColumns(follow, inPeriod)}
    />
  );
}

function Summary({ controls, end }: { controls: readonly Assessment[]; end: string }) {
  return (
    <>
      {countVerdicts(controls)}, as of <Timestamp at={end} />. A control that needs a person&apos;s judgement is Manual until a person attests it.
    </>
  );
}

function listColumns(follow: ReturnType<typeof useFollowLink>, inPeriod: { [name: string]: string }): TableProps.ColumnDefinition<Assessment>[] {
  return [
    {
      id: "control",
      header: "Control",
      cell: (one) => (
        <Link href={pageHref(controlHref(one, inPeriod))} onFollow={follow}>
          {one.control_id} {one.title}
        </Link>
      ),
      isRowHeader: true,
      minWidth: 170,
    },
    { id: "verdict", header: "Verdict", cell: (one) => <VerdictLabel assessment={one} />, minWidth: 130 },
    {
      id: "checks",
      header: "Checks",
      cell: (one) => one.checks.map((check) => `${CHECKS[check.check]}: ${VERDICTS[check.verdict].label} (${SHOWINGS[check.showing].toLowerCase()})`).join("; "),
      minWidth: 280,
    },
  ];
}

/** What is known of the framework and isn't judged, so that no one takes silence for a pass. */
function LeftOut({ framework }: { framework: Framework }) {
  return (
    <Container>
      <ExpandableSection headerText="Known, but not judged" headerDescription="Nothing is claimed about these controls.">
        <ul>
          {framework.left_out.map((one) => (
            <li key={`${one.control_ids.join()} ${one.checks.join()}`}>
              {one.control_ids.join(", ")}: {one.reason}
            </li>
          ))}
        </ul>
      </ExpandableSection>
    </Container>
  );
}
