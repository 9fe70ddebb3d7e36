/**
 * Opens a vault's keys: from the remembered workspace key, by way of this
 * machine's key box if the epoch moved on, or from the passphrase. Whatever
 * comes out counts only if it matches the trust log's commitment.
 *
 * @module
 */
import { concatBytes } from "../../crypto/bytes.ts"
import { Secret } from "../../crypto/secret.ts"
import { StorageError } from "../../storage/errors.ts"
import { openKeyBox, openPreviousKeys } from "../../storage/format/keyBox.ts"
import { decodeVaultFile, PASSPHRASE_RECIPIENT, type VaultFile } from "../../storage/format/vaultFile.ts"
import { createEpochKeys, type EpochKeys, keyCommitment, WORKSPACE_KEY_BYTES } from "../../storage/keys.ts"
import type { TrustState } from "../../storage/verify/trustState.ts"
import { equalBytes } from "../../crypto/bytes.ts"
import { SyncError } from "../errors.ts"
import type { Context } from "../vault/context.ts"
import type { Head } from "../vault/head.ts"
import { identityEpoch, isIdentityOf, openIdentity, sealIdentity } from "../vault/identity.ts"
import { arePassphraseKeys, derivePassphraseKeys, type PassphraseKeys } from "./passphrase.ts"

const IDENTITY = "identity"
/** Keys that a re-key has made and the log may have by now; {@link storedIdentity} takes them up then. */
export const NEXT_IDENTITY = "next-identity"
const MAX_ATTEMPTS = 3

/** Under which name the keychain keeps the key of a workspace. */
export function rememberedKeyName(workspace: string): string {
  return `workspace-key-${workspace}`
}

/**
 * Fills the context's ring with the keys of all epochs of this head, and opens this machine's identity.
 *
 * @throws {SyncError} `LOCKED` without a passphrase, `WRONG_PASSPHRASE`, `STATE_DAMAGED`.
 */
export async function unlock(context: Context, head: Head): Promise<void> {
  const { keyring } = context
  const { trust } = head
  const file = decodeVaultFile(head.vaultFile)
  if (keyring.get(trust.epoch.epoch) === undefined) {
    const current = (await fromKeychain(context, trust, file)) ?? (await fromPassphrase(context, trust, file)).current
    keyring.add(current)
  }
  const current = keyring.get(trust.epoch.epoch) as EpochKeys
  await openPreviousKeys(context.host.crypto, trust, file, current, keyring)
  if (context.identity === null) await loadIdentity(context, trust)
}

/** Reads this machine's keys; seals them anew when the epoch moved on. */
async function loadIdentity(context: Context, trust: TrustState): Promise<void> {
  const { host, state, keyring } = context
  const stored = await storedIdentity(context, trust)
  context.identity = await openIdentity(host.crypto, keyring, stored)
  const current = keyring.current as EpochKeys
  if (identityEpoch(stored) !== current.epoch) {
    await state.write(IDENTITY, await sealIdentity(host.crypto, current, context.identity))
  }
}

/**
 * This machine's sealed keys. After an interrupted re-key there are two: those count that the log has.
 *
 * @throws {SyncError} `STATE_DAMAGED` if it has neither: what these sign nobody would believe.
 */
async function storedIdentity({ state, config }: Context, trust: TrustState): Promise<Uint8Array> {
  const stored = await state.read(IDENTITY)
  const record = trust.machines.get(config.machine)?.record
  if (stored !== null && (record === undefined || isIdentityOf(stored, record))) return stored
  const next = await state.read(NEXT_IDENTITY)
  if (next === null || record === undefined || !isIdentityOf(next, record)) {
    throw new SyncError("STATE_DAMAGED", "this machine's keys are gone", { name: IDENTITY })
  }
  await state.write(IDENTITY, next)
  await state.remove(NEXT_IDENTITY)
  return next
}

/** Writes this machine's keys, sealed under the newest epoch at hand. */
export async function saveIdentity(context: Context, name: string = IDENTITY): Promise<void> {
  const { host, state, keyring, identity } = context
  if (identity === null || keyring.current === undefined) throw new TypeError("not unlocked")
  await state.write(name, await sealIdentity(host.crypto, keyring.current, identity))
}

/** Keeps the newest workspace key in the host's keychain. */
export async function remember(context: Context): Promise<void> {
  const { host, keyring, config } = context
  const keys = keyring.current
  if (keys === undefined) throw new TypeError("not unlocked")
  const epoch = new Uint8Array(4)
  new DataView(epoch.buffer).setUint32(0, keys.epoch)
  const secret = new Secret(concatBytes(epoch, keys.key.expose()))
  await host.keychain.write(rememberedKeyName(config.workspace), secret)
  secret.wipe()
}

export async function isRemembered({ host, config }: Context): Promise<boolean> {
  const secret = await host.keychain.read(rememberedKeyName(config.workspace))
  secret?.wipe()
  return secret !== null
}

export async function forget({ host, config }: Context): Promise<void> {
  await host.keychain.remove(rememberedKeyName(config.workspace))
}

/** The current key out of the keychain's, directly or through this machine's box; null if that does not lead there. */
async function fromKeychain(context: Context, trust: TrustState, file: VaultFile): Promise<EpochKeys | null> {
  const { host, config, keyring } = context
  const secret = await host.keychain.read(rememberedKeyName(config.workspace))
  if (secret === null) return null
  const held = parseRemembered(context, trust, secret)
  if (held === null) return null
  if (held.epoch === trust.epoch.epoch) return held
  const stored = await storedIdentity(context, trust)
  if (identityEpoch(stored) !== held.epoch) return null
  keyring.add(held)
  try {
    const identity = await openIdentity(host.crypto, keyring, stored)
    const current = await openKeyBox(host.crypto, trust, file, identity.id, identity.sealingSeed)
    keyring.add(current)
    await remember(context)
    return current
  } catch (error) {
    // No box for this machine: it was revoked, or never approved. The passphrase may still do.
    if (error instanceof StorageError && error.code === "SEAL_BROKEN") return null
    throw error
  }
}

function parseRemembered({ host, config }: Context, trust: TrustState, secret: Secret): EpochKeys | null {
  const bytes = secret.expose()
  if (bytes.length !== 4 + WORKSPACE_KEY_BYTES) return null
  const epoch = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0)
  const key = new Secret(bytes.slice(4))
  secret.wipe()
  const expected = trust.epochs[epoch - 1]?.commitment
  if (expected === undefined || !equalBytes(keyCommitment(host.crypto, epoch, key), expected)) {
    key.wipe()
    return null
  }
  return createEpochKeys(host.crypto, config.workspace, epoch, key)
}

async function fromPassphrase(
  context: Context,
  trust: TrustState,
  file: VaultFile,
): Promise<{ readonly current: EpochKeys; readonly passphraseKeys: PassphraseKeys }> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const passphrase = await context.host.prompts.passphrase(attempt > 0)
    if (passphrase === null) {
      if (attempt === 0) throw new SyncError("LOCKED", "the vault is locked")
      break
    }
    const opened = await tryPassphrase(context, trust, file, passphrase)
    if (opened !== null) return opened
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
  if (!(await arePassphraseKeys(host.crypto, passphraseKeys, trust.passphrase))) return null
  const current = await openKeyBox(host.crypto, trust, file, PASSPHRASE_RECIPIENT, passphraseKeys.recipient)
  return { current, passphraseKeys }
}
