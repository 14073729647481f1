/** Views of the accounts page: common ones, and those that the user saved on the server. */
import Box from "@cloudscape-design/components/box";
import ButtonDropdown, { type ButtonDropdownProps } from "@cloudscape-design/components/button-dropdown";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation, useNavigate } from "react-router";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import { Dialog } from "../components/Dialog";
import { COMMON_VIEWS } from "./filters";

const QUERY_KEY = ["views"];

export function SavedViews() {
  const navigate = useNavigate();
  const { pathname, search } = useLocation();
  const [dialog, setDialog] = useState<"save" | "delete" | null>(null);
  const saved = useQuery({ queryKey: QUERY_KEY, queryFn: () => unwrap(api.GET("/api/v1/me/views")) });
  const views = saved.data?.views ?? [];
  const act = (id: string) => {
    if (id === "save" || id === "delete") setDialog(id);
    else void navigate(id.slice(PREFIX.length));
  };
  return (
    <>
      <ButtonDropdown items={listItems(views)} onItemClick={({ detail }) => act(detail.id)} expandToViewport>
        Views
      </ButtonDropdown>
      {dialog === "save" && <SaveView address={`${pathname}${search}`} onClose={() => setDialog(null)} />}
      {dialog === "delete" && <DeleteView names={views.map((view) => view.name)} onClose={() => setDialog(null)} />}
    </>
  );
}

/** Before the address in the id of an item, so that no address is taken for an action. */
const PREFIX = "open ";

function listItems(views: readonly { name: string; address: string }[]): ButtonDropdownProps.ItemOrGroup[] {
  const toItem = ({ name, address }: { name: string; address: string }) => ({ id: `${PREFIX}${address}`, text: name });
  return [
    { text: "Common views", items: COMMON_VIEWS.map(toItem) },
    ...(views.length > 0 ? [{ text: "Your views", items: views.map(toItem) }] : []),
    {
      text: "Change",
      items: [
        { id: "save", text: "Save this view" },
        { id: "delete", text: "Delete a view", disabled: views.length === 0, disabledReason: "You have no saved views." },
      ],
    },
  ];
}

function refreshViews(): void {
  void queries.invalidateQueries({ queryKey: QUERY_KEY });
}

function SaveView({ address, onClose }: { address: string; onClose: () => void }) {
  const [name, setName] = useState("");
  const save = () => unwrap(api.PUT("/api/v1/me/views/{name}", { params: { path: { name: name.trim() } }, body: { address } }));
  return (
    <Dialog title="Save this view" submitText="Save view" canSubmit={name.trim() !== ""} act={save} onDone={refreshViews} onClose={onClose}>
      <Box variant="p">The filter, the layout and the order of the accounts are saved for you on the server. Others don't see the view.</Box>
      <FormField label="Name" constraintText="A view of the same name is replaced.">
        <Input value={name} onChange={({ detail }) => setName(detail.value)} />
      </FormField>
    </Dialog>
  );
}

function DeleteView({ names, onClose }: { names: readonly string[]; onClose: () => void }) {
  const [name, setName] = useState(names[0] ?? "");
  const remove = () => unwrap(api.DELETE("/api/v1/me/views/{name}", { params: { path: { name } } }));
  return (
    <Dialog title="Delete a view" submitText="Delete view" canSubmit={name !== ""} act={remove} onDone={refreshViews} onClose={onClose}>
      <FormField label="View">
        <Select
          selectedOption={{ value: name, label: name }}
          options={names.map((one) => ({ value: one, label: one }))}
          onChange={({ detail }) => setName(detail.selectedOption.value ?? "")}
        />
      </FormField>
    </Dialog>
  );
}
