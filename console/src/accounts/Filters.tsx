/** What accounts are looked for by: text, status, unit, tag. */
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Multiselect from "@cloudscape-design/components/multiselect";
import Select from "@cloudscape-design/components/select";
import { useMemo } from "react";
import type { Status } from "../api/records";
import { STATUSES } from "../overview/statuses";
import { listAllTags, NO_FILTER, simplify, type AccountFilter } from "./filter";
import type { Listing } from "./listing";
import { buildTree, listBranches } from "./tree";

interface FiltersProps {
  listing: Listing;
  filter: AccountFilter;
  onChange: (filter: AccountFilter) => void;
}

const ANY_UNIT = { value: "", label: "Any unit" };
const ANY_TAG = { value: "", label: "Any tag" };
const STATUS_OPTIONS = STATUSES.map((one) => ({ value: one.status, label: one.words }));

export function Filters({ listing, filter, onChange: take }: FiltersProps) {
  const onChange = (next: AccountFilter) => take(simplify(next));
  const units = useMemo(() => listUnits(listing), [listing]);
  const tags = useMemo(() => [ANY_TAG, ...listAllTags(listing).map((tag) => ({ value: tag, label: tag }))], [listing]);
  return (
    <div className="filters" role="search" aria-label="Find accounts">
      <FormField label="Find" stretch>
        <Input
          type="search"
          value={filter.text}
          placeholder="Name, id, e-mail or unit"
          onChange={({ detail }) => onChange({ ...filter, text: detail.value })}
        />
      </FormField>
      <FormField label="Status" stretch>
        <Multiselect
          selectedOptions={STATUS_OPTIONS.filter((one) => filter.statuses.includes(one.value))}
          options={STATUS_OPTIONS}
          placeholder="Any status"
          hideTokens
          onChange={({ detail }) => onChange({ ...filter, statuses: detail.selectedOptions.map((one) => one.value as Status) })}
        />
      </FormField>
      <FormField label="Unit" stretch>
        <Select
          selectedOption={units.find((one) => one.value === filter.ouId) ?? ANY_UNIT}
          options={units}
          filteringType="auto"
          virtualScroll
          onChange={({ detail }) => onChange({ ...filter, ouId: detail.selectedOption.value || null })}
        />
      </FormField>
      {tags.length > 1 && (
        <FormField label="Tag" stretch>
          <Select
            selectedOption={tags.find((one) => one.value === filter.tag) ?? ANY_TAG}
            options={tags}
            filteringType="auto"
            virtualScroll
            onChange={({ detail }) => onChange({ ...filter, tag: detail.selectedOption.value || null })}
          />
        </FormField>
      )}
      <Button disabled={filter === NO_FILTER} onClick={() => onChange(NO_FILTER)}>
        Clear
      </Button>
    </div>
  );
}

function listUnits(listing: Listing): { value: string; label: string }[] {
  return [ANY_UNIT, ...listBranches(buildTree(listing, null)).map((one) => ({ value: one.unit.ou_id, label: one.path }))];
}
