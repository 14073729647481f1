/** The filters of the accounts page: a text, and tokens for everything else. */
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import PropertyFilter, { type PropertyFilterProps } from "@cloudscape-design/components/property-filter";
import { useMemo } from "react";
import type { AccountListing } from "../organization/listing";
import { type AccountFilter, type FilterToken, listOptions, type Operator, PROPERTIES, simplify } from "./filters";

interface AccountFiltersProps {
  listing: AccountListing;
  filter: AccountFilter;
  onChange: (filter: AccountFilter) => void;
}

export function AccountFilters({ listing, filter, onChange }: AccountFiltersProps) {
  const options = useMemo(() => listOptions(listing), [listing]);
  const properties = useMemo(() => describeProperties(options), [options]);
  return (
    <div className="filters" role="search" aria-label="Find accounts">
      <div className="filters__search">
        <FormField label="Find" stretch>
          <Input
            type="search"
            value={filter.text}
            placeholder="Name, id, e-mail, unit"
            onChange={({ detail }) => onChange(simplify({ ...filter, text: detail.value }))}
          />
        </FormField>
      </div>
      <div className="filters__wide">
        <FormField label="Filter" stretch>
        <PropertyFilter
          query={{ operation: "and", tokens: filter.tokens.map(toQueryToken) }}
          onChange={({ detail }) => onChange(simplify({ ...filter, tokens: detail.tokens.flatMap(parseQueryToken) }))}
          filteringProperties={properties}
          filteringOptions={options}
          filteringAriaLabel="Filter"
          filteringPlaceholder="Status, credential, age, unit, tag"
          filteringEmpty="Choose a property, such as Status."
          hideOperations
          disableFreeTextFiltering
          virtualScroll={options.length > MANY_OPTIONS}
          expandToViewport
          i18nStrings={TEXTS}
        />
        </FormField>
      </div>
    </div>
  );
}

const MANY_OPTIONS = 500;

const TEXTS: PropertyFilterProps.I18nStrings = {
  clearFiltersText: "Clear filter",
  tokenOperatorAriaLabel: "And",
  removeTokenButtonAriaLabel: (token) => `Remove filter: ${token.propertyLabel} ${token.operator} ${String(token.value)}`,
  enteredTextLabel: (text) => `Use: ${text}`,
};

function describeProperties(options: readonly PropertyFilterProps.FilteringOption[]): PropertyFilterProps.FilteringProperty[] {
  const labels = new Map(options.map((one) => [`${one.propertyKey} ${one.value}`, one.label ?? one.value]));
  return PROPERTIES.map(({ id, label, valuesLabel, operators, readTime }) => ({
    key: id,
    propertyLabel: label,
    groupValuesLabel: valuesLabel,
    defaultOperator: operators[0],
    operators: operators.map((operator) =>
      readTime
        ? { operator, format: (value: unknown) => `${String(value)} days${id === "age" ? " old" : " ago"}` }
        : {
            operator,
            tokenType: "enum" as const,
            format: (value: unknown) => listValues(value).map((one) => labels.get(`${id} ${one}`) ?? one).join(", "),
          },
    ),
  }));
}

function listValues(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String);
  return value === null || value === undefined || value === "" ? [] : [String(value)];
}

function toQueryToken({ property, operator, values }: FilterToken): PropertyFilterProps.Token {
  const isTime = PROPERTIES.some((one) => one.id === property && one.readTime);
  return { propertyKey: property, operator, value: isTime ? values[0] : [...values] };
}

/** A token without a value, or with an age that isn't a number of days, filters nothing and is dropped. */
function parseQueryToken({ propertyKey, operator, value }: PropertyFilterProps.Token): FilterToken[] {
  const property = PROPERTIES.find((one) => one.id === propertyKey);
  const values = listValues(value).map((one) => one.trim());
  if (!property || values.length === 0) return [];
  if (property.readTime && !/^\d{1,5}$/.test(values[0] ?? "")) return [];
  return [{ property: property.id, operator: operator as Operator, values }];
}
