/** What a person needs to judge a request: the account and its credentials, the check, earlier windows, other approvers. */
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs, { type KeyValuePairsProps } from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";
import { pageHref } from "../api/place";
import { describeError } from "../api/problems";
import type { DetailedAccount, EarlierWindow, EarlierWindows, RecoveryWindow, WindowBackground } from "../api/records";
import { BreakableText } from "../components/BreakableText";
import { useFollowLink } from "../components/links";
import { FACT_PIXELS } from "../components/PageFrame";
import { type Credential, listCredentials } from "../deletion/plans";
import { AccountName, useAccount } from "../organization/AccountField";
import { CREDENTIAL_KINDS } from "../organization/listing";
import { describeKinds } from "../organization/statuses";
import { RelativeTime } from "../times/Timestamp";
import { isPending, STATES, windowPath } from "./states";
import { useBackground } from "./windows";

/** The card of a page, while a decision is possible. */
export function DecisionFacts({ recoveryWindow }: { recoveryWindow: RecoveryWindow }) {
  const items = useDecisionFacts(recoveryWindow);
  if (!isPending(recoveryWindow) || recoveryWindow.has_lapsed) return null;
  return (
    <Container header={<Header variant="h2">For the decision</Header>}>
      <SpaceBetween size="l">
        <KeyValuePairs columns={3} minColumnWidth={FACT_PIXELS} items={items.slice(0, -1)} />
        <KeyValuePairs columns={1} items={items.slice(-1)} />
      </SpaceBetween>
    </Container>
  );
}

/** The facts beside those of the request itself, the longest text last. */
export function useDecisionFacts(recoveryWindow: RecoveryWindow): KeyValuePairsProps.Item[] {
  const account = useAccount(recoveryWindow.account_id);
  const background = useBackground(recoveryWindow.window_id);
  const ofAccount = (show: (found: DetailedAccount) => ReactNode) => <Loaded query={account} show={show} />;
  const ofWindow = (show: (found: WindowBackground) => ReactNode) => <Loaded query={background} show={show} />;
  return [
    { label: "Owner", value: ofAccount((found) => <BreakableText>{describeOwner(found)}</BreakableText>) },
    { label: "Root user credentials now", value: ofAccount((found) => <CredentialsNow account={found} />) },
    { label: "Check of the request", value: ofWindow((found) => <RequestCheck background={found} />) },
    { label: "Earlier windows of the account", value: ofWindow((found) => <Earlier windows={found.of_account} />) },
    {
      label: `Earlier windows of ${recoveryWindow.requested_by} in other accounts`,
      value: ofWindow((found) => <Earlier windows={found.of_requester} showsAccount />),
    },
    { label: "Who else can approve", value: ofWindow(({ approvers }) => <Approvers names={approvers} />) },
    { label: "Possible during the window", value: ofWindow(describePossible) },
  ];
}

interface LoadedProps<T> {
  query: { data: T | undefined; error: unknown };
  show: (found: T) => ReactNode;
}

function Loaded<T>({ query, show }: LoadedProps<T>) {
  if (query.data !== undefined) return show(query.data);
  if (query.error) return <Box color="text-status-error">Unknown: {describeError(query.error).what}</Box>;
  return <Box color="text-body-secondary">Loading</Box>;
}

const OWNER = /^(.*[^a-z])?(owner|contact)([^a-z].*)?$/i;

/** The values of the account's tags that name an owner or a contact. */
function describeOwner({ tags }: DetailedAccount): string {
  if (tags === null) return "Not known: tags weren't read";
  const owners = Object.entries(tags).filter(([name, value]) => OWNER.test(name) && value.trim() !== "");
  return owners.map(([name, value]) => `${value} (tag ${name})`).join(", ") || "No tag names an owner";
}

function CredentialsNow({ account }: { account: DetailedAccount }) {
  if (account.observed_at === null) return <>Not known: the account was never read</>;
  const read = (
    <Box color="text-body-secondary" fontSize="body-s">
      Read <RelativeTime at={account.observed_at} />
    </Box>
  );
  if (account.status === "unknown")
    return (
      <>
        Unknown{account.detail && `: ${account.detail}`}
        {read}
      </>
    );
  const found = account.details ? listCredentials(account.details) : [];
  return (
    <>
      {found.length > 0 ? found.map((credential) => <CredentialLine key={`${credential.kind} ${credential.id}`} credential={credential} />) : nameKinds(account)}
      {read}
    </>
  );
}

function nameKinds({ credentials }: DetailedAccount): string {
  const found = CREDENTIAL_KINDS.filter((kind) => credentials[kind]);
  return found.length === 0 ? "None" : `${describeKinds(found)}. Last use wasn't read.`;
}

function CredentialLine({ credential }: { credential: Credential }) {
  const used = credential.lastUsedAt;
  return (
    <div>
      {credential.label} {credential.id && <BreakableText>{credential.id}</BreakableText>}
      <Box color="text-body-secondary" fontSize="body-s">
        {used === undefined ? "Last use isn't reported by AWS" : used === null ? "Never used" : <>Last used <RelativeTime at={used} /></>}
      </Box>
    </div>
  );
}

function RequestCheck({ background: { check } }: { background: WindowBackground }) {
  if (check === null) return <>Not recorded</>;
  const present = check.present.length === 0 ? "The account had no root user credentials." : `The account had ${check.present.join(", ")}.`;
  return (
    <>
      {check.policy_doubts.length === 0 ? "Passed. No policy blocks the window or the work." : check.policy_doubts.map((doubt) => <div key={doubt}>{doubt}</div>)}
      <Box color="text-body-secondary" fontSize="body-s">
        {present}
      </Box>
    </>
  );
}

function Earlier({ windows: { total, newest }, showsAccount = false }: { windows: EarlierWindows; showsAccount?: boolean }) {
  if (total === 0) return <>None</>;
  return (
    <SpaceBetween size="xxs">
      {newest.map((earlier) => (
        <EarlierLine key={earlier.window_id} earlier={earlier} showsAccount={showsAccount} />
      ))}
      {total > newest.length && <Box color="text-body-secondary">{total - newest.length} older</Box>}
    </SpaceBetween>
  );
}

function EarlierLine({ earlier, showsAccount }: { earlier: EarlierWindow; showsAccount: boolean }) {
  const follow = useFollowLink();
  return (
    <div>
      <Link href={pageHref(windowPath(earlier.window_id))} onFollow={follow}>
        <RelativeTime at={earlier.requested_at} />
      </Link>
      {showsAccount && (
        <>
          {", "}
          <AccountName accountId={earlier.account_id} />
        </>
      )}
      <Box color="text-body-secondary" fontSize="body-s">
        {STATES[earlier.state].label}
        {earlier.is_drill && ", drill"}
        {showsAccount || `, by ${earlier.requested_by}`}
      </Box>
    </div>
  );
}

function Approvers({ names }: { names: string[] | null }) {
  if (names === null) return <>Shown to people who request or approve</>;
  return <BreakableText>{names.join(", ") || "No one else"}</BreakableText>;
}

function describePossible({ governs_login: governsLogin, keeps_login: keepsLogin }: WindowBackground): string {
  const limits = "IAM policies don't limit a root user; service control policies do.";
  if (governsLogin) return `Anyone with the existing password, or with the root user's mailbox, can sign in as root user. ${limits}`;
  const stays = keepsLogin ? " If the login is complete, a person can keep it." : "";
  return `Anyone who reads the root user's mailbox can set a password and sign in as root user.${stays} ${limits}`;
}

/** A ticket is a link only if it is a web address as a whole; any other text stays text. */
export function Ticket({ ticket }: { ticket: string | null }) {
  if (ticket === null) return <>–</>;
  if (!isWebAddress(ticket)) return <BreakableText>{ticket}</BreakableText>;
  return (
    <Link href={ticket} external externalIconAriaLabel="Opens in a new tab">
      <BreakableText>{ticket}</BreakableText>
    </Link>
  );
}

function isWebAddress(text: string): boolean {
  if (!/^https?:\/\/\S+$/i.test(text) || !URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return (protocol === "https:" || protocol === "http:") && username === "" && password === "";
}
