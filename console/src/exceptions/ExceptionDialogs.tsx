/** The dialogs that add, extend and remove an exception, and the button for one account. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import { hasPermission, useMe } from "../api/queries";
import type { DeletionException } from "../api/records";
import { DayField } from "../components/DayField";
import { Dialog } from "../components/Dialog";
import { AccountField } from "../organization/AccountField";
import type { AccountRow } from "../organization/listing";
import { endOfDay, isDay } from "../times/format";
import { Timestamp } from "../times/Timestamp";
import { refreshExceptions } from "./exceptions";

interface ExceptionControlProps {
  account: AccountRow;
  exception: DeletionException | undefined;
}

export function ExceptionControl({ account, exception }: ExceptionControlProps) {
  const { data: me } = useMe();
  const [isOpen, setOpen] = useState(false);
  if (!hasPermission(me, "exceptions:keep") || account.role !== "member") return null;
  const close = () => setOpen(false);
  return (
    <>
      <Button onClick={() => setOpen(true)}>{exception ? "Remove exception" : "Add exception"}</Button>
      {isOpen && !exception && <AddException account={account} onClose={close} />}
      {isOpen && exception && <RemoveException name={account.name} exception={exception} onClose={close} />}
    </>
  );
}

/** Without an account the dialog asks for one. */
export function AddException({ account, onClose }: { account?: { account_id: string; name: string }; onClose: () => void }) {
  const [named, setNamed] = useState("");
  const { data: me } = useMe();
  return (
    <ExceptionForm
      title={account ? `Add an exception for ${account.name}` : "Add exception"}
      submitText="Add exception"
      accountId={account?.account_id ?? named.trim()}
      owner={me?.name ?? ""}
      reason=""
      onClose={onClose}
    >
      {!account && <AccountField account={named} onChange={setNamed} isOffered={(one) => one.role !== "management"} />}
    </ExceptionForm>
  );
}

/** A later exception of an account replaces the earlier one, so the form also changes owner and reason. */
export function ExtendException({ name, exception, onClose }: { name: string; exception: DeletionException; onClose: () => void }) {
  return (
    <ExceptionForm
      title={`Extend the exception for ${name}`}
      submitText="Extend exception"
      accountId={exception.account_id}
      owner={exception.owner}
      reason={exception.reason}
      onClose={onClose}
    >
      <Box variant="p">
        {exception.in_force ? "It ends" : "It ended"} <Timestamp at={exception.until} />. What you enter replaces it.
      </Box>
    </ExceptionForm>
  );
}

interface ExceptionFormProps {
  title: string;
  submitText: string;
  accountId: string;
  owner: string;
  reason: string;
  onClose: () => void;
  children: React.ReactNode;
}

function ExceptionForm({ title, submitText, accountId, onClose, children, ...given }: ExceptionFormProps) {
  const [owner, setOwner] = useState(given.owner);
  const [reason, setReason] = useState(given.reason);
  const [day, setDay] = useState("");
  const keep = () => {
    const body = { account: accountId, owner: owner.trim(), reason: reason.trim(), until: endOfDay(day) };
    return unwrap(api.POST("/api/v1/exceptions", { body }));
  };
  return (
    <Dialog
      title={title}
      submitText={submitText}
      canSubmit={accountId !== "" && owner.trim() !== "" && reason.trim() !== "" && isDay(day)}
      act={keep}
      onDone={refreshExceptions}
      onClose={onClose}
    >
      {children}
      <FormField label="Owner" description="Who is responsible for the exception.">
        <Input value={owner} onChange={({ detail }) => setOwner(detail.value)} />
      </FormField>
      <FormField label="Reason" description="The ledger and every plan show the reason.">
        <Textarea value={reason} rows={2} onChange={({ detail }) => setReason(detail.value)} />
      </FormField>
      <DayField description="Deletion skips the account until the end of this day." value={day} onChange={setDay} />
    </Dialog>
  );
}

export function RemoveException({ name, exception, onClose }: { name: string; exception: DeletionException; onClose: () => void }) {
  const params = { path: { account_id: exception.account_id } };
  return (
    <Dialog
      title={`Remove the exception for ${name}?`}
      submitText="Remove exception"
      act={() => unwrap(api.DELETE("/api/v1/exceptions/{account_id}", { params }))}
      onDone={refreshExceptions}
      onClose={onClose}
    >
      <Box variant="p">
        Owner: {exception.owner}. Reason: {exception.reason}
      </Box>
      <Box variant="p">{exception.in_force ? "Deletions can then include this account." : "It has ended, so deletions can include this account already."}</Box>
    </Dialog>
  );
}
