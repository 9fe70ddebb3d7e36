/**
 * What one machine remembers of one workspace between runs, in the State port:
 * what was set up (`config`) and what it last saw of the vault (`seen`). All of
 * it is public to the machine's own user and holds no key. Damaged bytes are an
 * error with a way out, never a reason to start from nothing.
 *
 * @module
 */
import { StorageError } from "../../storage/errors.ts"
import { decodeDocument, encodeDocument } from "../../storage/format/canonicalJson.ts"
import {
  array,
  bytes,
  formatVersion,
  type JsonCodec,
  nullable,
  object,
  oneOf,
  text,
  uint,
} from "../../storage/format/codec.ts"
import { MAX_VAULT_FILE_BYTES } from "../../storage/format/vaultFile.ts"
import { SyncError } from "../errors.ts"
import type { State } from "../ports/state.ts"

const CONFIG = "config"
const MAX_CONFIG_BYTES = 64 * 1024
/** Base64 of the longest log (`trust.md`, "Limits"), and as much again for the rest. */
const MAX_SEEN_BYTES = 192 * 1024 * 1024
const MAX_ENVELOPE_BYTES = 1024 * 1024

const line = (maxLength: number): JsonCodec<string> => text(new RegExp(`^[^\\u0000]{0,${maxLength}}$`, "u"))

/** What was set up here. */
export interface Config {
  readonly format: 1
  readonly workspace: string
  /** Absolute path or URI of the folder. */
  readonly root: string
  readonly store: string
  readonly machine: string
  readonly machineName: string
  /** `asked`: a join request was published. `confirmed`: the words were compared (or this machine was the first). */
  readonly phase: "asked" | "confirmed"
}

const configCodec: JsonCodec<Config> = object({
  format: formatVersion,
  workspace: text(/^[a-z2-7]{26}$/),
  root: line(8192),
  store: line(8192),
  machine: text(/^[a-z2-7]{52}$/),
  machineName: line(256),
  phase: oneOf("asked", "confirmed"),
})

/** What was last seen, verified, of the vault; and what of it has reached the disk. */
export interface Seen {
  readonly format: 1
  /** The store's address of the head below. */
  readonly commit: string
  /** The newest header verified here, as an envelope. */
  readonly header: Uint8Array
  /** The trust log up to that header, as envelopes. */
  readonly trust: readonly Uint8Array[]
  readonly vaultFile: Uint8Array
  /** Object ids of that commit by path. */
  readonly snapshot: readonly { readonly path: string; readonly id: string }[]
  /** Sequence of the header with which the workspace was last made equal; 0 if never. */
  readonly syncedSequence: number
  readonly lastSyncMs: number
  /** `superseded`: a head was followed that leaves out what was seen, so that the base says nothing of the vault now. */
  readonly base: "agreed" | "superseded"
  /** Since when the store has shown an older head than this one; null if it does not. */
  readonly behindSinceMs: number | null
  /** Whether this machine's own counter was found ahead of its memory once already. */
  readonly tookOver: number
  /** Packs that no index refers to any more, and since which sequence. */
  readonly idlePacks: readonly { readonly pack: string; readonly since: number }[]
}

const seenCodec: JsonCodec<Seen> = object({
  format: formatVersion,
  commit: line(128),
  header: bytes(1, MAX_ENVELOPE_BYTES),
  trust: array(bytes(1, MAX_ENVELOPE_BYTES), 1_000_000),
  vaultFile: bytes(1, MAX_VAULT_FILE_BYTES),
  snapshot: array(object({ path: line(256), id: line(128) }), 1_000_000),
  syncedSequence: uint(0),
  lastSyncMs: uint(0),
  base: oneOf("agreed", "superseded"),
  behindSinceMs: nullable(uint(0)),
  tookOver: uint(0),
  idlePacks: array(object({ pack: text(/^[0-9a-f]{64}$/), since: uint(0) }), 1_000_000),
})

const counterCodec: JsonCodec<{ readonly format: 1; readonly signed: number }> = object({
  format: formatVersion,
  signed: uint(0),
})

/** Reads and writes the memory of one workspace. */
export interface Memory {
  /** null if nothing was set up. @throws {SyncError} `SETUP_DAMAGED` */
  config(): Promise<Config | null>
  setConfig(config: Config): Promise<void>
  /** null if no head was ever verified here. @throws {SyncError} `STATE_DAMAGED` */
  seen(): Promise<Seen | null>
  setSeen(seen: Seen): Promise<void>
  /** Highest counter that this machine ever signed, published or not; 0 if none. */
  counter(): Promise<number>
  /** To be called before anything with that counter is signed. */
  setCounter(counter: number): Promise<void>
}

export function createMemory(state: State): Memory {
  return {
    config: () => read(state, CONFIG, configCodec, MAX_CONFIG_BYTES),
    setConfig: (config) => state.write(CONFIG, encodeDocument(configCodec, config, MAX_CONFIG_BYTES)),
    seen: () => read(state, "seen", seenCodec, MAX_SEEN_BYTES),
    setSeen: (seen) => state.write("seen", encodeDocument(seenCodec, seen, MAX_SEEN_BYTES)),
    counter: async () => (await read(state, "counter", counterCodec, MAX_CONFIG_BYTES))?.signed ?? 0,
    setCounter: (signed) =>
      state.write("counter", encodeDocument(counterCodec, { format: 1, signed }, MAX_CONFIG_BYTES)),
  }
}

async function read<T>(state: State, name: string, codec: JsonCodec<T>, maxBytes: number): Promise<T | null> {
  const stored = await state.read(name)
  if (stored === null) return null
  try {
    return decodeDocument(codec, stored, maxBytes)
  } catch (cause) {
    if (!(cause instanceof StorageError)) throw cause
    const code = name === CONFIG ? "SETUP_DAMAGED" : "STATE_DAMAGED"
    throw new SyncError(code, "what this machine remembers of the vault cannot be read", { name }, { cause })
  }
}
