/** One row of the tree: a unit with its roll-up, or an account with its flag. */
import Badge from "@cloudscape-design/components/badge";
import Icon from "@cloudscape-design/components/icon";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { memo, type CSSProperties } from "react";
import { STATUSES } from "../overview/statuses";
import { RoleBadge, type Column } from "./columns";
import type { AccountRow } from "./listing";
import { isWhole, listAccounts, type Branch, type TreeRow } from "./tree";
import type { TreeGridProps } from "./TreeGrid";

interface TreeGridRowProps extends Pick<TreeGridProps, "onChoose" | "onToggle" | "onShow"> {
  row: TreeRow;
  index: number;
  /** In pixels. */
  top: number;
  columns: readonly Column[];
  isActive: boolean;
  isOpened: boolean;
  /** How many of its accounts are chosen. */
  chosen: number;
  exception: string | undefined;
  onActive: (id: string) => void;
}

export const TreeGridRow = memo(function TreeGridRow(props: TreeGridRowProps) {
  const { row, index, top, columns, isActive, isOpened, chosen, onActive } = props;
  const isChosen = row.kind === "account" ? chosen > 0 : isWhole(row.branch, chosen);
  const act = () => {
    onActive(row.id);
    if (row.kind === "account") props.onShow(row.account);
    else props.onToggle(row.id, !row.isOpen);
  };
  return (
    <div
      className={`tree__row${isChosen ? " tree__row--chosen" : ""}${isOpened ? " tree__row--opened" : ""}`}
      role="row"
      tabIndex={isActive ? 0 : -1}
      aria-rowindex={index + 2}
      aria-level={row.level}
      aria-posinset={row.position}
      aria-setsize={row.siblings}
      aria-selected={isChosen}
      aria-expanded={row.kind === "unit" ? row.isOpen : undefined}
      style={{ insetBlockStart: top }}
      onClick={act}
      onFocus={() => onActive(row.id)}
    >
      <div
        className="tree__cell tree__cell--name"
        role="gridcell"
        style={{ "--tree-level": row.level - 1 } as CSSProperties}
      >
        {row.kind === "unit" ? (
          <span className="tree__twisty">
            <Icon name={row.isOpen ? "caret-down-filled" : "caret-right-filled"} />
          </span>
        ) : (
          <span className="tree__space" />
        )}
        <Choice row={row} isChosen={isChosen} isSome={chosen > 0} onActive={onActive} onChoose={props.onChoose} />
        {row.kind === "unit" ? <UnitName branch={row.branch} /> : <AccountName account={row.account} exception={props.exception} />}
      </div>
      {row.kind === "unit" ? (
        <div className="tree__cell tree__cell--whole" role="gridcell" aria-colspan={Math.max(1, columns.length)}>
          <RollUp branch={row.branch} />
        </div>
      ) : (
        columns.map((column) => (
          <div key={column.id} className="tree__cell" role="gridcell">
            {column.cell(row.account)}
          </div>
        ))
      )}
    </div>
  );
});

interface ChoiceProps {
  row: TreeRow;
  isChosen: boolean;
  isSome: boolean;
  onActive: (id: string) => void;
  onChoose: TreeGridProps["onChoose"];
}

function Choice({ row, isChosen, isSome, onActive, onChoose }: ChoiceProps) {
  const name = row.kind === "account" ? row.account.name : `all in ${row.branch.unit.name}`;
  return (
    <input
      type="checkbox"
      tabIndex={-1}
      aria-label={`Select ${name}`}
      checked={isChosen}
      ref={(box) => {
        if (box) box.indeterminate = isSome && !isChosen;
      }}
      onClick={(event) => {
        event.stopPropagation();
        onActive(row.id);
      }}
      onChange={() => onChoose(listAccounts(row), !isChosen)}
    />
  );
}

function UnitName({ branch }: { branch: Branch }) {
  return (
    <>
      <Icon name="folder" />
      <span className="tree__text tree__text--unit" title={branch.path}>
        {branch.unit.name}
      </span>
      <span>({branch.all.length.toLocaleString()})</span>
    </>
  );
}

function AccountName({ account, exception }: { account: AccountRow; exception: string | undefined }) {
  return (
    <>
      <span className="tree__text" title={`${account.name} (${account.account_id})`}>
        {account.name}
      </span>
      <RoleBadge role={account.role} />
      {exception && (
        <span title={exception}>
          <Badge color="grey">Exception</Badge>
        </span>
      )}
    </>
  );
}

const ROLL_UP_WORDS = {
  present: "present",
  unknown: "unknown",
  recovery_open: "recovery open",
  not_present: "not present",
  not_applicable: "not applicable",
};

/** What is in a unit and below it, the worst first. */
function RollUp({ branch }: { branch: Branch }) {
  if (branch.all.length === 0) return <>No accounts</>;
  return STATUSES.filter(({ status }) => branch.counts[status] > 0).map(({ status, type }) => (
    <StatusIndicator key={status} type={type} wrapText={false}>
      {branch.counts[status].toLocaleString()} {ROLL_UP_WORDS[status]}
    </StatusIndicator>
  ));
}
