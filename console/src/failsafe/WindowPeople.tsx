/** The people who may request, approve and open recovery windows today. */
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import type { EmergencyAccess } from "../api/records";
import { FACT_PIXELS } from "../components/PageFrame";
import { useEmergencyAccess } from "./checks";

export function WindowPeople() {
  const found = useEmergencyAccess().data;
  if (!found) return null; // the verdict shows the error
  return (
    <Container header={<Header variant="h2" description={describeApprovals(found)}>People of recovery windows</Header>}>
      {found.people === null ? (
        "Their names are shown only to users who request or approve windows."
      ) : (
        <KeyValuePairs
          columns={3}
          minColumnWidth={FACT_PIXELS}
          items={[
            { label: "May request", value: found.people.request.join(", ") || "No one" },
            { label: "May approve", value: found.people.approve.join(", ") || "No one" },
            { label: "May open", value: found.people.open.join(", ") || "No one" },
          ]}
        />
      )}
    </Container>
  );
}

function describeApprovals({ approvals_needed: needed }: EmergencyAccess): string {
  const needs = needed === 0 ? "no approval" : needed === 1 ? "1 approval by another person" : `${needed} approvals by other people`;
  return `A window needs ${needs}. These users and tokens can do each step today; the window policy can limit them to some accounts.`;
}
