/** The accounts in which something goes, with each credential and its last use. */
import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import Table from "@cloudscape-design/components/table";
import type { PlannedAccount } from "../../api/records";
import { usePages } from "../../tables/pages";
import { Ago } from "../../times/Moment";
import type { Credential } from "../credentials";
import { listGoing } from "./plans";

export function TargetAccounts({ targets }: { targets: readonly PlannedAccount[] }) {
  const pages = usePages(targets);
  return (
    <Table
      items={pages.shown}
      pagination={pages.control}
      trackBy="account_id"
      wrapLines
      ariaLabels={{ tableLabel: "What will be deleted" }}
      header={
        <Header variant="h2" counter={`(${targets.length.toLocaleString()})`}>
          What will be deleted
        </Header>
      }
      columnDefinitions={[
        { id: "account", header: "Account", minWidth: 180, cell: (one) => <Named account={one} />, isRowHeader: true },
        { id: "place", header: "Place", cell: (one) => one.ou_path },
        { id: "going", header: "Credentials, in the order of deletion", cell: (one) => <Going account={one} /> },
        { id: "use", header: "Recent use allowed because", minWidth: 180, cell: (one) => one.allowed_use ?? "–" },
      ]}
    />
  );
}

export function Named({ account }: { account: Pick<PlannedAccount, "name" | "account_id"> }) {
  return (
    <>
      {account.name}
      <Box color="text-body-secondary">{account.account_id}</Box>
    </>
  );
}

function Going({ account }: { account: PlannedAccount }) {
  return (
    <ul className="plain">
      {listGoing(account).map((one) => (
        <li key={`${one.kind} ${one.id}`}>
          {one.words}
          {one.id && ` ${one.id}`}
          <LastUse credential={one} />
        </li>
      ))}
    </ul>
  );
}

function LastUse({ credential }: { credential: Credential }) {
  if (credential.lastUsedAt === undefined) return <Box color="text-body-secondary">AWS doesn&apos;t tell its last use</Box>;
  return (
    <Box color="text-body-secondary">
      {credential.lastUsedAt === null ? (
        "never used"
      ) : (
        <>
          last used <Ago at={credential.lastUsedAt} />
        </>
      )}
      {credential.more && `, ${credential.more}`}
    </Box>
  );
}
