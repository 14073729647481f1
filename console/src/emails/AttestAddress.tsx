/** The dialogs in which a person attests that a group reads an address, or each of several addresses. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import { type ReactNode, useState } from "react";
import { api, unwrap } from "../api/client";
import { describeError, ProblemError } from "../api/problems";
import { useMe } from "../api/queries";
import { DayField } from "../components/DayField";
import { Dialog } from "../components/Dialog";
import { notify } from "../components/notices";
import { endOfDay, isDay } from "../times/format";
import { refreshEmails } from "./emails";

interface Statement {
  attested_by: string;
  until: string;
}

function attest(address: string, statement: Statement) {
  return unwrap(api.POST("/api/v1/root-emails/attestations", { body: { address, ...statement } }));
}

export function AttestAddress({ onClose }: { onClose: () => void }) {
  const [address, setAddress] = useState("");
  return (
    <AttestDialog
      title="Attest that a group reads an address"
      canSubmit={address.trim() !== ""}
      act={(statement) => attest(address.trim(), statement)}
      onDone={() => {
        refreshEmails();
        onClose();
      }}
      onClose={onClose}
    >
      <FormField label="Address" description="A root e-mail address, in use or planned.">
        <Input value={address} type="email" onChange={({ detail }) => setAddress(detail.value)} />
      </FormField>
    </AttestDialog>
  );
}

interface Failure {
  address: string;
  text: string;
}

interface AttestAddressesProps {
  addresses: readonly string[];
  /** Addresses that are attested now, also while the dialog stays open because others failed. */
  onAttested: (addresses: readonly string[]) => void;
  onClose: () => void;
}

/** One confirmation for all addresses. Those that fail stay in the dialog with the reason, and can be sent again. */
export function AttestAddresses({ addresses, onAttested, onClose }: AttestAddressesProps) {
  const [remaining, setRemaining] = useState(addresses);
  const [failures, setFailures] = useState<readonly Failure[]>([]);
  const count = remaining.length;
  return (
    <AttestDialog
      title={count === 1 ? `Attest that a group reads ${remaining[0]}` : `Attest that groups read ${count.toLocaleString()} addresses`}
      canSubmit
      act={(statement) => attestEach(remaining, statement)}
      onDone={(failed) => {
        const left = failed.map(({ address }) => address);
        const done = remaining.filter((address) => !left.includes(address));
        refreshEmails();
        if (done.length > 0) {
          notify("success", done.length === 1 ? `Attested: ${done[0]}.` : `Attested: ${done.length.toLocaleString()} addresses.`);
          onAttested(done);
        }
        setRemaining(left);
        setFailures(failed);
        if (failed.length === 0) onClose();
      }}
      onClose={onClose}
    >
      {failures.length > 0 && (
        <div role="alert">
          <Alert type="error" header="These addresses weren't attested.">
            <ul className="plain">
              {failures.map(({ address, text }) => (
                <li key={address}>
                  {address}: {text}
                </li>
              ))}
            </ul>
          </Alert>
        </div>
      )}
      {failures.length === 0 && count > 1 && (
        <ul className="plain" aria-label="Addresses">
          {remaining.map((address) => (
            <li key={address}>{address}</li>
          ))}
        </ul>
      )}
    </AttestDialog>
  );
}

/** One request for each address, in their order. A refused address doesn't hold up the others, a lost connection does. */
async function attestEach(addresses: readonly string[], statement: Statement): Promise<Failure[]> {
  const failures: Failure[] = [];
  for (const [index, address] of addresses.entries()) {
    try {
      await attest(address, statement);
    } catch (error) {
      const { what, next } = describeError(error);
      failures.push({ address, text: `${what} ${next}`.trim() });
      if (error instanceof ProblemError) continue;
      return [...failures, ...addresses.slice(index + 1).map((unsent) => ({ address: unsent, text: "Not sent." }))];
    }
  }
  return failures;
}

interface AttestDialogProps<T> {
  title: string;
  canSubmit: boolean;
  act: (statement: Statement) => Promise<T>;
  onDone: (answer: T) => void;
  onClose: () => void;
  children: ReactNode;
}

function AttestDialog<T>({ title, canSubmit, act, onDone, onClose, children }: AttestDialogProps<T>) {
  const { data: me } = useMe();
  const [attestedBy, setAttestedBy] = useState(me?.name ?? "");
  const [day, setDay] = useState("");
  return (
    <Dialog
      title={title}
      submitText="Attest"
      canSubmit={canSubmit && attestedBy.trim() !== "" && isDay(day)}
      act={() => act({ attested_by: attestedBy.trim(), until: endOfDay(day) })}
      onDone={onDone}
      staysOpen
      onClose={onClose}
    >
      <Box variant="p">AWS doesn&apos;t show who reads a mailbox. The ledger records the attestation with your name. It also covers the address with a plus sign.</Box>
      {children}
      <FormField label="Attested by" description="The person who attests it.">
        <Input value={attestedBy} onChange={({ detail }) => setAttestedBy(detail.value)} />
      </FormField>
      <DayField description="Then the address counts as unattested again." value={day} onChange={setDay} />
    </Dialog>
  );
}
