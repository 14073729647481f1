/** The parts of root access management, and why each is wanted. */
import { may } from "../api/queries";
import type { Me } from "../api/records";

/** As IAM's ListOrganizationsFeatures names them. */
export type FeatureName = "RootCredentialsManagement" | "RootSessions";

interface Feature {
  name: FeatureName;
  label: string;
  why: string;
}

export const FEATURES: readonly Feature[] = [
  {
    name: "RootCredentialsManagement",
    label: "Root credentials management",
    why: "Lets root user credentials of member accounts be seen, deleted and recovered from one place. New accounts then begin without any.",
  },
  {
    name: "RootSessions",
    label: "Privileged root actions in member accounts",
    why: "Lets a bucket or queue policy that locks everybody out be removed, without anybody's root password.",
  },
];

export const TRUSTED_ACCESS_WHY =
  "IAM acts in member accounts only while the organization trusts it to. It gives no person any permission, and everything else here needs it.";

export const DELEGATE_WHY =
  "An account that may do all this beside the management account, so that nobody needs the management account for daily work. It is also the failsafe: its own root login is kept, and is the way in if your identity provider is down.";

export function maySetUp(me: Me | undefined): boolean {
  return may(me, "setup:change");
}
