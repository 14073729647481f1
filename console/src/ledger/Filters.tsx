/** Which entries of the ledger are shown. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Grid from "@cloudscape-design/components/grid";
import Input from "@cloudscape-design/components/input";
import Multiselect from "@cloudscape-design/components/multiselect";
import { useEffect, useState } from "react";
import { AccountField } from "../windows/AccountField";
import { ACTIONS } from "./actions";
import { EVERYTHING, nameAction, type Action, type LedgerWish, type Result } from "./entries";

const RESULT_OPTIONS: { value: Result; label: string }[] = [
  { value: "done", label: "Done" },
  { value: "failed", label: "Failed" },
  { value: "unknown", label: "Unknown" },
];
const ACTION_OPTIONS = ACTIONS.map((action) => ({ value: action, label: nameAction(action) }));
const NARROW = [4, 2, 2, 2, 2].map((columns) => ({ colspan: { default: 12, s: columns } }));

export function Filters({ wish, onChange }: { wish: LedgerWish; onChange: (wish: LedgerWish) => void }) {
  const [account, setAccount] = useState(wish.account_id);
  const [actor, setActor] = useState(wish.actor);
  useEffect(() => setAccount(wish.account_id), [wish.account_id]);
  useEffect(() => setActor(wish.actor), [wish.actor]);
  const isAccount = /^(\d{12})?$/.test(account.trim());
  const take = () => onChange({ ...wish, account_id: account.trim(), actor: actor.trim() });
  const clear = () => {
    setAccount("");
    setActor("");
    onChange(EVERYTHING);
  };
  return (
    <div role="search" aria-label="Find entries">
      <Grid gridDefinition={NARROW}>
        <AccountField
          account={account}
          description={isAccount ? undefined : "Choose an account of the list: this text alone filters nothing."}
          onChange={(text) => {
            setAccount(text);
            if (/^\d{12}$/.test(text.trim())) onChange({ ...wish, account_id: text.trim(), actor: actor.trim() });
            if (text === "") onChange({ ...wish, account_id: "", actor: actor.trim() });
          }}
        />
        <FormField label="Action">
          <Multiselect
            selectedOptions={ACTION_OPTIONS.filter(({ value }) => wish.actions.includes(value))}
            options={ACTION_OPTIONS}
            filteringType="auto"
            onChange={({ detail }) => onChange({ ...wish, actions: detail.selectedOptions.map((one) => one.value as Action) })}
            placeholder="Any action"
            tokenLimit={1}
            expandToViewport
          />
        </FormField>
        <FormField label="Result">
          <Multiselect
            selectedOptions={RESULT_OPTIONS.filter(({ value }) => wish.results.includes(value))}
            options={RESULT_OPTIONS}
            onChange={({ detail }) => onChange({ ...wish, results: detail.selectedOptions.map((one) => one.value as Result) })}
            placeholder="Any, and intents"
            tokenLimit={1}
            expandToViewport
          />
        </FormField>
        <FormField label="By" constraintText="A name, then Enter.">
          <Input
            value={actor}
            onChange={({ detail }) => setActor(detail.value)}
            onKeyDown={({ detail }) => detail.key === "Enter" && isAccount && take()}
            placeholder="Anybody"
            autoComplete="off"
          />
        </FormField>
        <Box padding={{ top: "xl" }}>
          <Button onClick={clear}>Clear</Button>
        </Box>
      </Grid>
    </div>
  );
}
