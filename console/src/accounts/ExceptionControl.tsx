/** Letting deletion skip an account for a while: added with an owner, a reason and an end, and ended before that. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import DatePicker from "@cloudscape-design/components/date-picker";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import { ask, api } from "../api/client";
import { may, queries, useMe } from "../api/queries";
import type { DeletionException } from "../api/records";
import { serverNow } from "../api/server-clock";
import { endOfDay, isDay } from "../reports/days";
import { Dialog } from "../settings/Dialog";
import type { AccountRow } from "./listing";

interface ExceptionControlProps {
  account: AccountRow;
  exception: DeletionException | undefined;
}

export function ExceptionControl({ account, exception }: ExceptionControlProps) {
  const { data: me } = useMe();
  const [isAsked, setAsked] = useState(false);
  if (!may(me, "exceptions:keep") || account.role !== "member") return null;
  const close = () => setAsked(false);
  return (
    <>
      <Button onClick={() => setAsked(true)}>{exception ? "End the exception" : "Add an exception"}</Button>
      {isAsked && !exception && <AddException account={account} onClose={close} />}
      {isAsked && exception && <EndException account={account} exception={exception} onClose={close} />}
    </>
  );
}

function readExceptionsAgain(): void {
  void queries.invalidateQueries({ queryKey: ["exceptions"] });
}

function AddException({ account, onClose }: { account: AccountRow; onClose: () => void }) {
  const { data: me } = useMe();
  const [owner, setOwner] = useState(me?.name ?? "");
  const [reason, setReason] = useState("");
  const [day, setDay] = useState("");
  const add = () => {
    const body = { account: account.account_id, owner: owner.trim(), reason: reason.trim(), until: endOfDay(day) };
    return ask(api.POST("/api/v1/exceptions", { body }));
  };
  return (
    <Dialog
      title={`Let deletion skip ${account.name}`}
      submitText="Add the exception"
      canSubmit={owner.trim() !== "" && reason.trim() !== "" && isDay(day)}
      act={add}
      onDone={readExceptionsAgain}
      onClose={onClose}
    >
      <FormField label="Owner" description="Who answers for it.">
        <Input value={owner} onChange={({ detail }) => setOwner(detail.value)} />
      </FormField>
      <FormField label="Reason" description="The ledger and every plan show it.">
        <Textarea value={reason} rows={2} onChange={({ detail }) => setReason(detail.value)} />
      </FormField>
      <FormField label="Ends after" description="It ends by itself; until then deletion leaves the account alone." constraintText="YYYY/MM/DD, in your time zone">
        <DatePicker
          value={day}
          onChange={({ detail }) => setDay(detail.value)}
          isDateEnabled={(date) => date.getTime() > serverNow()}
          placeholder="YYYY/MM/DD"
          openCalendarAriaLabel={(chosen) => (chosen ? `Choose another day than ${chosen}` : "Choose a day")}
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
      title={`End the exception of ${account.name}?`}
      submitText="End the exception"
      act={() => ask(api.DELETE("/api/v1/exceptions/{account_id}", { params }))}
      onDone={readExceptionsAgain}
      onClose={onClose}
    >
      <Box variant="p">
        {exception.owner} answers for it: {exception.reason}
      </Box>
      <Box variant="p">From now on a deletion may take this account.</Box>
    </Dialog>
  );
}
