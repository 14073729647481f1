/** The accounts of each organizational unit: with credentials, unknown, clean. The worst units first. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { pageHref } from "../api/place";
import type { Picture, Status } from "../api/records";
import { useFollowLink } from "../components/links";
import { STATUSES } from "../organization/statuses";
import { Bar, type Part, Swatch } from "./Bar";
import { shortenPath, STATUS_TONES } from "./overview";

const FEW = 8;

type Unit = Picture["units"][number];

export function Units({ picture }: { picture: Picture }) {
  const [isWhole, setWhole] = useState(false);
  const units = [...picture.units].sort((one, other) => countOpen(other) - countOpen(one));
  const shown = isWhole ? units : units.slice(0, FEW);
  return (
    <Container fitHeight header={<Header variant="h2" counter={`(${units.length})`}>Organizational units</Header>}>
      <SpaceBetween size="m">
        <Box color="text-body-secondary">Accounts directly in each unit.</Box>
        <div className="rows__frame">
          <ul className="rows" aria-label="Accounts by organizational unit">
            {shown.map((unit) => (
              <UnitRow key={unit.ou_id ?? ""} unit={unit} />
            ))}
          </ul>
        </div>
        {units.length > FEW && (
          <Button variant="inline-link" onClick={() => setWhole(!isWhole)}>
            {isWhole ? "Show fewer units" : `Show all ${units.length.toLocaleString()} units`}
          </Button>
        )}
      </SpaceBetween>
    </Container>
  );
}

function countOpen({ summary }: Unit): number {
  return summary.present + summary.recovery_open + summary.unknown;
}

function UnitRow({ unit }: { unit: Unit }) {
  const follow = useFollowLink();
  const name = shortenPath(unit.path);
  const parts = STATUSES.map(({ status, label }) => ({
    id: status,
    tone: STATUS_TONES[status],
    label,
    count: unit.summary[status],
    href: unit.ou_id === null ? undefined : makeAddress(unit.ou_id, status),
  }));
  return (
    <li className="row">
      <div className="row__name">{unit.ou_id === null ? name : <Link href={pageHref(makeAddress(unit.ou_id))} onFollow={follow}>{name}</Link>}</div>
      <Bar parts={parts} />
      <div className="row__counts">
        {parts.filter(({ count }) => count > 0).map((part) => (
          <Count key={part.id} part={part} unit={name} />
        ))}
      </div>
    </li>
  );
}

function Count({ part, unit }: { part: Part; unit: string }) {
  const follow = useFollowLink();
  const text = part.count.toLocaleString();
  return (
    <span className="whole" title={part.label}>
      <Swatch tone={part.tone} />
      {part.href ? (
        <Link href={pageHref(part.href)} onFollow={follow} variant="secondary" ariaLabel={`${part.label} in ${unit}: ${text}`}>
          {text}
        </Link>
      ) : (
        text
      )}
    </span>
  );
}

function makeAddress(ouId: string, status?: Status): string {
  return `/accounts?directly=${encodeURIComponent(ouId)}${status ? `&status=${status}` : ""}`;
}
