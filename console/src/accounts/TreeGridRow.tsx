/** One row of the tree: an organizational unit with its status counts, or an account with its status. */
import Badge from "@cloudscape-design/components/badge";
import Icon from "@cloudscape-design/components/icon";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { type CSSProperties, memo } from "react";
import type { AccountRow } from "../organization/listing";
import { STATUSES } from "../organization/statuses";
import { type Branch, isFullySelected, listAccounts, type TreeRow } from "../organization/tree";
import { type Column, RoleBadge } from "./columns";
import type { RowActions } from "./tree-keyboard";

interface TreeGridRowProps extends RowActions {
  row: TreeRow;
  index: number;
  /** In pixels. */
  top: number;
  columns: readonly Column[];
  isActive: boolean;
  isOpened: boolean;
  /** How many of its accounts are selected. */
  selected: number;
  exception: string | undefined;
  onActive: (id: string) => void;
}

export const TreeGridRow = memo(function TreeGridRow(props: TreeGridRowProps) {
  const { row, index, top, columns, isActive, isOpened, selected, onActive } = props;
  const isSelected = row.kind === "account" ? selected > 0 : isFullySelected(row.branch, selected);
  const act = () => {
    onActive(row.id);
    if (row.kind === "account") props.onShow(row.account);
    else props.onToggle(row.id, !row.isOpen);
  };
  return (
    <div
      className={`tree__row${isSelected ? " tree__row--selected" : ""}${isOpened ? " tree__row--opened" : ""}`}
      role="row"
      tabIndex={isActive ? 0 : -1}
      aria-rowindex={index + 2}
      aria-level={row.level}
      aria-posinset={row.position}
      aria-setsize={row.siblings}
      aria-selected={isSelected}
      aria-expanded={row.kind === "unit" ? row.isOpen : undefined}
      style={{ insetBlockStart: top, "--tree-level": row.level - 1 } as CSSProperties}
      onClick={act}
      onFocus={() => onActive(row.id)}
    >
      <div className="tree__cell tree__cell--name" role="gridcell">
        {row.kind === "unit" ? (
          <span className="tree__toggle">
            <Icon name={row.isOpen ? "caret-down-filled" : "caret-right-filled"} />
          </span>
        ) : (
          <span className="tree__space" />
        )}
        <SelectionBox row={row} isSelected={isSelected} isPartial={selected > 0} onActive={onActive} onSelect={props.onSelect} />
        {row.kind === "unit" ? <UnitTitle branch={row.branch} /> : <AccountTitle account={row.account} exception={props.exception} />}
      </div>
      {row.kind === "unit" ? (
        <div className="tree__cell tree__cell--whole" role="gridcell" aria-colspan={Math.max(1, columns.length)}>
          <UnitStatus branch={row.branch} />
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

interface SelectionBoxProps {
  row: TreeRow;
  isSelected: boolean;
  isPartial: boolean;
  onActive: (id: string) => void;
  onSelect: RowActions["onSelect"];
}

function SelectionBox({ row, isSelected, isPartial, onActive, onSelect }: SelectionBoxProps) {
  const name = row.kind === "account" ? row.account.name : `all in ${row.branch.unit.name}`;
  return (
    <input
      type="checkbox"
      tabIndex={-1}
      aria-label={`Select ${name}`}
      checked={isSelected}
      ref={(box) => {
        if (box) box.indeterminate = isPartial && !isSelected;
      }}
      onClick={(event) => {
        event.stopPropagation();
        onActive(row.id);
      }}
      onChange={() => onSelect(listAccounts(row), !isSelected)}
    />
  );
}

function UnitTitle({ branch }: { branch: Branch }) {
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

function AccountTitle({ account, exception }: { account: AccountRow; exception: string | undefined }) {
  return (
    <>
      <span className="tree__text" title={`${account.name} (${account.account_id})`}>
        {account.name}
      </span>
      <RoleBadge role={account.role} />
      {exception && (
        <span className="tree__badge" title={exception}>
          <Badge color="grey">Exception</Badge>
        </span>
      )}
    </>
  );
}

const STATUS_COUNT_LABELS = {
  present: "present",
  unknown: "unknown",
  recovery_open: "recovery open",
  not_present: "not present",
  not_applicable: "not applicable",
};

/** The statuses in a unit and below it, the worst first. */
function UnitStatus({ branch }: { branch: Branch }) {
  if (branch.all.length === 0) return <>No accounts</>;
  return STATUSES.filter(({ status }) => branch.counts[status] > 0).map(({ status, type }) => (
    <span key={status} title={STATUS_COUNT_LABELS[status]}>
      <StatusIndicator type={type} wrapText={false}>
        {branch.counts[status].toLocaleString()}
        <span className="tree__status-word"> {STATUS_COUNT_LABELS[status]}</span>
      </StatusIndicator>
    </span>
  ));
}
