/** The kinds of credentials, and the age of the oldest of each account. */
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { pageHref } from "../api/place";
import type { Picture } from "../api/records";
import { useFollowLink } from "../components/links";
import { KIND_NAMES } from "../organization/statuses";
import { Bar, type Part, Swatch } from "./Bar";
import { countAccounts } from "./overview";

type Kind = Picture["credentials"][number];

export function CredentialAges({ picture }: { picture: Picture }) {
  const labels = listAgeLabels(picture.age_days);
  const most = Math.max(1, ...picture.credentials.map(({ accounts }) => accounts));
  return (
    <Container header={<Header variant="h2" description="Accounts by the age of their oldest credential of each kind.">Credentials and their ages</Header>}>
      <SpaceBetween size="m">
        <div className="rows__frame">
          <ul className="rows" aria-label="Accounts by kind of credentials">
            {picture.credentials.map((kind) => (
              <KindRow key={kind.kind} kind={kind} labels={labels} share={kind.accounts / most} />
            ))}
          </ul>
        </div>
        <ul className="legend" aria-label="Ages">
          {[...labels.map((label, place) => ({ tone: `age-${place}`, label })), { tone: "unknown", label: "Age not read" }].map(({ tone, label }) => (
            <li key={tone}>
              <Swatch tone={tone} />
              {label}
            </li>
          ))}
        </ul>
      </SpaceBetween>
    </Container>
  );
}

function KindRow({ kind, labels, share }: { kind: Kind; labels: readonly string[]; share: number }) {
  const follow = useFollowLink();
  const parts: Part[] = [
    ...labels.map((label, place) => ({ id: label, tone: `age-${place}`, label, count: kind.ages[place] ?? 0 })),
    { id: "unread", tone: "unknown", label: "Age not read", count: kind.unread },
  ];
  const name = KIND_NAMES[kind.kind];
  const ages = parts.filter(({ count }) => count > 0).map(({ label, count }) => `${label}: ${count}`);
  return (
    <li className="row">
      <div className="row__name">{name.charAt(0).toUpperCase() + name.slice(1)}</div>
      <Bar parts={parts} share={share} />
      <div className="row__counts">
        <Link
          href={pageHref(`/accounts?kind=${kind.kind}`)}
          onFollow={follow}
          variant="secondary"
          ariaLabel={[`${name}: ${countAccounts(kind.accounts)}`, ...ages].join(", ")}
        >
          {kind.accounts.toLocaleString()}
        </Link>
      </div>
    </li>
  );
}

/** Such as "Under 30 days", "30 to 89 days" and "1 year or more". */
function listAgeLabels(limits: readonly number[]): string[] {
  const between = limits.slice(1).map((limit, place) => `${limits[place] ?? 0} to ${limit - 1} days`);
  const last = limits.at(-1) ?? 0;
  return [`Under ${limits[0] ?? 0} days`, ...between, last === 365 ? "1 year or more" : `${last} days or more`];
}
