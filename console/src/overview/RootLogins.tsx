/** Root logins left to secure: the headline, all accounts by status, and how the numbers fit together. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useNavigate } from "react-router";
import { pageHref } from "../api/place";
import { hasPermission, useMe } from "../api/queries";
import type { Overview, Picture, StatusCounts } from "../api/records";
import { useAudit } from "../audit/AuditProgress";
import { useFollowLink } from "../components/links";
import { STATUSES } from "../organization/statuses";
import { Bar, Swatch } from "./Bar";
import { countAccounts, STATUS_TONES } from "./overview";
import { Trend } from "./Trend";

export function RootLogins({ overview, picture }: { overview: Overview; picture: Picture | undefined }) {
  return (
    <Container fitHeight header={<Header variant="h2">Root logins left to secure</Header>}>
      <SpaceBetween size="l">
        <Headline overview={overview} />
        {overview.last_audit ? <Statuses overview={overview} picture={picture} /> : <FirstAudit />}
        <Trend left={overview.root_logins_left_to_secure} />
      </SpaceBetween>
    </Container>
  );
}

/** The line that every interface shows: the known ones alone would hide the unknown ones. */
function Headline({ overview }: { overview: Overview }) {
  const { root_logins_left_to_secure: left, summary } = overview;
  if (summary.accounts === 0) return <Box variant="h3">{left.headline}</Box>;
  return (
    <div className="figures">
      <Figure count={left.known} word="known" />
      <Figure count={left.unknown} word="unknown" />
      <Figure count={left.unread} word="unread" />
    </div>
  );
}

/** A large number that leads to exactly the accounts that it counts. */
function Figure({ count, word }: { count: number; word: "known" | "unknown" | "unread" }) {
  const follow = useFollowLink();
  return (
    <Link variant="primary" href={pageHref(`/accounts?left=${word}`)} onFollow={follow}>
      <span className={`figure ${count > 0 ? `figure--${word}` : ""}`}>{count.toLocaleString()}</span> {word}
    </Link>
  );
}

function Statuses({ overview, picture }: { overview: Overview; picture: Picture | undefined }) {
  const { summary } = overview;
  const parts = STATUSES.map(({ status, label }) => ({
    id: status,
    tone: STATUS_TONES[status],
    label,
    count: summary[status],
    href: `/accounts?status=${status}`,
  }));
  return (
    <SpaceBetween size="xs">
      <Bar parts={parts} />
      <StatusCountList summary={summary} />
      <Box color="text-body-secondary">
        {describeArithmetic(overview)} {picture && describeKept(picture)}
      </Box>
    </SpaceBetween>
  );
}

/** Every number leads to exactly the accounts that it counts. */
function StatusCountList({ summary }: { summary: StatusCounts }) {
  const follow = useFollowLink();
  return (
    <ul className="legend" aria-label="Accounts by status">
      {STATUSES.map(({ status, label }) => (
        <li key={status}>
          <Swatch tone={STATUS_TONES[status]} />
          <span>{label}</span>{" "}
          <Link href={pageHref(`/accounts?status=${status}`)} onFollow={follow} ariaLabel={`${label}: ${countAccounts(summary[status])}`}>
            {summary[status].toLocaleString()}
          </Link>
        </li>
      ))}
    </ul>
  );
}

/** Such as "284 members + management account = 285 accounts." */
function describeArithmetic({ summary, management_account_id: management }: Overview): string {
  const all = summary.accounts;
  if (management === null) return `${all.toLocaleString()} accounts.`;
  return `${(all - 1).toLocaleString()} members + management account = ${all.toLocaleString()} accounts.`;
}

/** Why the known root logins aren't simply the accounts with credentials. */
function describeKept({ summary, root_logins_left_to_secure: left, kept_in_order, kept_unsecured }: Picture): string {
  const found = summary.present + summary.recovery_open;
  if (kept_in_order === 0 && kept_unsecured === 0) return "";
  const parts = [
    `${found.toLocaleString()} with credentials`,
    ...(kept_in_order > 0 ? [`− ${kept_in_order.toLocaleString()} kept as a failsafe, in order`] : []),
    ...(kept_unsecured > 0 ? [`+ ${kept_unsecured.toLocaleString()} management account or failsafe that isn't in order`] : []),
  ];
  return `${parts.join(" ")} = ${left.known.toLocaleString()} known.`;
}

function FirstAudit() {
  const navigate = useNavigate();
  const { data: me } = useMe();
  const audit = useAudit();
  if (!hasPermission(me, "accounts:audit")) return <Box>Ask an auditor, operator or administrator to run an audit.</Box>;
  const start = () => {
    audit.start(null);
    void navigate("/accounts");
  };
  return (
    <SpaceBetween size="s">
      <Box>No account was read yet. An audit changes nothing in AWS.</Box>
      <Button variant="primary" disabled={audit.isRunning} disabledReason="An audit is running." loading={audit.isStarting} onClick={start}>
        Audit now
      </Button>
    </SpaceBetween>
  );
}
