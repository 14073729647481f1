/** The accounts of the organization as a tree, with a flag on each: found, chosen, audited, looked into. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Skeleton from "@cloudscape-design/components/skeleton";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useCallback, useDeferredValue, useMemo, useState } from "react";
import { useSearchParams } from "react-router";
import { useObservable } from "../api/observable";
import { ConnectionLostError } from "../api/problems";
import { useSplitPanel } from "../shell/split-panel";
import { Headed } from "../shell/Headed";
import { ProblemAlert } from "../shell/ProblemAlert";
import { useAddressFilter } from "../tables/address-filter";
import { Ago } from "../times/Moment";
import { isUtc } from "../times/zone";
import { AccountActions } from "./AccountActions";
import { AccountPanel } from "./AccountPanel";
import { AuditProgress } from "./AuditProgress";
import { useAudit } from "./auditing";
import { chosenAccounts } from "./chosen";
import { pickColumns, useShownColumns } from "./columns";
import { ColumnChoice } from "./ColumnChoice";
import { useExceptions } from "./exceptions";
import { FILTER_ADDRESS, makeTest, NO_FILTER } from "./filter";
import { Filters } from "./Filters";
import { useListing, type AccountRow, type Listing } from "./listing";
import { NothingKnown } from "./NothingKnown";
import { buildTree, countChosen, listRows, type Branch } from "./tree";
import { focusTree, TreeGrid } from "./TreeGrid";

const CALM_MILLISECONDS = 15_000;
const BUSY_MILLISECONDS = 4_000;
/** So many accounts are shown at once; with more of them units are closed at first, but for the root. */
const FEW = 60;

export default function AccountsPage() {
  const audit = useAudit();
  const listing = useListing(audit.isRunning ? BUSY_MILLISECONDS : CALM_MILLISECONDS);
  return (
    <Headed
      title="Accounts"
      description={listing.data?.listedAt && <Described listing={listing.data} />}
      actions={listing.data?.listedAt && <AccountActions listing={listing.data} audit={audit} />}
    >
      <SpaceBetween size="m">
        <ProblemAlert error={untoldError(listing)} onRetry={() => void listing.refetch()} />
        <AuditProgress audit={audit} />
        {listing.data && (listing.data.listedAt ? <Contents listing={listing.data} /> : <NothingKnown audit={audit} />)}
        {listing.isPending && <Skeleton height="24rem" />}
      </SpaceBetween>
    </Headed>
  );
}

/** A lost connection is told by the banner, once there is something to show. */
function untoldError(listing: { error: unknown; data: Listing | undefined }): unknown {
  return listing.data && listing.error instanceof ConnectionLostError ? null : listing.error;
}

function Described({ listing }: { listing: Listing }) {
  return (
    <>
      {listing.accounts.length.toLocaleString()} accounts, listed <Ago at={listing.listedAt} />. Each shows what was read last.
    </>
  );
}

function Contents({ listing }: { listing: Listing }) {
  const [parameters] = useSearchParams();
  const [filter, setFilter] = useAddressFilter(FILTER_ADDRESS);
  const sought = useDeferredValue(filter);
  const [openedId, setOpenedId] = useState(parameters.get("account"));
  const [shownColumns, setShownColumns] = useShownColumns();
  const chosen = useObservable(chosenAccounts);
  const exceptions = useExceptions();
  const fits = useMemo(() => makeTest(sought, listing), [sought, listing]);
  const roots = useMemo(() => buildTree(listing, fits), [listing, fits]);
  const { isOpen, toggle } = useOpenUnits(roots, listing.accounts.length, sought !== NO_FILTER);
  const rows = useMemo(() => listRows(roots, isOpen), [roots, isOpen]);
  const counts = useMemo(() => countChosen(roots, chosen), [roots, chosen]);
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
      <div className="find">
        <Filters listing={listing} filter={filter} onChange={setFilter} />
        <ColumnChoice shown={shownColumns} onChange={setShownColumns} />
      </div>
      <Counted fitting={roots.reduce((sum, root) => sum + root.all.length, 0)} total={listing.accounts.length} chosen={chosen.size} />
      {rows.length > 0 ? (
        <TreeGrid
          rows={rows}
          columns={columns}
          chosen={chosen}
          counts={counts}
          exceptions={exceptions.reasons}
          openedId={openedId}
          onChoose={choose}
          onToggle={toggle}
          onShow={show}
        />
      ) : (
        <NoneFits onClear={() => setFilter(NO_FILTER)} />
      )}
    </SpaceBetween>
  );
}

function choose(accounts: readonly AccountRow[], isChosen: boolean): void {
  const next = new Set(chosenAccounts.get());
  for (const { account_id } of accounts) {
    if (isChosen) next.add(account_id);
    else next.delete(account_id);
  }
  chosenAccounts.set(next);
}

/** What a person opened or closed counts; else everything is open of what was sought, and of few accounts. */
function useOpenUnits(roots: readonly Branch[], total: number, isSought: boolean) {
  const [said, setSaid] = useState<ReadonlyMap<string, boolean>>(new Map());
  const usually = isSought || total <= FEW;
  const rootIds = useMemo(() => new Set(roots.map((root) => root.unit.ou_id)), [roots]);
  const isOpen = useCallback((ouId: string) => said.get(ouId) ?? (usually || rootIds.has(ouId)), [said, usually, rootIds]);
  const toggle = useCallback((ouId: string, open: boolean) => setSaid((before) => new Map(before).set(ouId, open)), []);
  return { isOpen, toggle };
}

function Counted({ fitting, total, chosen }: { fitting: number; total: number; chosen: number }) {
  const found = fitting === total ? `${total.toLocaleString()} accounts` : `${fitting.toLocaleString()} of ${total.toLocaleString()} accounts fit`;
  return (
    <div role="status" className="counted">
      <span>
        {found}
        {chosen > 0 && `, ${chosen.toLocaleString()} selected`}
      </span>
      {chosen > 0 && (
        <Button variant="inline-link" onClick={() => chosenAccounts.set(new Set())}>
          Clear selection
        </Button>
      )}
    </div>
  );
}

function NoneFits({ onClear }: { onClear: () => void }) {
  return (
    <Box textAlign="center" padding="xxl">
      <SpaceBetween size="s">
        <Box variant="strong">No account fits.</Box>
        <Button onClick={onClear}>Clear the filter</Button>
      </SpaceBetween>
    </Box>
  );
}
