/** Passkeys: the browser's part, by the library that goes with the standard. */
import { startAuthentication, startRegistration } from "@simplewebauthn/browser";
import type {
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
} from "@simplewebauthn/browser";
import { ask, api } from "../api/client";
import type { PasskeyAnswer } from "../api/records";

/** What the person's passkey answers to the server's challenge. */
export async function provePasskey(): Promise<PasskeyAnswer> {
  const options = await ask(api.POST("/api/v1/auth/passkey-options"));
  return { ...(await startAuthentication({ optionsJSON: options as unknown as PublicKeyCredentialRequestOptionsJSON })) };
}

export async function makePasskey(): Promise<PasskeyAnswer> {
  const options = await ask(api.POST("/api/v1/me/factors/passkeys/options"));
  return { ...(await startRegistration({ optionsJSON: options as unknown as PublicKeyCredentialCreationOptionsJSON })) };
}
