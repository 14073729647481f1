/** Asking for a recovery window: what for, for how long; first checked, then requested. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import Container from "@cloudscape-design/components/container";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../api/client";
import type { RecoveryWindow } from "../api/records";
import { submitting } from "../signin/submitting";
import { AccountField } from "./AccountField";
import { CheckedRequest } from "./CheckedRequest";
import { DurationField } from "./DurationField";
import { Refusal } from "./Refusal";
import { readWindowsAgain } from "./windows";

interface RequestWindowProps {
  /** Filled in; it can be changed. */
  accountId?: string;
  onRequested: (made: RecoveryWindow) => void;
  onCancel: () => void;
}

const FIRST = { reason: "", ticket: "", duration_seconds: 14_400, is_drill: false, is_emergency: false };

export function RequestWindow({ accountId = "", onRequested, onCancel }: RequestWindowProps) {
  const [wish, setWish] = useState({ ...FIRST, account: accountId });
  const body = { ...wish, account: wish.account.trim(), reason: wish.reason.trim(), ticket: wish.ticket.trim() || null };
  const checking = useMutation({
    mutationFn: () => ask(api.POST("/api/v1/windows/check", { body })),
    meta: { showsErrors: true },
  });
  const requesting = useMutation({
    mutationFn: () => ask(api.POST("/api/v1/windows", { body })),
    onSuccess: async (made) => {
      await readWindowsAgain();
      onRequested(made);
    },
    meta: { showsErrors: true },
  });
  const change = (part: Partial<typeof wish>) => {
    checking.reset();
    requesting.reset();
    setWish({ ...wish, ...part });
  };
  const isWhole = body.account !== "" && body.reason !== "";
  return (
    <form onSubmit={submitting(() => checking.mutate(), isWhole && !checking.isPending && !requesting.isPending)}>
      <Form
        actions={
          <SpaceBetween size="xs" direction="horizontal">
            <Button variant="link" formAction="none" onClick={onCancel}>
              Cancel
            </Button>
            <Button formAction="submit" disabled={!isWhole} loading={checking.isPending}>
              Check
            </Button>
            <Button
              variant="primary"
              formAction="none"
              disabled={!checking.data}
              disabledReason="Check it first: what stands in its way is then told before anybody is asked."
              loading={requesting.isPending}
              onClick={() => requesting.mutate()}
            >
              Request the window
            </Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="l">
          <Container>
            <Fields wish={wish} onChange={change} />
          </Container>
          <div role="status">
            <Refusal error={checking.error ?? requesting.error} />
            {checking.data && <CheckedRequest check={checking.data} isEmergency={wish.is_emergency} />}
          </div>
        </SpaceBetween>
      </Form>
    </form>
  );
}

type Wish = typeof FIRST & { account: string };

function Fields({ wish, onChange }: { wish: Wish; onChange: (part: Partial<Wish>) => void }) {
  const policy = useQuery({ queryKey: ["policy"], queryFn: () => ask(api.GET("/api/v1/policy")) });
  const allowsEmergency = policy.data?.windows.emergency === true;
  const longest = policy.data?.windows.longest_seconds;
  return (
    <SpaceBetween size="m">
      <AccountField
        account={wish.account}
        onChange={(account) => onChange({ account })}
        description="The member account in which somebody must sign in as root user."
      />
      <FormField label="Reason" description="What the root user is needed for. Approvers, the ledger and the report show it.">
        <Textarea value={wish.reason} onChange={({ detail }) => onChange({ reason: detail.value })} rows={3} />
      </FormField>
      <FormField label="Ticket (optional)">
        <Input value={wish.ticket} onChange={({ detail }) => onChange({ ticket: detail.value })} autoComplete="off" />
      </FormField>
      <DurationField
        label="For how long"
        description="Counted from the opening. At its end every root user credential of the account is deleted."
        seconds={wish.duration_seconds}
        onChange={(duration_seconds) => onChange({ duration_seconds })}
        longest={typeof longest === "number" ? longest : undefined}
      />
      <Checkbox
        checked={wish.is_drill}
        onChange={({ detail }) => onChange({ is_drill: detail.checked })}
        description="The same steps, marked as a drill in every list and report."
      >
        This is a drill
      </Checkbox>
      {allowsEmergency && (
        <Checkbox
          checked={wish.is_emergency}
          onChange={({ detail }) => onChange({ is_emergency: detail.checked })}
          description="Opens without approval. Everybody is told at once, and a second person reviews it within 24 hours."
        >
          This is an emergency
        </Checkbox>
      )}
      {wish.is_emergency && (
        <Box color="text-status-error">It will be recorded and reported as an emergency that nobody approved.</Box>
      )}
    </SpaceBetween>
  );
}
