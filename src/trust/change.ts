/**
 * One change of the trust log: an entry, the key boxes that follow from it, and
 * the version of the vault that carries both. One commit without new content. A
 * change whose swap was refused because the log grew is never replayed: people
 * look at what is new, and decide again.
 *
 * @module
 */
import { equalBytes } from "../../crypto/bytes.ts"
import type { Crypto } from "../../crypto/crypto.ts"
import { Secret } from "../../crypto/secret.ts"
import { encodeEnvelope, type SigningKey, signEnvelope } from "../../storage/format/envelope.ts"
import { sealVaultFile } from "../../storage/format/keyBox.ts"
import { type TrustEntry, trustEntryCodec } from "../../storage/format/trustEntry.ts"
import { encodeVaultFile } from "../../storage/format/vaultFile.ts"
import { divideIndex, sealShards } from "../../storage/indexShards.ts"
import {
  createEpochKeys,
  createKeyring,
  type EpochKeys,
  type Keyring,
  keyCommitment,
  WORKSPACE_KEY_BYTES,
} from "../../storage/keys.ts"
import { packsOf } from "../../storage/layout.ts"
import type { Branch, CallOptions } from "../../storage/remote/store.ts"
import { verifyTrustLog } from "../../storage/verify/trustLog.ts"
import type { TrustState } from "../../storage/verify/trustState.ts"
import { SyncError } from "../errors.ts"
import type { Context } from "../vault/context.ts"
import { believe, refresh } from "../vault/refresh.ts"
import type { Head } from "../vault/head.ts"
import type { Identity } from "../vault/identity.ts"
import { type NextVersion, type Published, publish } from "../vault/publish.ts"
import { cacheShards, readIndex } from "../vault/vaultIndex.ts"
import { isRemembered, remember } from "./remembered.ts"
import { saveIdentity } from "./unlock.ts"

/** The fields that every entry after the first has. */
export type EntryPlace = Pick<TrustEntry, "format" | "sequence" | "epoch" | "time"> & {
  readonly previous: Uint8Array
  readonly workspace: string
}

export interface TrustChange {
  /** The entry at this place; `commitment` is that of the new epoch, if it opens one. */
  entry(place: EntryPlace, commitment: Uint8Array): Promise<TrustEntry> | TrustEntry
  /** Who signs it, in the order the log expects. */
  readonly signers: readonly SigningKey[]
  readonly opensEpoch: boolean
  /** Signs the header instead of the context's identity: the new keys of a re-key. */
  readonly headerIdentity?: Identity
  readonly deleteBranches?: readonly Branch[]
}

const MAX_TRIES = 8

/**
 * Publishes a change on top of the log that was shown to the person.
 *
 * @throws {SyncError} `TRUST_CHANGED` if the log grew meanwhile, `CONTENDED`.
 */
export async function publishChange(
  context: Context,
  shown: Head,
  change: TrustChange,
  call: CallOptions,
): Promise<Head> {
  const wasRemembered = await isRemembered(context)
  let parent = shown
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const { next, opened } = await prepare(context, parent, change, call)
    const result: Published = await publish(context, parent, next, call)
    if (result.kind === "published") {
      if (opened !== null) context.keyring.add(opened)
      if (change.headerIdentity !== undefined) context.identity = change.headerIdentity
      await believe(context, result.head)
      // The newest key opens what is sealed under older ones, not the other way round: it goes first.
      if (wasRemembered) await remember(context)
      await saveIdentity(context)
      await cacheShards(context, next.sealed)
      return result.head
    }
    opened?.wipe()
    parent = (await refresh(context, call)).head
    if (!equalBytes(parent.trust.head, shown.trust.head)) {
      throw new SyncError("TRUST_CHANGED", "somebody else changed whom to trust meanwhile")
    }
    await believe(context, parent)
  }
  throw new SyncError("CONTENDED", "the vault kept changing")
}

async function prepare(
  context: Context,
  parent: Head,
  change: TrustChange,
  call: CallOptions,
): Promise<{ readonly next: NextVersion; readonly opened: EpochKeys | null }> {
  const { host, keyring } = context
  const { trust, verified } = parent
  const opened = change.opensEpoch ? newEpoch(host.crypto, trust) : null
  const keys = opened ?? (keyring.get(trust.epoch.epoch) as EpochKeys)
  const grown = await appendEntry(host.crypto, host.clock.now(), trust, change, keys)
  const vaultFile = encodeVaultFile(await sealVaultFile(host.crypto, grown, ringWith(keyring, keys)))
  const { header } = verified
  const sealed = opened === null ? [] : await resealIndex(context, parent, opened, call)
  return {
    opened,
    next: {
      kind: "trust",
      keys,
      trust: grown,
      vaultFile,
      index: opened === null ? header.index : sealed.map(({ ref }) => ref),
      sealed,
      packs: packsOf(parent.snapshot),
      tombstoneFloor: header.tombstoneFloor,
      historyFloor: header.historyFloor,
      ...(change.headerIdentity && { identity: change.headerIdentity }),
      ...(change.deleteBranches && { deleteBranches: change.deleteBranches }),
    },
  }
}

/** Signs an entry and checks it as every reader will, before anybody sees it. */
async function appendEntry(
  crypto: Crypto,
  now: number,
  trust: TrustState,
  change: TrustChange,
  keys: EpochKeys,
): Promise<TrustState> {
  const place: EntryPlace = {
    format: 1,
    sequence: trust.length + 1,
    previous: trust.head,
    workspace: trust.workspace,
    epoch: keys.epoch,
    time: now,
  }
  const entry = await change.entry(place, keys.commitment)
  const envelope = await signEnvelope(crypto, "trust", trustEntryCodec, entry, change.signers, keys.mac)
  return verifyTrustLog(crypto, [encodeEnvelope(envelope)], trust)
}

/** A new workspace key, for the epoch after the current one. */
function newEpoch(crypto: Crypto, trust: TrustState): EpochKeys {
  return createEpochKeys(crypto, trust.workspace, trust.epoch.epoch + 1, newWorkspaceKey(crypto))
}

export function newWorkspaceKey(crypto: Crypto): Secret {
  return new Secret(crypto.randomBytes(WORKSPACE_KEY_BYTES))
}

/** The commitment of a key whose workspace has no id yet. */
export function firstCommitment(crypto: Crypto, key: Secret): Uint8Array {
  return keyCommitment(crypto, 1, key)
}

/** The same keys and one more, without touching the ring: the change may yet fail. */
function ringWith(keyring: Keyring, keys: EpochKeys): Keyring {
  const ring = createKeyring()
  for (const epoch of keyring.epochs) ring.add(keyring.get(epoch) as EpochKeys)
  if (ring.get(keys.epoch) !== keys) ring.add(keys)
  return ring
}

/** All shards under the keys of a new epoch: the path key, and so the place of every path, changes with it. */
async function resealIndex(context: Context, parent: Head, keys: EpochKeys, call: CallOptions) {
  const { crypto, compressor } = context.host
  const { gearSeed, entries, tombstones } = await readIndex(context, parent, call)
  const content = { gearSeed, entries: entries.values(), tombstones: tombstones.values() }
  const shards = divideIndex(crypto, keys, content, parent.verified.header.index.length)
  return sealShards({ crypto, keys, compressor }, shards)
}
