/**
 * Small trees for tests of the disk half: written to a workspace, read back
 * from it, and as a vault would list them.
 *
 * @module
 */
import { createPortableCrypto } from "../../crypto/portableCrypto.ts"
import { scan, type ScanResult, type ScanRules } from "../../src/tree/scan/scan.ts"
import { type About, baseOf, remember, type ScanCache } from "../../src/tree/scan/scanCache.ts"
import type { Fetch } from "../../src/tree/apply/incoming.ts"
import type { TreeNode } from "../../src/tree/node.ts"
import type { Workspace } from "../../src/ports/workspace.ts"
import type { ChunkRef, IndexEntry } from "../../storage/format/index/entry.ts"

/** A file's text, a link's `{ link }`, or a folder's `{ folder: mode }`; `{ text, mode }` for a file with its mode. */
export type Leaf =
  | string
  | { readonly link: string }
  | { readonly folder: number }
  | { readonly text: string; readonly mode: number }
export type Tree = Readonly<Record<string, Leaf>>

export const hashing = await createPortableCrypto()

const encoder = new TextEncoder()
const CHUNK_BYTES = 16

export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** Ignores nothing. */
export function noRules(): ScanRules {
  return { enter: () => {}, ignores: () => false }
}

/** Writes a tree into a workspace; folders of its paths are made with 0755, files with 0644. */
export async function plant(workspace: Workspace, tree: Tree): Promise<void> {
  for (const [path, leaf] of Object.entries(tree)) {
    const segments = path.split("/")
    for (let i = 1; i < segments.length; i++) {
      const folder = segments.slice(0, i).join("/")
      if ((await workspace.makeFolder(folder)).ok) await workspace.setMode(folder, 0o755)
    }
    if (typeof leaf === "object" && "link" in leaf) await workspace.makeLink(path, leaf.link)
    else if (typeof leaf === "object" && "folder" in leaf) {
      await workspace.makeFolder(path)
      await workspace.setMode(path, leaf.folder)
    } else {
      const { text, mode } = typeof leaf === "string" ? { text: leaf, mode: 0o644 } : leaf
      await write(workspace, path, text)
      await workspace.setMode(path, mode)
    }
  }
}

export async function write(workspace: Workspace, path: string, text: string): Promise<void> {
  const created = await workspace.create(path)
  if (!created.ok) throw new Error(`${created.refusal}: ${path}`)
  await created.value.write(0, utf8(text))
  await created.value.close()
}

/** As a user does it who saves a file. */
export async function edit(workspace: Workspace, path: string, text: string): Promise<void> {
  await workspace.removeFile(path)
  await write(workspace, path, text)
  await workspace.setMode(path, 0o644)
}

export async function textAt(workspace: Workspace, path: string): Promise<string | null> {
  const read = await workspace.read(path, 1 << 24)
  return read.ok ? new TextDecoder().decode(read.value.bytes) : null
}

/** All files' texts below a folder, ours included, by path. */
export async function textsBelow(workspace: Workspace, folder = ""): Promise<Map<string, string>> {
  const texts = new Map<string, string>()
  const listed = await workspace.list(folder)
  for (const { name, stat } of listed.ok ? listed.value : []) {
    const path = folder === "" ? String(name) : `${folder}/${name}`
    if (stat.type === "folder") for (const [inner, text] of await textsBelow(workspace, path)) texts.set(inner, text)
    else if (stat.type === "file") texts.set(path, (await textAt(workspace, path)) ?? "")
  }
  return texts
}

/** What a vault would say of a tree; contents in chunks of 16 bytes. Parents are listed, with 0755. */
export function toVault(tree: Tree, version = 2): Map<string, IndexEntry> {
  const entries = new Map<string, IndexEntry>()
  for (const [path, leaf] of Object.entries(tree)) {
    const segments = path.split("/")
    for (let i = 1; i < segments.length; i++) {
      const folder = segments.slice(0, i).join("/")
      if (!entries.has(folder)) entries.set(folder, { ...common(folder, version), type: "folder", mode: 0o755 })
    }
    entries.set(path, toEntry(path, leaf, version))
  }
  return entries
}

function common(path: string, version: number) {
  return { path, mtimeMs: 1_600_000_000_000, version, writer: "there" }
}

function toEntry(path: string, leaf: Leaf, version: number): IndexEntry {
  if (typeof leaf === "object" && "link" in leaf) {
    return { ...common(path, version), type: "link", mode: 0o777, target: leaf.link }
  }
  if (typeof leaf === "object" && "folder" in leaf)
    return { ...common(path, version), type: "folder", mode: leaf.folder }
  const { text, mode } = typeof leaf === "string" ? { text: leaf, mode: 0o644 } : leaf
  const bytes = utf8(text)
  const chunks: ChunkRef[] = []
  for (let offset = 0; offset < bytes.length; offset += CHUNK_BYTES)
    chunks.push(toChunk(bytes.subarray(offset, offset + CHUNK_BYTES)))
  return { ...common(path, version), type: "file", mode, size: bytes.length, hash: hashing.sha256(bytes), chunks }
}

const store = new Map<string, Uint8Array>()

function toChunk(bytes: Uint8Array): ChunkRef {
  const hash = hashing.sha256(bytes)
  store.set(hash.join(), bytes)
  const sealedBytes = bytes.length + 16
  return {
    pack: "",
    offset: 0,
    sealedBytes,
    plainBytes: bytes.length,
    codec: "none",
    epoch: 1,
    salt: hash,
    number: 0,
    hash,
  }
}

export interface TestFetch {
  readonly fetch: Fetch
  /** Paths and chunk numbers that were asked for. */
  readonly asked: string[]
}

/** Delivers what {@link toVault} made, last things first, as no one would expect. */
export function createTestFetch(before: (path: string) => void = () => {}): TestFetch {
  const asked: string[] = []
  const fetch: Fetch = async (wanted, deliver) => {
    for (const { path, missing } of wanted) for (const position of missing) asked.push(`${path}:${position}`)
    for (const { path, entry, missing } of [...wanted].reverse()) {
      for (const position of [...missing].reverse()) {
        const chunk = entry.chunks[position] as ChunkRef
        const offset = entry.chunks.slice(0, position).reduce((sum, { plainBytes }) => sum + plainBytes, 0)
        before(path)
        await deliver(path, offset, store.get(chunk.hash.join()) as Uint8Array)
      }
    }
  }
  return { fetch, asked }
}

export function look(workspace: Workspace, cache: ScanCache = new Map(), rules = noRules()): Promise<ScanResult> {
  return scan({ workspace, crypto: hashing, rules, cache, workspaceId: null })
}

export const about: About = () => ({ version: 1, writer: "here" })

/** A cache whose base is all that lies in the workspace. */
export async function agreeOnAll(workspace: Workspace): Promise<ScanCache> {
  const { nodes, seen, diskModes } = await look(workspace)
  return remember(new Map(), nodes, about, seen, diskModes)
}

/** The cache after the base learnt what was done. */
export function learn(cache: ScanCache, done: ReadonlyMap<string, TreeNode | null>, scanned: ScanResult): ScanCache {
  const base = baseOf(cache)
  for (const [path, node] of done) {
    if (node === null) base.delete(path)
    else base.set(path, node)
  }
  return remember(cache, base, about, scanned.seen, scanned.diskModes)
}
