/** An audit of each organization, started at the same time, and for each whether it was accepted. */
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useState } from "react";
import { makeClient, unwrap } from "../api/client";
import { organizationHref } from "../api/place";
import { describeError } from "../api/problems";
import { queries } from "../api/queries";
import type { Job, Organization } from "../api/records";
import { jobPath } from "../components/links";

type Started = { state: "sent" } | { state: "accepted"; job: Job } | { state: "refused"; error: unknown };

export interface AuditOfAll {
  /** By the name of the organization; `null` before the first start. */
  started: ReadonlyMap<string, Started> | null;
  isStarting: boolean;
  start: (organizations: readonly Organization[]) => void;
}

/** An organization that answers late delays no other. */
export function useAuditOfAll(): AuditOfAll {
  const [started, setStarted] = useState<ReadonlyMap<string, Started> | null>(null);
  const store = (name: string, result: Started) => setStarted((before) => new Map(before).set(name, result));
  const startOne = async ({ name }: Organization) => {
    try {
      const job = await unwrap(makeClient(name).POST("/api/v1/audits", { body: { selection: null, details: false, refresh: true } }));
      store(name, { state: "accepted", job });
    } catch (error) {
      store(name, { state: "refused", error });
    }
  };
  return {
    started,
    isStarting: started !== null && [...started.values()].some(({ state }) => state === "sent"),
    start: (organizations) => {
      setStarted(new Map(organizations.map(({ name }) => [name, { state: "sent" }])));
      void Promise.all(organizations.map(startOne)).then(() => queries.invalidateQueries({ queryKey: ["organizations"] }));
    },
  };
}

export function StartedAudits({ audit }: { audit: AuditOfAll }) {
  if (audit.started === null) return null;
  const results = [...audit.started];
  const accepted = results.filter(([, { state }]) => state === "accepted").length;
  return (
    <Container
      header={
        <Header variant="h2" description="The numbers below change when an audit has ended.">
          {`Audits started: ${accepted} of ${results.length}`}
        </Header>
      }
    >
      <ul className="plain" aria-live="polite">
        {results.map(([name, result]) => (
          <li key={name}>
            <strong>{name}</strong>: <Result name={name} result={result} />
          </li>
        ))}
      </ul>
    </Container>
  );
}

function Result({ name, result }: { name: string; result: Started }) {
  if (result.state === "sent") return <StatusIndicator type="in-progress">Starting</StatusIndicator>;
  if (result.state === "accepted")
    return (
      <>
        <StatusIndicator type="success">Accepted</StatusIndicator>{" "}
        <Link href={organizationHref(name, jobPath(result.job.job_id))} ariaLabel={`Show the audit of ${name}`}>
          Show the audit
        </Link>
      </>
    );
  const { what, next } = describeError(result.error);
  return (
    <>
      <StatusIndicator type="error">Not started</StatusIndicator> {what}
      {next !== "" && (
        <Box variant="span" color="text-body-secondary">
          {" "}
          {next}
        </Box>
      )}
    </>
  );
}
