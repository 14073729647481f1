/** The menu of a root e-mail address: what the person may do about it. */
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import { type TableProps } from "@cloudscape-design/components/table";
import type { RootEmail } from "../api/records";
import { canBeAttested, canBeChanged } from "./emails";

/** `undefined`: not permitted. */
export interface RowActions {
  attest: ((one: RootEmail) => void) | undefined;
  approve: ((one: RootEmail) => void) | undefined;
  change: ((one: RootEmail) => void) | undefined;
}

export function makeMenuColumn(actions: RowActions): TableProps.ColumnDefinition<RootEmail> {
  return { id: "actions", header: "Actions", cell: (one) => <RowMenu account={one} actions={actions} />, minWidth: 90 };
}

function RowMenu({ account, actions: { attest, approve, change } }: { account: RootEmail; actions: RowActions }) {
  const offered = [
    { id: "attest", text: "Attest", act: canBeAttested(account) ? attest : undefined },
    { id: "approve", text: "Approve a new address", act: canBeChanged(account) ? approve : undefined },
    { id: "change", text: "Change address", act: canBeChanged(account) ? change : undefined },
  ].filter(({ act }) => act !== undefined);
  if (offered.length === 0) return <>–</>;
  return (
    <ButtonDropdown
      variant="icon"
      expandToViewport
      ariaLabel={`Actions for ${account.name}`}
      items={offered.map(({ id, text }) => ({ id, text }))}
      onItemClick={({ detail }) => offered.find(({ id }) => id === detail.id)?.act?.(account)}
    />
  );
}
