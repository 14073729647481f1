/** The filters of the ledger page. */
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Multiselect from "@cloudscape-design/components/multiselect";
import { useEffect, useState } from "react";
import { AccountField } from "../organization/AccountField";
import { PeriodPicker } from "../components/PeriodPicker";
import type { ChosenPeriod } from "../times/periods";
import { type Action, ACTIONS, type LedgerFilter, nameAction, NO_FILTER, type Result } from "./entries";

const RESULT_OPTIONS: { value: Result; label: string }[] = [
  { value: "done", label: "Done" },
  { value: "failed", label: "Failed" },
  { value: "unknown", label: "Unknown" },
];
const ACTION_OPTIONS = ACTIONS.map((action) => ({ value: action, label: nameAction(action) }));

interface LedgerFiltersProps {
  filter: LedgerFilter;
  onChange: (filter: LedgerFilter) => void;
  chosen: ChosenPeriod;
}

export function LedgerFilters({ filter, onChange, chosen }: LedgerFiltersProps) {
  const [account, setAccount] = useState(filter.account_id);
  const [actor, setActor] = useState(filter.actor);
  const [reference, setReference] = useState(filter.reference);
  useEffect(() => setReference(filter.reference), [filter.reference]);
  useEffect(() => setAccount(filter.account_id), [filter.account_id]);
  useEffect(() => setActor(filter.actor), [filter.actor]);
  const isAccount = /^(\d{12})?$/.test(account.trim());
  const apply = () => onChange({ ...filter, account_id: account.trim(), actor: actor.trim(), reference: reference.trim() });
  const clear = () => {
    setAccount("");
    setActor("");
    setReference("");
    onChange(NO_FILTER);
    if (chosen.choice !== "all") chosen.choose("all");
  };
  return (
    <div className="filters" role="search" aria-label="Find entries">
      <PeriodPicker usual="all" chosen={chosen} />
        <AccountField
          account={account}
          description={isAccount ? undefined : "Choose an account from the list to apply this filter."}
          onChange={(text) => {
            setAccount(text);
            if (/^\d{12}$/.test(text.trim())) onChange({ ...filter, account_id: text.trim(), actor: actor.trim() });
            if (text === "") onChange({ ...filter, account_id: "", actor: actor.trim() });
          }}
        />
        <FormField label="Action">
          <Multiselect
            selectedOptions={ACTION_OPTIONS.filter(({ value }) => filter.actions.includes(value))}
            options={ACTION_OPTIONS}
            filteringType="auto"
            onChange={({ detail }) => onChange({ ...filter, actions: detail.selectedOptions.map((one) => one.value as Action) })}
            placeholder="Any action"
            tokenLimit={1}
            expandToViewport
          />
        </FormField>
        <FormField label="Result">
          <Multiselect
            selectedOptions={RESULT_OPTIONS.filter(({ value }) => filter.results.includes(value))}
            options={RESULT_OPTIONS}
            onChange={({ detail }) => onChange({ ...filter, results: detail.selectedOptions.map((one) => one.value as Result) })}
            placeholder="Any result"
            tokenLimit={1}
            expandToViewport
          />
        </FormField>
        <FormField label="By" constraintText="Enter a name and press Enter.">
          <Input
            value={actor}
            onChange={({ detail }) => setActor(detail.value)}
            onKeyDown={({ detail }) => detail.key === "Enter" && isAccount && apply()}
            placeholder="Any user"
            autoComplete="off"
          />
        </FormField>
        <FormField label="Id" constraintText="Of a window, job or plan. Press Enter.">
          <Input
            value={reference}
            onChange={({ detail }) => setReference(detail.value)}
            onKeyDown={({ detail }) => detail.key === "Enter" && isAccount && apply()}
            placeholder="Any"
            autoComplete="off"
          />
        </FormField>
        <div className="filters__button">
          <Button onClick={clear}>Clear filters</Button>
        </div>
    </div>
  );
}
