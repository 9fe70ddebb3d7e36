/**
 * What else the vault trusts than machines: its passphrase, its workspace key,
 * this machine's own keys, and the policy that all keys must meet.
 *
 * @module
 */
import type { Argon2Params, SignatureAlgorithm } from "../../crypto/crypto.ts"
import { generatePassphrase } from "../../crypto/words.ts"
import { signBytes, type SigningKey } from "../../storage/format/envelope.ts"
import {
  type MachineRecord,
  meetsPolicy,
  type PassphraseEntry,
  type Policy,
  recoverySigners,
} from "../../storage/format/machine.ts"
import { rekeyStatement } from "../../storage/format/trustEntry.ts"
import type { CallOptions } from "../../storage/remote/store.ts"
import { trustedMachines } from "../../storage/verify/trustState.ts"
import { SyncError } from "../errors.ts"
import type { Context } from "../vault/context.ts"
import { believe } from "../vault/refresh.ts"
import type { Head } from "../vault/head.ts"
import { createIdentity, type Identity, openIdentity, signersOf, wipeIdentity } from "../vault/identity.ts"
import { publishChange } from "./change.ts"
import { namesOf } from "./names.ts"
import { createPassphraseEntry, type NewPassphrase, type PassphraseKeys, wipePassphraseKeys } from "./passphrase.ts"
import { requireStrongPassphrase } from "./strength.ts"
import { NEXT_IDENTITY, saveIdentity } from "./unlock.ts"

/** What trying a passphrase is to cost at least (Argon2id); the log never lets it cost less than before. */
export type GuessingCosts = Partial<Pick<Argon2Params, "memoryKiB" | "passes">>

/** A new passphrase for the same key: nothing is encrypted anew, nobody is locked out. */
export async function changePassphrase(
  context: Context,
  head: Head,
  costs: GuessingCosts,
  call: CallOptions,
): Promise<Required<GuessingCosts>> {
  const { passphrase: before } = head.trust
  const atLeast = {
    ...before,
    memoryKiB: Math.max(before.memoryKiB, costs.memoryKiB ?? 0),
    passes: Math.max(before.passes, costs.passes ?? 0),
  }
  const { entry: passphrase, keys } = await askNewPassphrase(context, atLeast)
  await publishChange(
    context,
    head,
    {
      entry: (place) => ({ ...place, kind: "passphrase", writer: context.config.machine, passphrase }),
      signers: withRecovery(context, keys),
      opensEpoch: false,
    },
    call,
  ).finally(() => wipePassphraseKeys(keys))
  return { memoryKiB: passphrase.memoryKiB, passes: passphrase.passes }
}

/** A new workspace key for all that is written from now on. */
export async function openEpoch(context: Context, head: Head, call: CallOptions): Promise<Head> {
  const { machine: writer } = context.config
  return publishChange(
    context,
    head,
    {
      entry: (place, commitment) => ({ ...place, kind: "epoch", writer, commitment }),
      signers: withRecovery(context, null),
      opensEpoch: true,
    },
    call,
  )
}

/** New keys for this machine, of these algorithms. Its id stays. */
export async function rekey(
  context: Context,
  head: Head,
  algorithms: readonly SignatureAlgorithm[],
  call: CallOptions,
): Promise<Head> {
  const { host, config, state } = context
  const old = context.identity as Identity
  const next = await nextIdentity(context, old, algorithms)
  const rekeyed = await publishChange(
    context,
    head,
    {
      async entry(place) {
        const statement = rekeyStatement(host.crypto, config.workspace, old.id, place.previous, next.record)
        const proof = await signBytes(host.crypto, statement, signersOf(next))
        return { ...place, kind: "rekey", writer: old.id, record: next.record as MachineRecord, proof }
      },
      signers: signersOf(old),
      headerIdentity: next,
      opensEpoch: false,
    },
    call,
  )
  // A copy of this machine, if there is one, has keys now that nobody believes.
  await believe(context, rekeyed, { tookOver: 0 })
  wipeIdentity(old)
  await state.remove(NEXT_IDENTITY)
  return rekeyed
}

/**
 * The keys to come, durable before anything speaks of them. Those of an interrupted re-key are used again, because its
 * entry may be on its way to the store still.
 */
async function nextIdentity(
  context: Context,
  old: Identity,
  algorithms: readonly SignatureAlgorithm[],
): Promise<Identity> {
  const { host, state, keyring } = context
  const left = await state.read(NEXT_IDENTITY)
  if (left !== null) {
    const identity = await openIdentity(host.crypto, keyring, left)
    if (identity.record.signing.map(({ algorithm }) => algorithm).join() === algorithms.join()) return identity
  }
  const identity = await createIdentity(host.crypto, algorithms, old.id)
  await saveIdentity({ ...context, identity }, NEXT_IDENTITY)
  return identity
}

const POST_QUANTUM: Policy = { signatures: "hybrid", format: 1 }

/**
 * Every machine needs an ML-DSA-87 key from now on.
 *
 * @throws {SyncError} `POLICY_UNMET` while one has none, `CANCELLED`.
 */
export async function requirePostQuantum(context: Context, head: Head, call: CallOptions): Promise<void> {
  const { trust } = head
  if (trust.policy.signatures === POST_QUANTUM.signatures) return
  const lacking = trustedMachines(trust).filter(({ record }) => !meetsPolicy(record, POST_QUANTUM))
  if (lacking.length > 0) {
    const names = await namesOf(context, trust)
    const machines = lacking.map(({ id }) => names(id))
    throw new SyncError("POLICY_UNMET", "a machine has no post-quantum key yet", { machines })
  }
  const lines = ["Machines without a post-quantum key are never let in again. There is no way back."]
  if ((await context.host.prompts.confirm({ code: "require-post-quantum", lines })) !== true) {
    throw new SyncError("CANCELLED", "nothing was changed")
  }
  await publishChange(
    context,
    head,
    {
      entry: (place) => ({ ...place, kind: "policy", writer: context.config.machine, policy: POST_QUANTUM }),
      signers: withRecovery(context, null),
      opensEpoch: false,
    },
    call,
  )
}

/**
 * Asks for a new passphrase and rates it.
 *
 * @param before - Of the vault's log, which it takes the place of.
 * @throws {SyncError} `LOCKED` if none is given, `WEAK_PASSPHRASE`.
 */
export async function askNewPassphrase(
  { host }: Pick<Context, "host">,
  before?: PassphraseEntry,
): Promise<NewPassphrase> {
  const passphrase = await host.prompts.newPassphrase(await generatePassphrase(host.crypto))
  if (passphrase === null) throw new SyncError("LOCKED", "no passphrase was given")
  try {
    await requireStrongPassphrase(passphrase)
    host.progress.step("unlock")
    return await createPassphraseEntry(host.crypto, passphrase, before)
  } finally {
    passphrase.wipe()
  }
}

/** This machine's keys and, for an entry that sets a passphrase, that one's recovery keys. */
export function withRecovery(context: Context, passphraseKeys: PassphraseKeys | null): readonly SigningKey[] {
  const own = signersOf(context.identity as Identity)
  return passphraseKeys === null ? own : [...own, ...recoverySigners(passphraseKeys.recovery)]
}
