/** The switcher of the top bar: this organization, the others, and the page of all. Another organization is loaded anew. */
import type { ButtonDropdownProps } from "@cloudscape-design/components/button-dropdown";
import FormField from "@cloudscape-design/components/form-field";
import Modal from "@cloudscape-design/components/modal";
import Select from "@cloudscape-design/components/select";
import type { TopNavigationProps } from "@cloudscape-design/components/top-navigation";
import { organizationHref, organizationName } from "../api/place";
import type { Me, Organization } from "../api/records";
import { useFocusOnFirstField } from "../components/Dialog";

/** More are searched in a dialog. */
const LISTED_COUNT = 10;
export const SEARCH_ID = "search";

/**
 * The menu of organizations, on a server of several.
 *
 * @param path The page that another organization opens at.
 */
export function makeSwitcher(me: Me, organizations: readonly Organization[], path: string): TopNavigationProps.MenuDropdownUtility {
  const others = organizations.filter(({ name }) => name !== organizationName);
  const current = organizationName ?? "All organizations";
  return {
    type: "menu-dropdown",
    text: current,
    ariaLabel: organizationName === null ? "All organizations: open an organization" : `Organization ${current}: switch to another one`,
    iconName: "share",
    disableUtilityCollapse: true,
    disableTextCollapse: true,
    items: [
      ...(others.length === 0 ? [] : [{ text: organizationName === null ? "Open" : "Switch to", items: listOthers(others, path) }]),
      ...(organizationName === null ? [] : [{ id: "all", text: "All organizations", href: "/organizations" }]),
      organizationName === null
        ? { id: "version", text: "Rootkeeper version", secondaryText: me.version, disabled: true }
        : { text: "This organization", items: listFacts(me) },
    ],
  };
}

/** About the organization of this page. */
export function listFacts(me: Me): ButtonDropdownProps.Item[] {
  return [
    { id: "organization", text: "Organization", secondaryText: me.organization_id, disabled: true },
    { id: "endpoint", text: "Endpoint", secondaryText: me.endpoint, disabled: true },
    { id: "version", text: "Rootkeeper version", secondaryText: me.version, disabled: true },
  ];
}

function listOthers(others: readonly Organization[], path: string): ButtonDropdownProps.Item[] {
  if (others.length > LISTED_COUNT) return [{ id: SEARCH_ID, text: "Find an organization" }];
  return others.map(({ name, organization_id }) => ({
    id: `organization ${name}`,
    text: name,
    secondaryText: organization_id,
    href: organizationHref(name, path),
  }));
}

interface FindOrganizationProps {
  organizations: readonly Organization[];
  /** The page to open. */
  path: string;
  onClose: () => void;
}

export function FindOrganization({ organizations, path, onClose }: FindOrganizationProps) {
  const field = useFocusOnFirstField<HTMLDivElement>();
  return (
    <Modal visible position="top" header="Find an organization" onDismiss={onClose}>
      <div ref={field}>
        <FormField label="Organization" description="Its page opens as soon as you choose it.">
          <Select
            selectedOption={null}
            placeholder="Choose an organization"
            filteringType="auto"
            filteringPlaceholder="Name or id"
            filteringAriaLabel="Name or id of the organization"
            empty="No organization matches."
            expandToViewport
            options={organizations
              .filter(({ name }) => name !== organizationName)
              .map(({ name, organization_id }) => ({ value: name, label: name, description: organization_id }))}
            onChange={({ detail }) => window.location.assign(organizationHref(detail.selectedOption.value ?? "", path))}
          />
        </FormField>
      </div>
    </Modal>
  );
}
