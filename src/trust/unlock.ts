/**
 * Opens a vault's keys: from the remembered workspace key, by way of this
 * machine's key box if the epoch moved on, or from the passphrase. Whatever
 * comes out counts only if it matches the trust log's commitment.
 *
 * @module
 */
import { equalBytes } from "../../crypto/bytes.ts"
import { Secret } from "../../crypto/secret.ts"
import { StorageError } from "../../storage/errors.ts"
import { openKeyBox, openPreviousKeys } from "../../storage/format/keyBox.ts"
import { decodeVaultFile, PASSPHRASE_RECIPIENT, type VaultFile } from "../../storage/format/vaultFile.ts"
import { createEpochKeys, type EpochKeys, keyCommitment, WORKSPACE_KEY_BYTES } from "../../storage/keys.ts"
import { canBeLetIn } from "../../storage/verify/joinRequest.ts"
import type { TrustState } from "../../storage/verify/trustState.ts"
import { SyncError } from "../errors.ts"
import type { Context } from "../vault/context.ts"
import type { Head } from "../vault/head.ts"
import {
  type Identity,
  identityEpoch,
  isIdentityOf,
  isSameRecord,
  openIdentity,
  sealIdentity,
  wipeIdentity,
} from "../vault/identity.ts"
import { arePassphraseKeys, derivePassphraseKeys, type PassphraseKeys, wipePassphraseKeys } from "./passphrase.ts"
import { remember, rememberedKeyName } from "./remembered.ts"

const IDENTITY = "identity"
/** Keys that a re-key has made and the log may have by now; {@link storedIdentity} takes them up then. */
export const NEXT_IDENTITY = "next-identity"
const MAX_ATTEMPTS = 3

/**
 * Fills the context's ring with the keys of all epochs of this head, and opens this machine's identity.
 *
 * @throws {SyncError} `LOCKED` without a passphrase, `WRONG_PASSPHRASE`, `SETUP_DAMAGED`, `CLONED`.
 */
export async function unlock(context: Context, head: Pick<Head, "trust" | "vaultFile">): Promise<void> {
  const { host, keyring } = context
  const { trust } = head
  const file = decodeVaultFile(head.vaultFile)
  if (keyring.get(trust.epoch.epoch) === undefined) await openCurrent(context, trust, file)
  const current = keyring.get(trust.epoch.epoch) as EpochKeys
  await openPreviousKeys(host.crypto, trust, file, current, keyring)
  await loadIdentity(context, trust)
}

/** Puts the current key into the ring; what the keychain keeps follows it. */
async function openCurrent(context: Context, trust: TrustState, file: VaultFile): Promise<void> {
  const { keyring } = context
  const isKept = await recallKey(context, trust)
  if (keyring.get(trust.epoch.epoch) !== undefined) return
  keyring.add((await fromOwnBox(context, trust, file)) ?? (await fromPassphrase(context, trust, file)))
  if (isKept) await remember(context)
}

/** Opens this machine's keys; seals them anew when the epoch moved on. */
async function loadIdentity(context: Context, trust: TrustState): Promise<void> {
  const { host, keyring, identity, config } = context
  const record = trust.machines.get(config.machine)?.record
  if (identity !== null) {
    if (record === undefined || isSameRecord(identity.record, record)) return
    // Another process of this machine has given it new keys meanwhile.
    wipeIdentity(identity)
    context.identity = null
  }
  const stored = await storedIdentity(context, trust)
  context.identity = await openIdentity(host.crypto, keyring, stored)
  if (identityEpoch(stored) !== (keyring.current as EpochKeys).epoch) await saveIdentity(context)
}

/**
 * This machine's sealed keys. After an interrupted re-key there are two: those count that the log has.
 *
 * @throws {SyncError} `SETUP_DAMAGED` if there are none, `CLONED` if the log has others: what these sign nobody would believe.
 */
async function storedIdentity({ state, config }: Context, trust: TrustState): Promise<Uint8Array> {
  const stored = await state.read(IDENTITY)
  const next = await state.read(NEXT_IDENTITY)
  const record = trust.machines.get(config.machine)?.record
  const isNext = next !== null && record !== undefined && isIdentityOf(next, record)
  const isStored = stored !== null && (record === undefined || isIdentityOf(stored, record))
  if (isNext) {
    if (!isStored) await state.write(IDENTITY, next)
    await state.remove(NEXT_IDENTITY)
  }
  if (isStored) return stored
  if (isNext) return next
  if (stored !== null) throw new SyncError("CLONED", "another copy of this machine has given it new keys")
  throw new SyncError("SETUP_DAMAGED", "this machine's keys are gone", { name: IDENTITY })
}

/** The keys that an interrupted join left, if their machine is in the log or can still be let in; else `null`. */
export async function leftIdentity({ host, state, keyring }: Context, trust: TrustState): Promise<Identity | null> {
  const stored = await state.read(IDENTITY)
  if (stored === null) return null
  try {
    const identity = await openIdentity(host.crypto, keyring, stored)
    const machine = trust.machines.get(identity.id)
    const isGood =
      machine === undefined ? canBeLetIn(host.crypto, identity.record, trust) : machine.status === "trusted"
    return isGood ? identity : null
  } catch (error) {
    if (error instanceof SyncError && error.code === "SETUP_DAMAGED") return null
    throw error
  }
}

/** Writes this machine's keys, sealed under the newest epoch at hand. */
export async function saveIdentity(context: Context, name: string = IDENTITY): Promise<void> {
  const { host, state, keyring, identity } = context
  if (identity === null || keyring.current === undefined) throw new TypeError("not unlocked")
  await state.write(name, await sealIdentity(host.crypto, keyring.current, identity))
}

/** Puts the key that the keychain keeps into the ring, if it is one of this log; whether it keeps any. */
async function recallKey({ host, config, keyring }: Context, trust: TrustState): Promise<boolean> {
  const secret = await host.keychain.read(rememberedKeyName(config.workspace))
  if (secret === null) return false
  const bytes = secret.expose()
  if (bytes.length === 4 + WORKSPACE_KEY_BYTES) {
    const epoch = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0)
    const key = new Secret(bytes.slice(4))
    const expected = trust.epochs[epoch - 1]?.commitment
    const isRight = expected !== undefined && equalBytes(keyCommitment(host.crypto, epoch, key), expected)
    if (isRight) keyring.add(createEpochKeys(host.crypto, config.workspace, epoch, key))
    else key.wipe()
  }
  secret.wipe()
  return true
}

/** The current key out of this machine's own box, which takes an older key to get at this machine's; null if that fails. */
async function fromOwnBox(context: Context, trust: TrustState, file: VaultFile): Promise<EpochKeys | null> {
  const { host, keyring } = context
  const stored = context.identity === null ? await storedIdentity(context, trust) : null
  const isWithinReach = stored !== null && keyring.get(identityEpoch(stored)) !== undefined
  const identity = isWithinReach ? await openIdentity(host.crypto, keyring, stored) : context.identity
  if (identity === null) return null
  try {
    return await openKeyBox(host.crypto, trust, file, identity.id, identity.sealingSeed)
  } catch (error) {
    // No box for this machine, or for keys it has no more: the passphrase may still do.
    if (error instanceof StorageError && error.code === "SEAL_BROKEN") return null
    throw error
  } finally {
    if (identity !== context.identity) wipeIdentity(identity)
  }
}

async function fromPassphrase(context: Context, trust: TrustState, file: VaultFile): Promise<EpochKeys> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const passphrase = await context.host.prompts.passphrase(attempt > 0)
    if (passphrase === null) {
      if (attempt === 0) throw new SyncError("LOCKED", "the vault is locked")
      break
    }
    const opened = await tryPassphrase(context, trust, file, passphrase)
    passphrase.wipe()
    if (opened === null) continue
    wipePassphraseKeys(opened.passphraseKeys)
    return opened.current
  }
  throw new SyncError("WRONG_PASSPHRASE", "this passphrase does not open the vault")
}

/**
 * What a passphrase opens, or null if it is another.
 *
 * @throws {StorageError} `SEAL_BROKEN` if it is right but the host has tampered with the boxes.
 */
export async function tryPassphrase(
  { host }: Pick<Context, "host">,
  trust: TrustState,
  file: VaultFile,
  passphrase: Secret,
): Promise<{ readonly current: EpochKeys; readonly passphraseKeys: PassphraseKeys } | null> {
  host.progress.step("unlock")
  const passphraseKeys = await derivePassphraseKeys(host.crypto, passphrase, trust.passphrase)
  if (!(await arePassphraseKeys(host.crypto, passphraseKeys, trust.passphrase))) {
    wipePassphraseKeys(passphraseKeys)
    return null
  }
  const current = await openKeyBox(host.crypto, trust, file, PASSPHRASE_RECIPIENT, passphraseKeys.recipient)
  return { current, passphraseKeys }
}
