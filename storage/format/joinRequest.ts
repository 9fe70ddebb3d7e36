/**
 * Join requests: a machine asks to be let in. Pure codec; checked in
 * `storage/verify/joinRequest.ts`. Normative text: `docs/spec/join.md`.
 *
 * The payload of an envelope of kind `join`, kept as `join.json` on the branch
 * `sessyn/<workspace>/join/<machine>`; signed by the keys it brings, and MACed
 * under the current epoch, since whoever may join has the passphrase.
 *
 * @module
 */
import { bytes, formatVersion, type JsonCodec, object, uint } from "./codec.ts"
import {
  epochCodec,
  hashCodec,
  type MachineRecord,
  nameCodec,
  recordCodec,
  type SealedName,
  workspaceIdCodec,
} from "./machine.ts"
import { MAX_TRUST_ENTRIES } from "./trustEntry.ts"

export interface JoinRequest {
  readonly format: 1
  readonly workspace: string
  readonly record: MachineRecord
  readonly name: SealedName
  /** The log that the machine saw: its length and the hash of its last entry. */
  readonly trust: { readonly length: number; readonly head: Uint8Array }
  /** Hash of the header that the machine saw. */
  readonly header: Uint8Array
  /** Current in that log; its MAC key MACs the request. */
  readonly epoch: number
  /** Milliseconds since 1970, by the machine's clock. For display only. */
  readonly time: number
  /** 16 random bytes: no two requests have one hash. */
  readonly nonce: Uint8Array
}

export const joinRequestCodec: JsonCodec<JoinRequest> = object({
  format: formatVersion,
  workspace: workspaceIdCodec,
  record: recordCodec,
  name: nameCodec,
  trust: object({ length: uint(1, MAX_TRUST_ENTRIES), head: hashCodec }),
  header: hashCodec,
  epoch: epochCodec,
  time: uint(0),
  nonce: bytes(16),
})
