/** The findings of one stored audit, as a file for another tool. */
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { download } from "../api/downloads";
import { ProblemAlert } from "../components/PageFrame";
import { FormatSelect } from "../components/FormatSelect";

export function AuditFindings({ auditId }: { auditId: string }) {
  const [format, setFormat] = useState("findings-csv");
  const downloading = useMutation({
    mutationFn: () =>
      download(`/api/v1/audits/${encodeURIComponent(auditId)}/findings`, new URLSearchParams({ format }), "rootkeeper-findings"),
    meta: { showsErrors: true },
  });
  return (
    <Container
      header={
        <Header variant="h2" description="Each account has a finding, good ones too, so that other tools see when one was fixed.">
          Findings of the selected audit
        </Header>
      }
      footer={
        <Button iconName="download" onClick={() => downloading.mutate()} loading={downloading.isPending} loadingText="Creating the file">
          Download findings
        </Button>
      }
    >
      <SpaceBetween size="m">
        <ProblemAlert error={downloading.error} />
        <FormatSelect value={format} carries="findings" onChange={setFormat} />
      </SpaceBetween>
    </Container>
  );
}
