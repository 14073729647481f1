/** Accounts whose credentials nobody used lately, by unit, with one button to a plan; and why the others aren't among them. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { findDeletion } from "../accounts/filters";
import { api, unwrap } from "../api/client";
import { pageHref } from "../api/place";
import { hasPermission, queries, useMe } from "../api/queries";
import type { Picture } from "../api/records";
import { useAudit } from "../audit/AuditProgress";
import { useFollowLink } from "../components/links";
import { ProblemAlert } from "../components/PageFrame";
import { useExceptions } from "../exceptions/exceptions";
import { fetchListing } from "../organization/listing";
import { selectAccounts, selectedAccounts } from "../organization/selection";
import { Bar } from "./Bar";
import { countAccounts, shortenPath } from "./overview";

const FEW = 6;

export function SafeToDelete({ picture }: { picture: Picture }) {
  const { deletion, recently_used_days: days } = picture;
  const rest = deletion.used + deletion.unread + deletion.exception;
  return (
    <Container
      header={
        <Header variant="h2" counter={`(${deletion.safe.toLocaleString()})`} description={`Not used in the ${days} days before they were read, and without an exception.`}>
          Safe to delete now
        </Header>
      }
    >
      <SpaceBetween size="m">
        {deletion.safe > 0 ? <SafeUnits picture={picture} /> : <NoneSafe picture={picture} />}
        {rest > 0 && <Others deletion={deletion} days={days} />}
      </SpaceBetween>
    </Container>
  );
}

function SafeUnits({ picture }: { picture: Picture }) {
  const units = picture.units.filter((unit) => unit.safe_to_delete > 0).sort((one, other) => other.safe_to_delete - one.safe_to_delete);
  const most = units[0]?.safe_to_delete ?? 1;
  return (
    <SpaceBetween size="m">
      <div className="rows__frame">
        <ul className="rows" aria-label="Safe to delete, by organizational unit">
          {units.slice(0, FEW).map((unit) => (
            <SafeUnit key={unit.ou_id ?? ""} unit={unit} share={unit.safe_to_delete / most} />
          ))}
        </ul>
      </div>
      {units.length > FEW && <Box color="text-body-secondary">and {(units.length - FEW).toLocaleString()} more units</Box>}
      <PlanButton count={picture.deletion.safe} />
    </SpaceBetween>
  );
}

function SafeUnit({ unit, share }: { unit: Picture["units"][number]; share: number }) {
  const follow = useFollowLink();
  const name = shortenPath(unit.path);
  const href = `/accounts?deletion=safe${unit.ou_id === null ? "" : `&directly=${encodeURIComponent(unit.ou_id)}`}`;
  return (
    <li className="row">
      <div className="row__name">{name}</div>
      <Bar parts={[{ id: "safe", tone: "safe", label: "Safe to delete", count: unit.safe_to_delete, href }]} share={share} />
      <div className="row__counts">
        <Link href={pageHref(href)} onFollow={follow} variant="secondary" ariaLabel={`Safe to delete in ${name}: ${unit.safe_to_delete}`}>
          {unit.safe_to_delete.toLocaleString()}
        </Link>
      </div>
    </li>
  );
}

/** The plan reads the accounts that weren't read in detail within the last hour, and changes nothing. */
function PlanButton({ count }: { count: number }) {
  const navigate = useNavigate();
  const { data: me } = useMe();
  const exceptions = useExceptions();
  const planning = useMutation({
    mutationFn: async () => {
      const listing = await fetchListing();
      const safe = listing.accounts.filter((account) => findDeletion(account, exceptions.reasons) === "safe");
      const ids = safe.map((account) => account.account_id);
      if (ids.length === 0) return null;
      const body = { selection: selectAccounts(ids), only: null, allowed_uses: [], uses_recent_readings: true };
      const job = await unwrap(api.POST("/api/v1/plans", { body }));
      selectedAccounts.set(new Set(ids));
      return job.job_id;
    },
    onSuccess: (jobId) => {
      if (jobId === null) void queries.invalidateQueries({ queryKey: ["overview"] });
      else void navigate(`/accounts/delete?plan=${encodeURIComponent(jobId)}`);
    },
    meta: { showsErrors: true },
  });
  if (!hasPermission(me, "root_credentials:delete")) return null;
  return (
    <SpaceBetween size="s">
      <ProblemAlert error={planning.error} />
      <Button loading={planning.isPending} disabled={!exceptions.isSuccess} onClick={() => planning.mutate()}>
        Plan deletion in {countAccounts(count)}
      </Button>
    </SpaceBetween>
  );
}

function NoneSafe({ picture }: { picture: Picture }) {
  const { data: me } = useMe();
  const audit = useAudit();
  if (picture.deletion.unread === 0) return <Box>No account.</Box>;
  return (
    <SpaceBetween size="s">
      <Box>No account is known to be safe. A detailed audit reads ages and last uses, and changes nothing.</Box>
      {hasPermission(me, "accounts:audit") && (
        <Button loading={audit.isStarting} disabled={audit.isRunning} disabledReason="An audit is running." onClick={() => audit.start(null, true)}>
          Run detailed audit
        </Button>
      )}
    </SpaceBetween>
  );
}

function Others({ deletion, days }: { deletion: Picture["deletion"]; days: number }) {
  const reasons = [
    { id: "used", count: deletion.used, text: `used in the last ${days} days` },
    { id: "unread", count: deletion.unread, text: "last use not known" },
    { id: "exception", count: deletion.exception, text: "with an exception" },
  ];
  return (
    <ul className="legend" aria-label="Accounts with credentials that aren't safe to delete">
      {reasons
        .filter(({ count }) => count > 0)
        .map(({ id, count, text }) => (
          <li key={id}>
            <OtherLink id={id} text={`${count.toLocaleString()} ${text}`} />
          </li>
        ))}
    </ul>
  );
}

function OtherLink({ id, text }: { id: string; text: string }) {
  const follow = useFollowLink();
  return (
    <Link href={pageHref(`/accounts?deletion=${id}`)} onFollow={follow} variant="secondary">
      {text}
    </Link>
  );
}
