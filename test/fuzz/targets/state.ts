/**
 * What one machine keeps on its own disk. Another version, a full disk or a
 * person may have written it; each decoder calls it damaged in its own way.
 *
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { concatBytes, fromHex, toBase64, utf8 } from "../../../crypto/bytes.ts"
import { memoryState } from "../memoryState.ts"
import { createFileKeychain } from "../../../src/platform/node/fileKeychain.ts"
import { createNodeCrypto } from "../../../src/platform/node/nodeCrypto.ts"
import type { State } from "../../../src/ports/state.ts"
import type { Workspace } from "../../../src/ports/workspace.ts"
import { readBase, writeBase } from "../../../src/sync/base.ts"
import { readPast } from "../../../src/sync/past.ts"
import { encodeNote, type StagedPack } from "../../../src/sync/stagedNote.ts"
import { openStaging } from "../../../src/sync/staging.ts"
import { readJournal, writeJournal } from "../../../src/tree/apply/journal.ts"
import { decodeScanCache, encodeScanCache, type CacheEntry } from "../../../src/tree/scan/scanCache.ts"
import { readMarker } from "../../../src/tree/stateFolder.ts"
import { readFounding } from "../../../src/trust/found.ts"
import type { Context } from "../../../src/vault/context.ts"
import { createIdentity, identityEpoch, isIdentityOf, openIdentity, sealIdentity } from "../../../src/vault/identity.ts"
import { createMemory } from "../../../src/vault/memory.ts"
import { createEpochKeys, createKeyring } from "../../../storage/keys.ts"
import type { Store } from "../../../storage/remote/store.ts"
import { Secret } from "../../../crypto/secret.ts"
import { FORMAT_CODES, must, type Target } from "../target.ts"
import headers from "../../vectors/header-v1.json" with { type: "json" }
import trust from "../../vectors/trust-log-v1.json" with { type: "json" }
import vaultFiles from "../../vectors/vault-file-v1.json" with { type: "json" }

const crypto = createNodeCrypto()
const WORKSPACE = "abcdefghijklmnopqrstuvwxyz"
const MACHINE = "a".repeat(52)
const HASH = new Uint8Array(32).fill(9)

const ENTRIES = new Map<string, CacheEntry>([
  [
    "src/a.ts",
    {
      base: { node: { type: "file", mode: 0o644, size: 5, hash: HASH }, version: 3, writer: MACHINE, diskMode: 0o644 },
      seen: { mode: 0o644, size: 5, mtimeNs: 5n, ctimeNs: 6n, inode: 7n, device: 8n, hash: HASH, settled: true },
    },
  ],
  [
    "link",
    { base: { node: { type: "link", mode: 0, target: "x" }, version: 1, writer: MACHINE, diskMode: 0 }, seen: null },
  ],
  [
    "folder",
    { base: { node: { type: "folder", mode: 0o755 }, version: 1, writer: MACHINE, diskMode: 0o755 }, seen: null },
  ],
])

const STAGED: StagedPack = {
  pack: "0".repeat(64),
  id: "a".repeat(40),
  chunks: [
    {
      pack: "0".repeat(64),
      offset: 8,
      sealedBytes: 20,
      plainBytes: 4,
      codec: "none",
      epoch: 1,
      salt: HASH,
      number: 0,
      hash: HASH,
    },
  ],
}

const withHash = (body: Uint8Array): Uint8Array => concatBytes(body, crypto.sha256(body))

/** Wrote with the project's own hand, into a state of which the value is then read. */
async function written(name: string, write: (state: State) => Promise<unknown>): Promise<Uint8Array> {
  const state = memoryState({})
  await write(state)
  return (await state.read(name)) as Uint8Array
}

const contextOf = (state: State): Context => ({ host: { crypto }, state }) as unknown as Context
const json = (value: unknown): Uint8Array => utf8(JSON.stringify(value))

const TREE: readonly Target[] = [
  {
    name: "scan-cache",
    seeds: () => [encodeScanCache(ENTRIES, crypto).slice(0, -32), encodeScanCache(new Map(), crypto).slice(0, -32)],
    codes: [],
    run(input) {
      const bytes = withHash(input)
      const cache = decodeScanCache(bytes, crypto)
      if (cache !== null) decodeScanCache(encodeScanCache(cache, crypto), crypto)
    },
  },
  {
    name: "base",
    seeds: async () => [
      await written("dormant", (state) => writeBase(contextOf(state), ENTRIES, ["a", "b"])),
      utf8('["a",1,null,{"b":[]}]'),
    ],
    form: "json",
    codes: [],
    run: (input) =>
      readBase(contextOf(memoryState({ base: encodeScanCache(ENTRIES, crypto), dormant: input, settled: input }))),
  },
  {
    name: "journal",
    seeds: async () => {
      const nodes = [...ENTRIES].map(([path, { base }]) => [path, { before: base?.node ?? null, after: null }] as const)
      return [await written("journal", (state) => writeJournal(state, { batch: "b1", entries: new Map(nodes) }))]
    },
    codes: [],
    run: (input) => readJournal(memoryState({ journal: input })),
  },
  {
    name: "past",
    seeds: () => [json([["a", ["00".repeat(8)]]]), json([1, [2, []], ["b", [3]]])],
    form: "json",
    codes: [],
    run: (input) => readPast(memoryState({ past: input })),
  },
  {
    name: "marker",
    seeds: () => [utf8(`${WORKSPACE}\n`), utf8("../x")],
    form: "text",
    codes: [],
    async run(input) {
      const read = async () => ({ ok: true, value: { bytes: input.subarray(0, 256) } })
      const marker = await readMarker({ read } as unknown as Workspace)
      must(marker === null || /^[a-z2-7]+$/.test(marker), "a marker that leads elsewhere")
    },
  },
]

const record = (async () => createIdentity(crypto, ["ed25519", "ml-dsa-87"]))()
const keys = createEpochKeys(crypto, WORKSPACE, 1, new Secret(new Uint8Array(32).fill(3)))
const keyring = createKeyring()
keyring.add(keys)

const CONFIG = {
  format: 1,
  machine: MACHINE,
  machineName: "Laptop",
  phase: "confirmed",
  root: "/home/a",
  store: "https://example.org/v.git",
  workspace: WORKSPACE,
} as const

const SEEN = {
  format: 1,
  commit: "a".repeat(40),
  header: utf8(headers.headers[1]),
  trust: [utf8(headers.log[0] as string)],
  vaultFile: utf8(vaultFiles.vault),
  snapshot: [{ path: "manifest.json", id: "b".repeat(40) }],
  syncedSequence: 1,
  lastSyncMs: 5,
  base: "agreed",
  behindSinceMs: null,
  tookOver: 0,
  idlePacks: [{ pack: "0".repeat(64), since: 4 }],
} as const

const MEMORY_CODES = ["SETUP_DAMAGED", "STATE_DAMAGED"]

const SETUP: readonly Target[] = [
  {
    name: "memory",
    seeds: async () => [
      await written("config", (state) => createMemory(state).setConfig(CONFIG)),
      await written("seen", (state) => createMemory(state).setSeen(SEEN)),
      await written("counter", (state) => createMemory(state).setCounter(12)),
    ],
    form: "json",
    codes: MEMORY_CODES,
    maxBytes: 256 * 1024,
    async run(input) {
      for (const name of ["config", "seen", "counter"] as const) {
        const state = memoryState({ [name]: input })
        await createMemory(state)
          [name]()
          .catch((error: unknown) => {
            if ((error as { code?: string }).code === undefined) throw error
          })
      }
    },
  },
  {
    name: "identity",
    seeds: async () => [await sealIdentity(crypto, keys, await record)],
    form: "json",
    codes: MEMORY_CODES,
    async run(input) {
      identityEpoch(input)
      isIdentityOf(input, (await record).record)
      await openIdentity(crypto, keyring, input)
    },
  },
  {
    name: "staging-note",
    seeds: () => [encodeNote(crypto, [STAGED]).slice(0, -32), encodeNote(crypto, []).slice(0, -32)],
    codes: [],
    run: (input) =>
      openStaging({
        crypto,
        store: { snapshot: async () => new Map([[`packs/00/${STAGED.pack}`, STAGED.id]]) } as unknown as Store,
        state: memoryState({ "staged/000000": withHash(input) }),
        workspace: WORKSPACE,
        machine: MACHINE,
        epoch: 1,
        uploadHead: "a".repeat(40),
        call: {},
      }),
  },
  {
    name: "founding-note",
    seeds: () => [utf8(`{"format":1,"genesis":"${toBase64(utf8(trust.log[0] as string))}","vaultFile":"AAAA"}`)],
    form: "json",
    codes: [...FORMAT_CODES, "TRUST_LOG_INVALID", "STATE_DAMAGED"],
    maxBytes: 64 * 1024,
    run: (input) => readFounding(contextOf(memoryState({ founding: input }))),
  },
  {
    name: "keychain-file",
    seeds: () => [fromHex("00000001").slice(), new Uint8Array(36)],
    codes: [],
    async run(input) {
      const folder = mkdtempSync(join(tmpdir(), "sessyn-fuzz-"))
      try {
        writeFileSync(join(folder, "name.key"), input, { mode: 0o600 })
        const secret = await createFileKeychain(folder).read("name")
        must((secret?.length ?? 0) === input.length, "another secret")
      } finally {
        rmSync(folder, { recursive: true })
      }
    },
  },
]

export const STATE_TARGETS: readonly Target[] = [...TREE, ...SETUP]
