/**
 * A machine that lends the host its keys: one that was revoked, one that is
 * still pending, or a trusted one that has turned. It signs what no Sessyn
 * would, unchecked; the host puts it where it likes.
 *
 * @module
 */
import type { Secret } from "../../../crypto/secret.ts"
import type { Json } from "../../../storage/format/canonicalJson.ts"
import type { JsonCodec } from "../../../storage/format/codec.ts"
import { toBase64 } from "../../../crypto/bytes.ts"
import { encodeEnvelope, type SigningKey, signEnvelope } from "../../../storage/format/envelope.ts"
import { type TrustEntry, trustEntryCodec } from "../../../storage/format/trustEntry.ts"
import type { EpochKeys } from "../../../storage/keys.ts"
import { HEADER_PATH, trustPath } from "../../../storage/layout.ts"
import { countersAfter } from "../../../storage/verify/header.ts"
import type { TrustState } from "../../../storage/verify/trustState.ts"
import { unlock } from "../../../src/trust/unlock.ts"
import type { Context } from "../../../src/vault/context.ts"
import { createContext } from "../../../src/vault/refresh.ts"
import type { Head } from "../../../src/vault/head.ts"
import { type Identity, signersOf } from "../../../src/vault/identity.ts"
import { createMemory } from "../../../src/vault/memory.ts"
import type { MemoryMachine } from "../memoryMachine.ts"
import { STORE_URL } from "../memoryMachine.ts"
import type { HostileHost } from "./host.ts"

type Fields = Readonly<Record<string, Json>>

export interface Insider {
  readonly context: Context
  readonly identity: Identity
  /** What it saw last. */
  readonly head: Head
  readonly keys: EpochKeys
  /** Its own header on top of a version that it saw; `change` has the last word. */
  header(on?: Head, change?: (fields: Fields) => Fields): Promise<Uint8Array>
  /** An entry of its own after that log, by these keys (its own, unless told). */
  entry(on: TrustState, entry: Partial<TrustEntry>, signers?: readonly SigningKey[]): Promise<Uint8Array>
}

/** Opens what the machine has: its keys, and the vault as it saw it last. */
export async function insider(machine: MemoryMachine): Promise<Insider> {
  const [workspace = ""] = machine.states.keys()
  const config = await createMemory(machine.host.openState(workspace)).config()
  if (config === null) throw new Error("not set up")
  const context = await createContext(machine.host, config, await machine.host.openStore(STORE_URL, { create: false }))
  const head = context.seen?.head
  if (head === undefined) throw new Error("it has seen nothing")
  await unlock(context, head)
  const identity = context.identity as Identity
  const keys = context.keyring.current as EpochKeys
  const { crypto } = machine.host

  return {
    context,
    identity,
    head,
    keys,
    async header(on = head, change = (fields) => fields) {
      const fields = change({ ...fieldsOf(on), ...stepOf(on, identity.id) })
      return sign(context, "header", fields, signersOf(identity), keys.mac)
    },
    async entry(on, entry, signers = signersOf(identity)) {
      const place = {
        format: 1,
        sequence: on.length + 1,
        previous: on.head,
        workspace: on.workspace,
        epoch: on.epoch.epoch,
        writer: identity.id,
        time: 0,
      }
      const whole = { ...place, ...entry } as TrustEntry
      return encodeEnvelope(await signEnvelope(crypto, "trust", trustEntryCodec, whole, signers, keys.mac))
    },
  }
}

/** Puts a header in the place of the newest version's, or on top of it with the same objects. */
export async function plantHeader(host: HostileHost, header: Uint8Array, world?: string): Promise<void> {
  await host.forge((tree) => void tree.set(HEADER_PATH, header), { onTop: true, ...(world && { world }) })
}

/** Puts a header and one more entry on top of the newest version. */
export async function plantEntry(
  host: HostileHost,
  sequence: number,
  entry: Uint8Array,
  header: Uint8Array,
): Promise<void> {
  await host.forge((tree) => void tree.set(trustPath(sequence), entry).set(HEADER_PATH, header), { onTop: true })
}

function fieldsOf({ verified }: Head): Fields {
  return JSON.parse(new TextDecoder().decode(verified.envelope.payload)) as Fields
}

/** What a header on top of this one says of itself. */
function stepOf({ verified }: Head, writer: string): Fields {
  const { sequence } = verified.header
  const counters = countersAfter(verified)
  const own = counters.get(writer)
  const machines = [...counters]
    .filter(([id]) => id !== writer)
    .map(([id, { counter, head }]) => ({ id, counter, head: toBase64(head) }))
  machines.push({ id: writer, counter: (own?.counter ?? 0) + 1, head: own ? toBase64(own.head) : null } as never)
  machines.sort((a, b) => (a.id < b.id ? -1 : 1))
  return { kind: "sync", sequence: sequence + 1, previous: toBase64(verified.hash), writer, machines, supersedes: null }
}

async function sign(
  { host }: Context,
  kind: "header",
  fields: Fields,
  signers: readonly SigningKey[],
  mac: Secret,
): Promise<Uint8Array> {
  const asItIs: JsonCodec<Fields> = { encode: (each) => each, decode: (json) => json as Fields }
  return encodeEnvelope(await signEnvelope(host.crypto, kind, asItIs, fields, signers, mac))
}
