/** Root user credentials as a plan and an account's details tell them, one by one. */
import type { CredentialDetails, CredentialKind } from "../api/records";

export interface Credential {
  kind: CredentialKind;
  words: string;
  /** `null` for the password, of which there is one. */
  id: string | null;
  since: string;
  /** `null` if it was never used; `undefined` where AWS doesn't tell. */
  lastUsedAt: string | null | undefined;
  /** Where it was used last, or its state. */
  more: string | null;
}

/** In the order in which they are deleted, MFA devices last. */
export function listCredentials(found: CredentialDetails): Credential[] {
  return [
    ...found.access_keys.map((key) => ({
      kind: "access_keys" as const,
      words: "Access key",
      id: key.access_key_id,
      since: key.created_at,
      lastUsedAt: key.last_used_at,
      more: [key.is_active ? "active" : "inactive", key.last_used_service, key.last_used_region].filter(Boolean).join(", "),
    })),
    ...found.signing_certificates.map((certificate) => ({
      kind: "signing_certificates" as const,
      words: "Signing certificate",
      id: certificate.signing_certificate_id,
      since: certificate.uploaded_at,
      lastUsedAt: undefined,
      more: certificate.is_active ? "active" : "inactive",
    })),
    ...(found.password
      ? [
          {
            kind: "password" as const,
            words: "Password",
            id: null,
            since: found.password.created_at,
            lastUsedAt: found.password.last_used_at,
            more: null,
          },
        ]
      : []),
    ...found.mfa_devices.map((device) => ({
      kind: "mfa_devices" as const,
      words: "MFA device",
      id: device.mfa_serial_number,
      since: device.enabled_at,
      lastUsedAt: undefined,
      more: device.kind,
    })),
  ];
}
