/**
 * Checks a join request against the verified trust log. A good one says that
 * somebody with this key asks, having seen this log; not who that is: people
 * compare the fingerprint (`storage/format/fingerprint.ts`). Pure; the MAC is
 * checked with `isMacGood`. Normative text: `docs/spec/join.md`.
 *
 * @module
 */
import type { Crypto } from "../../crypto/crypto.ts"
import { toHex } from "../../crypto/bytes.ts"
import { StorageError } from "../errors.ts"
import { areSignedBy, decodeEnvelope, decodePayload, type Envelope, envelopeHash } from "../format/envelope.ts"
import { type JoinRequest, joinRequestCodec } from "../format/joinRequest.ts"
import { type MachineRecord, machineId, meetsPolicy, verificationKeys } from "../format/machine.ts"
import { passesThrough, type TrustState } from "./trustState.ts"

/** Why a request is refused: the `reason` of a {@link StorageError} `TRUST_LOG_INVALID`. */
export type JoinReason =
  | "request for another workspace"
  | "request not signed by exactly its own keys"
  | "request names a log that is not this one"
  | "request from an older epoch"
  | "request name sealed under another epoch"
  | "request with keys that do not meet the policy"
  | "request with a key used before"

/** A request that is sound in itself. */
export interface VerifiedJoinRequest {
  readonly request: JoinRequest
  /** Id of the machine that asks. */
  readonly machine: string
  /** Hash of the request: what the approving entry names. */
  readonly hash: Uint8Array
  readonly envelope: Envelope
}

/**
 * @param encoded - From an untrusted place.
 * @throws {StorageError} `TRUST_LOG_INVALID` with a {@link JoinReason}; `FORMAT_INVALID`, `FORMAT_NEWER` or
 * `FORMAT_LIMIT_EXCEEDED` if it cannot be read.
 */
export async function verifyJoinRequest(
  crypto: Crypto,
  encoded: Uint8Array,
  trust: TrustState,
): Promise<VerifiedJoinRequest> {
  const envelope = decodeEnvelope("join", encoded)
  const request = decodePayload(joinRequestCodec, envelope)
  const { record, name } = request
  if (request.workspace !== trust.workspace) refuse("request for another workspace")
  if (!(await areSignedBy(crypto, envelope.signed, envelope.signatures, verificationKeys(record)))) {
    refuse("request not signed by exactly its own keys")
  }
  if (!passesThrough(trust, request.trust.length, request.trust.head))
    refuse("request names a log that is not this one")
  if (request.epoch !== trust.epoch.epoch) refuse("request from an older epoch")
  if (name.epoch !== request.epoch) refuse("request name sealed under another epoch")
  if (!meetsPolicy(record, trust.policy)) refuse("request with keys that do not meet the policy")
  if (hasSpentKey(crypto, record, trust)) refuse("request with a key used before")
  return { request, machine: machineId(crypto, record), hash: envelopeHash(crypto, envelope), envelope }
}

/**
 * Whether a machine with these keys, which is not in the log, could still be let in. A trusted machine can bring another's
 * sealing key into the log, of which nobody proves possession: then it takes new keys to get in.
 */
export function canBeLetIn(crypto: Crypto, record: MachineRecord, trust: TrustState): boolean {
  return meetsPolicy(record, trust.policy) && !hasSpentKey(crypto, record, trust)
}

function hasSpentKey(crypto: Crypto, { signing, sealing }: MachineRecord, { spent }: TrustState): boolean {
  const keys = [...signing.map(({ publicKey }) => publicKey), sealing.publicKey]
  return keys.some((key) => spent.has(toHex(crypto.sha256(key))))
}

function refuse(reason: JoinReason): never {
  throw new StorageError("TRUST_LOG_INVALID", reason)
}
