/**
 * Founds a workspace: the genesis entry with its first machine and passphrase,
 * and the first version of the vault, empty.
 *
 * @module
 */
import type { Crypto } from "../../crypto/crypto.ts"
import { GEAR_SEED_BYTES } from "../../storage/chunker.ts"
import { decodeDocument, encodeDocument } from "../../storage/format/canonicalJson.ts"
import { bytes, formatVersion, object } from "../../storage/format/codec.ts"
import { encodeEnvelope, signEnvelope } from "../../storage/format/envelope.ts"
import { sealVaultFile } from "../../storage/format/keyBox.ts"
import { recoverySigners } from "../../storage/format/machine.ts"
import { sealName } from "../../storage/format/machineName.ts"
import { type GenesisEntry, trustEntryCodec } from "../../storage/format/trustEntry.ts"
import { encodeVaultFile, MAX_VAULT_FILE_BYTES } from "../../storage/format/vaultFile.ts"
import { divideIndex, sealShards } from "../../storage/indexShards.ts"
import { createEpochKeys, createKeyring, type EpochKeys } from "../../storage/keys.ts"
import type { CallOptions } from "../../storage/remote/store.ts"
import { verifyTrustLog } from "../../storage/verify/trustLog.ts"
import type { TrustState } from "../../storage/verify/trustState.ts"
import type { Context } from "../vault/context.ts"
import { believe } from "../vault/refresh.ts"
import type { Head } from "../vault/head.ts"
import { createIdentity, type Identity, signersOf } from "../vault/identity.ts"
import { publish } from "../vault/publish.ts"
import { cacheShards } from "../vault/vaultIndex.ts"
import { firstCommitment, newWorkspaceKey } from "./change.ts"
import type { NewPassphrase } from "./passphrase.ts"

/** A workspace that exists only here yet. */
export interface Founded {
  readonly trust: TrustState
  readonly keys: EpochKeys
  readonly identity: Identity
}

/** Makes the genesis entry; nothing leaves this machine. */
export async function found(
  crypto: Crypto,
  options: {
    readonly passphrase: NewPassphrase
    readonly machineName: string
    readonly nowMs: number
    readonly algorithm: "ed25519" | "ecdsa-p256"
  },
): Promise<Founded> {
  const key = newWorkspaceKey(crypto)
  const identity = await createIdentity(crypto, [options.algorithm])
  const { entry: passphrase, keys: passphraseKeys } = options.passphrase
  const genesis: GenesisEntry = {
    format: 1,
    kind: "genesis",
    sequence: 1,
    previous: null,
    workspace: null,
    epoch: 1,
    writer: identity.id,
    time: options.nowMs,
    machine: { record: identity.record, name: await sealName(crypto, 1, key, identity.id, options.machineName) },
    passphrase,
    commitment: firstCommitment(crypto, key),
    policy: { signatures: "classical", format: 1 },
  }
  const signers = [...signersOf(identity), ...recoverySigners(passphraseKeys.recovery)]
  // The MAC key hangs on the workspace id, and that on what is signed: sign, read the id off, then MAC.
  const unnamed = await signEnvelope(crypto, "trust", trustEntryCodec, genesis, signers, key)
  const { workspace } = await verifyTrustLog(crypto, [encodeEnvelope(unnamed)])
  const keys = createEpochKeys(crypto, workspace, 1, key)
  const mac = crypto.hmacSha256(keys.mac, unnamed.signed)
  return { trust: await verifyTrustLog(crypto, [encodeEnvelope({ ...unnamed, mac })]), keys, identity }
}

const FOUNDING = "founding"
const MAX_ENVELOPE_BYTES = 1024 * 1024
const MAX_NOTE_BYTES = 4 * 1024 * 1024

/** What cannot be made a second time: with it, and the passphrase, founding goes on after it was cut short. */
export type Founding = Pick<Head, "trust" | "vaultFile">

const noteCodec = object({
  format: formatVersion,
  genesis: bytes(1, MAX_ENVELOPE_BYTES),
  vaultFile: bytes(1, MAX_VAULT_FILE_BYTES),
})

/** Seals the key boxes, and notes down what is about to be published. */
export async function noteFounding(context: Context, { trust, keys }: Founded): Promise<Founding> {
  const ring = createKeyring()
  ring.add(keys)
  const vaultFile = encodeVaultFile(await sealVaultFile(context.host.crypto, trust, ring))
  const [genesis] = trust.entries.map(({ envelope }) => encodeEnvelope(envelope)) as [Uint8Array]
  await context.state.write(FOUNDING, encodeDocument(noteCodec, { format: 1, genesis, vaultFile }, MAX_NOTE_BYTES))
  return { trust, vaultFile }
}

/** null if nothing was noted, so that nothing can have been published. */
export async function readFounding({ host, state }: Context): Promise<Founding | null> {
  const stored = await state.read(FOUNDING)
  if (stored === null) return null
  const { genesis, vaultFile } = decodeDocument(noteCodec, stored, MAX_NOTE_BYTES)
  return { trust: await verifyTrustLog(host.crypto, [genesis]), vaultFile }
}

export async function forgetFounding({ state }: Context): Promise<void> {
  await state.remove(FOUNDING)
}

/**
 * Publishes a founded workspace's first version.
 *
 * @param context - With this machine's identity, and the first keys in its ring.
 * @returns `moved` if that workspace is in the store already.
 */
export async function publishFounded(
  context: Context,
  { trust, vaultFile }: Founding,
  call: CallOptions,
): Promise<"published" | "moved"> {
  const { crypto, compressor } = context.host
  const keys = context.keyring.get(1)
  if (keys === undefined) throw new TypeError("not unlocked")
  const empty = { gearSeed: crypto.randomBytes(GEAR_SEED_BYTES), entries: [], tombstones: [] }
  const sealed = await sealShards({ crypto, keys, compressor }, divideIndex(crypto, keys, empty, 1))
  const version = {
    kind: "trust" as const,
    keys,
    trust,
    vaultFile,
    index: sealed.map(({ ref }) => ref),
    sealed,
    packs: new Map(),
    tombstoneFloor: 0,
    historyFloor: 0,
  }
  const result = await publish(context, null, version, call)
  if (result.kind === "moved") return "moved"
  await believe(context, result.head)
  await cacheShards(context, sealed)
  return "published"
}
