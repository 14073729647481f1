/** What stands there before the organization was ever listed. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { may, useMe } from "../api/queries";
import type { Me } from "../api/records";
import type { AuditState } from "./auditing";

export function NothingKnown({ audit }: { audit: AuditState }) {
  const { data: me } = useMe();
  return (
    <Container>
      <Box textAlign="center" padding="xl">
        <SpaceBetween size="s">
          <Box variant="strong">No account is known yet.</Box>
          <Box>An audit lists the organization and reads which accounts have root user credentials. It changes nothing.</Box>
          <Next me={me} audit={audit} />
        </SpaceBetween>
      </Box>
    </Container>
  );
}

function Next({ me, audit }: { me: Me | undefined; audit: AuditState }) {
  if (audit.isRunning) return <Box>The one that runs shows the accounts here once they are listed.</Box>;
  if (!may(me, "accounts:audit")) return <Box>Ask somebody with the role auditor, operator or administrator to run one.</Box>;
  return (
    <Button variant="primary" loading={audit.isAsked} onClick={() => audit.begin(null)}>
      Audit now
    </Button>
  );
}
