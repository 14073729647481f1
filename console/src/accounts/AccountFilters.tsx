/** The filters of the accounts page: text, status, organizational unit, tag. */
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Multiselect from "@cloudscape-design/components/multiselect";
import Select from "@cloudscape-design/components/select";
import { useMemo } from "react";
import type { Status } from "../api/records";
import type { AccountListing, AccountRow } from "../organization/listing";
import { STATUSES } from "../organization/statuses";
import { buildTree, listBranches } from "../organization/tree";
import type { FilterCodec } from "../tables/url-filter";

interface AccountFiltersProps {
  listing: AccountListing;
  filter: AccountFilter;
  onChange: (filter: AccountFilter) => void;
}

const ANY_UNIT = { value: "", label: "Any organizational unit" };
const ANY_TAG = { value: "", label: "Any tag" };
const STATUS_OPTIONS = STATUSES.map((one) => ({ value: one.status, label: one.label }));

export function AccountFilters({ listing, filter, onChange: onFilter }: AccountFiltersProps) {
  const onChange = (next: AccountFilter) => onFilter(simplify(next));
  const units = useMemo(() => listUnits(listing), [listing]);
  const tags = useMemo(() => [ANY_TAG, ...listAllTags(listing).map((tag) => ({ value: tag, label: tag }))], [listing]);
  return (
    <div className="filters" role="search" aria-label="Find accounts">
      <FormField label="Find" stretch>
        <Input
          type="search"
          value={filter.text}
          placeholder="Name, id, e-mail, unit"
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
      <FormField label="Organizational unit" stretch>
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

function listUnits(listing: AccountListing): { value: string; label: string }[] {
  return [ANY_UNIT, ...listBranches(buildTree(listing, null)).map((one) => ({ value: one.unit.ou_id, label: one.path }))];
}

interface AccountFilter {
  text: string;
  statuses: readonly Status[];
  /** An organizational unit, with everything below it. */
  ouId: string | null;
  /** As `key=value`. */
  tag: string | null;
}

export const NO_FILTER: AccountFilter = { text: "", statuses: [], ouId: null, tag: null };

/** Such as `?q=payments&status=present&status=unknown&unit=ou-abcd-11112222&tag=team%3Dshop`. */
export const FILTER_CODEC: FilterCodec<AccountFilter> = {
  read: (parameters) => {
    const requested = parameters.getAll("status");
    return simplify({
      text: parameters.get("q") ?? "",
      statuses: STATUSES.map((one) => one.status).filter((status) => requested.includes(status)),
      ouId: parameters.get("unit"),
      tag: parameters.get("tag"),
    });
  },
  write: ({ text, statuses, ouId, tag }) => ({
    q: text ? [text] : [],
    status: statuses,
    unit: ouId ? [ouId] : [],
    tag: tag ? [tag] : [],
  }),
};

/** The filter, or `NO_FILTER` itself if it is empty. */
function simplify(filter: AccountFilter): AccountFilter {
  return filter.text === "" && filter.statuses.length === 0 && !filter.ouId && !filter.tag ? NO_FILTER : filter;
}

/** A predicate for accounts, or `null` if the filter is empty. */
export function makeMatcher(filter: AccountFilter, listing: AccountListing): ((account: AccountRow) => boolean) | null {
  const text = filter.text.trim().toLowerCase();
  if (!text && filter.statuses.length === 0 && !filter.ouId && !filter.tag) return null;
  const units = filter.ouId ? listBelow(filter.ouId, listing) : null;
  const namedUnits = text ? findNamedUnits(text, listing) : null;
  return (account) =>
    (filter.statuses.length === 0 || filter.statuses.includes(account.status)) &&
    (units === null || (account.ou_id !== null && units.has(account.ou_id))) &&
    (filter.tag === null || listTags(account).includes(filter.tag)) &&
    (!text || account.text.includes(text) || (account.ou_id !== null && (namedUnits?.has(account.ou_id) ?? false)));
}

export function listTags(account: AccountRow): string[] {
  return Object.entries(account.tags ?? {}).map(([key, value]) => `${key}=${value}`);
}

/** All known tags, sorted. */
function listAllTags(listing: AccountListing): string[] {
  return [...new Set(listing.accounts.flatMap(listTags))].sort();
}

function listBelow(ouId: string, listing: AccountListing): Set<string> {
  const found = new Set([ouId]);
  for (let before = 0; before !== found.size; ) {
    before = found.size;
    for (const unit of listing.units) if (unit.parent_id !== null && found.has(unit.parent_id)) found.add(unit.ou_id);
  }
  return found;
}

/** A text that matches the name of a unit also matches everything in the unit. */
function findNamedUnits(text: string, listing: AccountListing): Set<string> {
  const namedUnits = listing.units.filter((unit) => unit.parent_id !== null && unit.name.toLowerCase().includes(text));
  return new Set(namedUnits.flatMap((unit) => [...listBelow(unit.ou_id, listing)]));
}
