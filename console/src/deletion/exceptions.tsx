/** Exceptions: accounts that deletion skips for a time, with an owner and a reason. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import DatePicker from "@cloudscape-design/components/date-picker";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Textarea from "@cloudscape-design/components/textarea";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api, unwrap } from "../api/client";
import { hasPermission, queries, useMe } from "../api/queries";
import type { DeletionException } from "../api/records";
import { serverNow } from "../api/server-clock";
import { Dialog } from "../components/Dialog";
import type { AccountRow } from "../organization/listing";
import { endOfDay, isDay } from "../times/format";

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
      {isOpen && exception && <EndException account={account} exception={exception} onClose={close} />}
    </>
  );
}

function refreshExceptions(): void {
  void queries.invalidateQueries({ queryKey: ["exceptions"] });
}

function AddException({ account, onClose }: { account: AccountRow; onClose: () => void }) {
  const { data: me } = useMe();
  const [owner, setOwner] = useState(me?.name ?? "");
  const [reason, setReason] = useState("");
  const [day, setDay] = useState("");
  const add = () => {
    const body = { account: account.account_id, owner: owner.trim(), reason: reason.trim(), until: endOfDay(day) };
    return unwrap(api.POST("/api/v1/exceptions", { body }));
  };
  return (
    <Dialog
      title={`Add an exception for ${account.name}`}
      submitText="Add exception"
      canSubmit={owner.trim() !== "" && reason.trim() !== "" && isDay(day)}
      act={add}
      onDone={refreshExceptions}
      onClose={onClose}
    >
      <FormField label="Owner" description="Who is responsible for the exception.">
        <Input value={owner} onChange={({ detail }) => setOwner(detail.value)} />
      </FormField>
      <FormField label="Reason" description="The ledger and every plan show the reason.">
        <Textarea value={reason} rows={2} onChange={({ detail }) => setReason(detail.value)} />
      </FormField>
      <FormField label="Valid through" description="Deletion skips the account until the end of this day." constraintText="YYYY/MM/DD, in your time zone">
        <DatePicker
          value={day}
          onChange={({ detail }) => setDay(detail.value)}
          isDateEnabled={(date) => date.getTime() > serverNow()}
          placeholder="YYYY/MM/DD"
          openCalendarAriaLabel={(date) => (date ? `Choose a date, selected date is ${date}` : "Choose a date")}
          expandToViewport
        />
      </FormField>
    </Dialog>
  );
}

interface EndExceptionProps {
  account: AccountRow;
  exception: DeletionException;
  onClose: () => void;
}

function EndException({ account, exception, onClose }: EndExceptionProps) {
  const params = { path: { account_id: account.account_id } };
  return (
    <Dialog
      title={`Remove the exception for ${account.name}?`}
      submitText="Remove exception"
      act={() => unwrap(api.DELETE("/api/v1/exceptions/{account_id}", { params }))}
      onDone={refreshExceptions}
      onClose={onClose}
    >
      <Box variant="p">
        Owner: {exception.owner}. Reason: {exception.reason}
      </Box>
      <Box variant="p">Deletions can then include this account.</Box>
    </Dialog>
  );
}

const PAGE = 500;

async function readExceptions(): Promise<DeletionException[]> {
  const found: DeletionException[] = [];
  let after: string | undefined;
  do {
    const params = { query: { limit: PAGE, after } };
    const page = await unwrap(api.GET("/api/v1/exceptions", { params }));
    found.push(...page.exceptions);
    after = page.next ?? undefined;
  } while (after !== undefined);
  return found;
}

export function useExceptions() {
  const found = useQuery({
    queryKey: ["exceptions"],
    queryFn: readExceptions,
    select: (exceptions) => exceptions.filter((one) => one.in_force),
  });
  const byAccount = useMemo(() => new Map(found.data?.map((one) => [one.account_id, one])), [found.data]);
  const reasons = useMemo(
    () => new Map(found.data?.map((one) => [one.account_id, `Exception of ${one.owner}: ${one.reason}`])),
    [found.data],
  );
  return { ...found, byAccount, reasons };
}
