/** What is known of one account: its status and the reason, the four kinds with their ages and last uses. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useQuery } from "@tanstack/react-query";
import { ask, api } from "../api/client";
import type { DeletionException, DetailedAccount } from "../api/records";
import { useFollow } from "../shell/links";
import { ProblemAlert } from "../shell/ProblemAlert";
import { Ago, Moment } from "../times/Moment";
import { windowAddress } from "../windows/addresses";
import { CredentialList } from "./CredentialList";
import { listCredentials } from "./credentials";
import { flagOf, nameKinds, ROLE_WORDS } from "./flags";
import { listTags } from "./filter";
import type { AccountRow } from "./listing";

interface DetailsTabProps {
  account: AccountRow;
  exception: DeletionException | undefined;
}

export function DetailsTab({ account, exception }: DetailsTabProps) {
  const details = useQuery({
    queryKey: ["accounts", "one", account.account_id, account.status, account.observedAt],
    queryFn: () =>
      ask(api.GET("/api/v1/accounts/{account_id}", { params: { path: { account_id: account.account_id } } })),
  });
  const flag = flagOf(account);
  return (
    <SpaceBetween size="m">
      {account.detail && account.status === "unknown" && (
        <Alert type="warning" header="What this account has isn't known.">
          {account.detail}
        </Alert>
      )}
      {exception && (
        <Alert type="info" header={<Until at={exception.until} />}>
          {exception.owner} answers for it: {exception.reason}
        </Alert>
      )}
      <KeyValuePairs
        columns={4}
        items={[
          { label: "Root user credentials", value: <StatusIndicator type={flag.type}>{flag.words}</StatusIndicator> },
          { label: "What was found", value: nameKinds(account.kinds) },
          { label: "Last read", value: <Ago at={account.observedAt} /> },
          { label: "Part in the organization", value: ROLE_WORDS[account.role] ?? "Member account" },
          { label: "Place", value: details.data?.ou_path ?? "–" },
          { label: "State", value: account.state },
          { label: "Joined", value: <Moment at={details.data?.joined_at} /> },
          { label: "Tags", value: account.tags ? listTags(account).join(", ") || "None" : "Not read" },
        ]}
      />
      <ProblemAlert error={details.error} onRetry={() => void details.refetch()} />
      {details.data && <Found details={details.data} />}
      {details.data && <Windows ids={details.data.window_ids} />}
    </SpaceBetween>
  );
}

function Until({ at }: { at: string }) {
  return (
    <>
      Deletion skips this account until <Moment at={at} />.
    </>
  );
}

function Found({ details }: { details: DetailedAccount }) {
  if (details.details) return <CredentialList title="Each credential" credentials={listCredentials(details.details)} />;
  if (details.status !== "present") return null;
  return (
    <Box color="text-body-secondary">
      Ages and last uses weren&apos;t read yet: a deletion&apos;s plan reads them, and shows them before anything goes.
    </Box>
  );
}

function Windows({ ids }: { ids: string[] }) {
  const follow = useFollow();
  if (ids.length === 0) return null;
  return (
    <div>
      <Box variant="awsui-key-label">Recovery windows</Box>
      <SpaceBetween size="s" direction="horizontal">
        {ids.map((id) => (
          <Link key={id} href={windowAddress(id)} onFollow={follow}>
            {id}
          </Link>
        ))}
      </SpaceBetween>
    </div>
  );
}
