/** The accounts that are shown, as CSV and JSON. */
import { saveText } from "../api/downloads";
import type { AccountListing, AccountRow } from "../organization/listing";
import { describeStatus } from "../organization/statuses";
import { renderCsv, type Row } from "../tables/csv";

export function exportAccounts(kind: "csv" | "json", accounts: readonly AccountRow[], listing: AccountListing): void {
  const records = accounts.map((account) => toRecord(account, listing));
  const name = `accounts-${listing.organizationId}.${kind}`;
  if (kind === "json") saveText(`${JSON.stringify({ organization_id: listing.organizationId, listed_at: listing.listedAt, accounts: records }, null, 2)}\n`, name);
  else saveText(renderCsv(records), name, "text/csv");
}

function toRecord(account: AccountRow, listing: AccountListing): Row {
  const has = (kind: "password" | "access_keys" | "signing_certificates" | "mfa_devices") => account.kinds && account.kinds.includes(kind);
  return {
    account_id: account.account_id,
    name: account.name,
    email: account.email,
    organizational_unit: listing.units.find((unit) => unit.ou_id === account.ou_id)?.name ?? null,
    state: account.state,
    role: account.role,
    status: account.status,
    reason: account.reason,
    shown_as: describeStatus(account).label,
    password: has("password"),
    access_keys: has("access_keys"),
    signing_certificates: has("signing_certificates"),
    mfa_devices: has("mfa_devices"),
    oldest_key_or_certificate_at: account.oldestAt,
    last_used_at: account.lastUsedAt,
    last_used_as: account.lastUsedAs,
    access_key_used_at: account.keyUsedAt,
    password_used_at: account.passwordUsedAt,
    read_at: account.observedAt,
    failed_attempt: account.failedAttempt,
  };
}
