/** Credentials one by one, with their ages and last uses. */
import Table from "@cloudscape-design/components/table";
import { Ago, Moment } from "../times/Moment";
import type { Credential } from "./credentials";

export function CredentialList({ title, credentials }: { title: string; credentials: readonly Credential[] }) {
  return (
    <Table
      variant="embedded"
      ariaLabels={{ tableLabel: title }}
      items={credentials}
      trackBy={(one) => `${one.kind} ${one.id}`}
      empty="None"
      wrapLines
      columnDefinitions={[
        { id: "kind", header: "Credential", minWidth: 140, cell: (one) => one.words, isRowHeader: true },
        { id: "id", header: "Id", minWidth: 190, cell: (one) => one.id ?? "–" },
        { id: "since", header: "Since", minWidth: 150, cell: (one) => <Moment at={one.since} /> },
        { id: "used", header: "Last used", minWidth: 130, cell: (one) => <LastUse credential={one} /> },
        { id: "more", header: "State and place of use", minWidth: 160, cell: (one) => one.more ?? "–" },
      ]}
    />
  );
}

function LastUse({ credential }: { credential: Credential }) {
  if (credential.lastUsedAt === undefined) return <>AWS doesn&apos;t tell</>;
  return <Ago at={credential.lastUsedAt} none="Never" />;
}
