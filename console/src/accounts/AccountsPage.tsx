/** The accounts page: the tree of the organization with the status of each account. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import Container from "@cloudscape-design/components/container";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import Skeleton from "@cloudscape-design/components/skeleton";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useCallback, useDeferredValue, useMemo, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { useObservable } from "../api/observable";
import { ConnectionLostError } from "../api/problems";
import { hasPermission, useMe } from "../api/queries";
import type { Me } from "../api/records";
import { serverNow } from "../api/server-clock";
import { AuditProgress, type AuditState, useAudit } from "../audit/AuditProgress";
import { useSplitPanel } from "../components/links";
import { PageFrame, ProblemAlert } from "../components/PageFrame";
import { useExceptions } from "../exceptions/exceptions";
import { type AccountListing, type AccountRow, useListing } from "../organization/listing";
import { findRecoveryObstacle, selectAccounts, selectedAccounts, selectForAudit } from "../organization/selection";
import { type Branch, buildTree, countSelected, listFlatRows, listRows } from "../organization/tree";
import { type FilterCodec, useUrlFilter } from "../tables/url-filter";
import { isUtc, RelativeTime } from "../times/Timestamp";
import { recoveryRequestPath } from "../windows/states";
import { AccountFilters } from "./AccountFilters";
import { AccountPanel } from "./AccountPanel";
import { ColumnPreferences, pickColumns, sortAccounts, type Sorting, useShownColumns } from "./columns";
import { exportAccounts } from "./export";
import { FILTER_CODEC, isUnjudged, makeMatcher, NO_FILTER } from "./filters";
import { SavedViews } from "./SavedViews";
import { focusTree, TreeGrid } from "./TreeGrid";

const REFRESH_MILLISECONDS = 15_000;
const REFRESH_RUNNING_MILLISECONDS = 4_000;
/** Up to this many accounts, all units are open at first; above it, only the organization root. */
const OPEN_UNITS_UP_TO = 60;

export default function AccountsPage() {
  const audit = useAudit();
  const listing = useListing(audit.isRunning ? REFRESH_RUNNING_MILLISECONDS : REFRESH_MILLISECONDS);
  return (
    <PageFrame
      title="Accounts"
      description={listing.data?.listedAt && <ListingDescription listing={listing.data} />}
      actions={listing.data?.listedAt && <AccountActions listing={listing.data} audit={audit} />}
    >
      <SpaceBetween size="m">
        <ProblemAlert error={findShownError(listing)} onRetry={() => void listing.refetch()} />
        <AuditProgress audit={audit} />
        {listing.data && (listing.data.listedAt ? <Contents listing={listing.data} audit={audit} /> : <FirstAudit audit={audit} />)}
        {listing.isPending && <Skeleton height="24rem" />}
      </SpaceBetween>
    </PageFrame>
  );
}

/** A lost connection has its own banner, so it isn't shown again when there are accounts to show. */
function findShownError(listing: { error: unknown; data: AccountListing | undefined }): unknown {
  return listing.data && listing.error instanceof ConnectionLostError ? null : listing.error;
}

function ListingDescription({ listing }: { listing: AccountListing }) {
  return (
    <>
      {listing.accounts.length.toLocaleString()} accounts, listed <RelativeTime at={listing.listedAt} />. Each status is from the last read of the account.
    </>
  );
}

function Contents({ listing, audit }: AccountActionsProps) {
  const [parameters] = useSearchParams();
  const [filter, setFilter] = useUrlFilter(FILTER_CODEC);
  const deferredFilter = useDeferredValue(filter);
  const [openedId, setOpenedId] = useState(parameters.get("account"));
  const [shownColumns, setShownColumns] = useShownColumns();
  const selected = useObservable(selectedAccounts);
  const exceptions = useExceptions();
  const matches = useMemo(
    () => makeMatcher(deferredFilter, listing, { exceptions: exceptions.reasons, now: serverNow() }),
    [deferredFilter, listing, exceptions.reasons],
  );
  const roots = useMemo(() => buildTree(listing, matches), [listing, matches]);
  const matching = useMemo(() => (matches ? listing.accounts.filter(matches) : listing.accounts), [listing, matches]);
  const { isOpen, toggle } = useOpenUnits(roots, listing.accounts.length, deferredFilter !== NO_FILTER);
  const [layout, setLayout] = useUrlFilter(LAYOUT_CODEC);
  const rows = useMemo(
    () => (layout === TREE ? listRows(roots, isOpen) : listFlatRows(sortAccounts(matching, layout))),
    [layout, roots, isOpen, matching],
  );
  const unjudged = useMemo(() => listing.accounts.filter((one) => isUnjudged(deferredFilter, one)), [listing, deferredFilter]);
  const counts = useMemo(() => countSelected(roots, selected), [roots, selected]);
  const inUtc = useObservable(isUtc);
  const columns = useMemo(() => pickColumns(shownColumns, inUtc), [shownColumns, inUtc]);
  const show = useCallback((account: AccountRow) => setOpenedId(account.account_id), []);
  const hide = useCallback(() => {
    setOpenedId(null);
    focusTree();
  }, []);
  const opened = openedId === null ? undefined : listing.accounts.find((one) => one.account_id === openedId);
  const exception = opened && exceptions.byAccount.get(opened.account_id);
  const panel = useMemo(() => (opened ? <AccountPanel account={opened} exception={exception} /> : null), [opened, exception]);
  useSplitPanel(panel, hide);
  return (
    <SpaceBetween size="s">
      <AccountFilters listing={listing} filter={filter} onChange={setFilter} />
      <div className="shown">
        <MatchCount matching={matching.length} total={listing.accounts.length} selected={selected.size} />
        <SegmentedControl
          label="Layout"
          selectedId={layout === TREE ? "tree" : "list"}
          options={[
            { id: "tree", text: "Tree" },
            { id: "list", text: "List" },
          ]}
          onChange={({ detail }) => setLayout(detail.selectedId === "tree" ? TREE : BY_NAME)}
        />
        <SavedViews />
        <ButtonDropdown
          items={[
            { id: "csv", text: "CSV" },
            { id: "json", text: "JSON" },
          ]}
          onItemClick={({ detail }) => exportAccounts(detail.id as "csv" | "json", layout === TREE ? matching : sortAccounts(matching, layout), listing)}
        >
          Export shown accounts
        </ButtonDropdown>
        <ColumnPreferences shown={shownColumns} onChange={setShownColumns} />
      </div>
      <Unjudged accounts={unjudged} audit={audit} />
      {rows.length > 0 ? (
        <TreeGrid
          rows={rows}
          columns={columns}
          selected={selected}
          counts={counts}
          exceptions={exceptions.reasons}
          openedId={openedId}
          sorting={layout === TREE ? undefined : layout}
          onSort={setLayout}
          onSelect={select}
          onToggle={toggle}
          onShow={show}
        />
      ) : (
        <NoMatch onClear={() => setFilter(NO_FILTER)} />
      )}
    </SpaceBetween>
  );
}

/** The accounts that the filter leaves out, because only a detailed audit tells what it asks. */
function Unjudged({ accounts, audit }: { accounts: readonly AccountRow[]; audit: AuditState }) {
  const { data: me } = useMe();
  if (accounts.length === 0) return null;
  const readThem = () => audit.start(selectAccounts(accounts.map((account) => account.account_id)), true);
  return (
    <Alert
      type="info"
      action={
        hasPermission(me, "accounts:audit") && (
          <Button loading={audit.isStarting} disabled={audit.isRunning} disabledReason="An audit is running." onClick={readThem}>
            Run detailed audit
          </Button>
        )
      }
    >
      Accounts with such credentials that were read without ages and last use: {accounts.length.toLocaleString()}. This filter leaves them
      out. A detailed audit of these accounts reads both.
    </Alert>
  );
}

/** Units with their accounts. */
const TREE = "tree";
const BY_NAME: Sorting = { column: "name", isDescending: false };
type Layout = typeof TREE | Sorting;

/** Such as `?list=name`, or `?list=-key_used` for the newest use first. */
const LAYOUT_CODEC: FilterCodec<Layout> = {
  read: (parameters) => {
    const written = parameters.get("list");
    if (written === null) return TREE;
    return { column: written.replace(/^-/, ""), isDescending: written.startsWith("-") };
  },
  write: (layout) => ({ list: layout === TREE ? [] : [`${layout.isDescending ? "-" : ""}${layout.column}`] }),
};

function select(accounts: readonly AccountRow[], isSelected: boolean): void {
  const next = new Set(selectedAccounts.get());
  for (const { account_id } of accounts) {
    if (isSelected) next.add(account_id);
    else next.delete(account_id);
  }
  selectedAccounts.set(next);
}

/** The user's choice wins; otherwise units are open if a filter is set or the organization is small. */
function useOpenUnits(roots: readonly Branch[], total: number, isFiltered: boolean) {
  const [toggled, setToggled] = useState<ReadonlyMap<string, boolean>>(new Map());
  const isOpenByDefault = isFiltered || total <= OPEN_UNITS_UP_TO;
  const rootIds = useMemo(() => new Set(roots.map((root) => root.unit.ou_id)), [roots]);
  const isOpen = useCallback((ouId: string) => toggled.get(ouId) ?? (isOpenByDefault || rootIds.has(ouId)), [toggled, isOpenByDefault, rootIds]);
  const toggle = useCallback((ouId: string, open: boolean) => setToggled((before) => new Map(before).set(ouId, open)), []);
  return { isOpen, toggle };
}

function MatchCount({ matching, total, selected }: { matching: number; total: number; selected: number }) {
  const found = matching === total ? `${total.toLocaleString()} accounts` : `${matching.toLocaleString()} of ${total.toLocaleString()} accounts match`;
  return (
    <div role="status" className="counted">
      <span>
        {found}
        {selected > 0 && `, ${selected.toLocaleString()} selected`}
      </span>
      {selected > 0 && (
        <Button variant="inline-link" onClick={() => selectedAccounts.set(new Set())}>
          Clear selection
        </Button>
      )}
    </div>
  );
}

function NoMatch({ onClear }: { onClear: () => void }) {
  return (
    <Box textAlign="center" padding="xxl">
      <SpaceBetween size="s">
        <Box variant="strong">No accounts match.</Box>
        <Button onClick={onClear}>Clear filter</Button>
      </SpaceBetween>
    </Box>
  );
}

function FirstAudit({ audit }: { audit: AuditState }) {
  const { data: me } = useMe();
  return (
    <Container>
      <Box textAlign="center" padding="xl">
        <SpaceBetween size="s">
          <Box variant="strong">No accounts yet.</Box>
          <Box>An audit lists the organization and reads which accounts have root user credentials. It changes nothing in AWS.</Box>
          <FirstAuditAction me={me} audit={audit} />
        </SpaceBetween>
      </Box>
    </Container>
  );
}

function FirstAuditAction({ me, audit }: { me: Me | undefined; audit: AuditState }) {
  if (audit.isRunning) return <Box>An audit is running. The accounts appear here when they are listed.</Box>;
  if (!hasPermission(me, "accounts:audit")) return <Box>Ask an auditor, operator or administrator to run an audit.</Box>;
  return (
    <Button variant="primary" loading={audit.isStarting} onClick={() => audit.start(null)}>
      Run audit
    </Button>
  );
}

interface AccountActionsProps {
  listing: AccountListing;
  audit: AuditState;
}

function AccountActions({ listing, audit }: AccountActionsProps) {
  const navigate = useNavigate();
  const { data: me } = useMe();
  const selected = useObservable(selectedAccounts);
  const only = selected.size === 1 ? listing.accounts.find((one) => selected.has(one.account_id)) : undefined;
  const selection = selected.size > 0 ? selectForAudit(listing, selected) : null;
  const obstacle = only ? findRecoveryObstacle(only) : "Select exactly one account: each recovery window is for one account.";
  return (
    <SpaceBetween size="xs" direction="horizontal">
      {hasPermission(me, "accounts:audit") && (
        <ButtonDropdown
          loading={audit.isStarting}
          disabled={audit.isRunning}
          disabledReason="An audit is running."
          mainAction={{
            text: selected.size > 0 ? `Audit selected accounts (${selected.size.toLocaleString()})` : "Run audit",
            onClick: () => audit.start(selection),
          }}
          items={[
            {
              id: "details",
              text: selected.size > 0 ? `Audit ${selected.size.toLocaleString()} selected in detail` : "Run detailed audit",
              description: "Reads the age and last use of each credential, too: some more calls for each account with credentials.",
            },
          ]}
          onItemClick={() => audit.start(selection, true)}
          ariaLabel="More audits"
        />
      )}
      {hasPermission(me, "windows:request") && (
        <Button
          disabled={obstacle !== null}
          disabledReason={obstacle ?? undefined}
          onClick={() => only && void navigate(recoveryRequestPath(only.account_id))}
        >
          Allow password recovery
        </Button>
      )}
      {hasPermission(me, "root_credentials:delete") && (
        <Button
          variant="primary"
          disabled={selected.size === 0}
          disabledReason="Select accounts or organizational units first."
          onClick={() => void navigate("/accounts/delete")}
        >
          Delete root user credentials
        </Button>
      )}
    </SpaceBetween>
  );
}
