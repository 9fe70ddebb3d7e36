/**
 * Knows that nothing has changed since a sync that left all equal, without the
 * keys, the trust log, the base or a plan: what this machine remembers is as it
 * was then, byte for byte; the disk looks as it did; and the store shows the
 * same head and nothing beside it. Whatever is otherwise, or cannot be told, is
 * for a sync to find out. Once a day one is due in any case, to keep house and to
 * count the days on which other machines were silent.
 *
 * @module
 */
import { concatBytes, equalBytes, fromUtf8, utf8 } from "../../crypto/bytes.ts"
import { HASH_BYTES } from "../../crypto/crypto.ts"
import { mainBranch } from "../../storage/layout.ts"
import type { Branch, CallOptions } from "../../storage/remote/store.ts"
import { type Footprint, takeFootprint } from "../ports/footprint.ts"
import type { State } from "../ports/state.ts"
import type { Workspace } from "../ports/workspace.ts"
import type { SyncReport } from "../reports.ts"
import { decodeFootprint, encodeFootprint } from "../tree/scan/footprintFile.ts"
import type { ScanResult } from "../tree/scan/scan.ts"
import { readMarker } from "../tree/stateFolder.ts"
import { isRemembered } from "../trust/remembered.ts"
import type { Context } from "../vault/context.ts"
import type { Head } from "../vault/head.ts"

const FOOTPRINT = "footprint"
const LAST_SYNC = "last-sync"
/** State that says nothing of what was agreed on: this module's own, and copies of what the store has. */
const APART = /^(?:footprint|last-sync|shards\/.*)$/
const DAY_MS = 24 * 60 * 60 * 1000
const NUMBERS_BYTES = 2 * 8

/** What was noted when all was equal. */
interface Note {
  /** Of all that this machine remembered. */
  readonly memory: Uint8Array
  /** Days since 1970, by this machine's clock. */
  readonly day: number
  readonly sequence: number
  readonly commit: string
  readonly footprint: Footprint
  /** Folders that held something that is not synced. */
  readonly occupied: ReadonlySet<string>
}

/**
 * Notes how all things stand. The caller holds the workspace's lock, has just found the disk, as it was scanned, equal to
 * this head, and changes nothing of what this machine remembers after it.
 */
export async function noteStandstill(
  { host, state }: Context,
  { commit, verified }: Head,
  scanned: ScanResult,
): Promise<void> {
  const looks = scanned.settledLooks()
  if (looks === null) return
  const note = encodeNote(host, {
    memory: await digestMemory(host, state),
    day: dayOf(host),
    sequence: verified.header.sequence,
    commit,
    footprint: takeFootprint(looks.others, looks.files),
    occupied: scanned.occupied,
  })
  await state.write(FOOTPRINT, note, { cache: true })
}

/**
 * What a sync would report, if nothing at all has changed; else `null`, and the context gets what was seen. The caller
 * holds the workspace's lock.
 *
 * @param branches - All of this workspace, being asked for.
 */
export async function standstill(
  context: Context,
  workspace: Workspace,
  branches: Promise<readonly Branch[]>,
  { signal, dryRun = false }: CallOptions & { readonly dryRun?: boolean },
): Promise<SyncReport | null> {
  const { host, state, config } = context
  const stored = await state.read(FOOTPRINT)
  const note = stored === null ? null : decodeNote(host, stored)
  if (note === null || note.day !== dayOf(host)) return null
  host.progress.step("scan", undefined, "files")
  const [memory, marker, changed] = await Promise.all([
    digestMemory(host, state),
    readMarker(workspace),
    workspace.compare(note.footprint, signal),
  ])
  if (!equalBytes(note.memory, memory) || marker !== config.workspace) return null
  context.glance = { footprint: note.footprint, occupied: note.occupied, changed }
  if (changed.length > 0) return null
  const [main, ...others] = await branches
  if (main?.name !== mainBranch(config.workspace) || main.head !== note.commit || others.length > 0) return null
  // Who locked the vault is to be asked for the passphrase, whether anything has changed or not.
  if (context.keyring.current === undefined && !(await isRemembered(context))) return null
  if (!dryRun) await state.write(LAST_SYNC, utf8(String(host.clock.now())), { cache: true })
  return nothingChanged(note.sequence, dryRun ? "dry-run" : "in-sync")
}

/** What a sync reports that had nothing to do. */
export function nothingChanged(sequence: number, kind: "in-sync" | "dry-run" = "in-sync"): SyncReport {
  return { kind, sequence, sent: [], received: [], conflicts: [], skipped: [], bytesSent: 0, bytesReceived: 0 }
}

/** When a sync last found nothing changed, in milliseconds since 1970; 0 if that is not known. */
export async function lastStandstillMs(state: State): Promise<number> {
  const stored = await state.read(LAST_SYNC)
  const ms = stored === null || stored.length > 16 ? 0 : Number(new TextDecoder().decode(stored))
  return Number.isSafeInteger(ms) ? ms : 0
}

/** Of all that this machine remembers of the workspace, by name. */
async function digestMemory({ crypto }: Context["host"], state: State): Promise<Uint8Array> {
  const hasher = crypto.createSha256()
  for (const name of await state.list("")) {
    if (APART.test(name)) continue
    const bytes = await state.read(name)
    hasher.update(utf8(`${name} ${bytes?.length ?? "gone"}\n`))
    if (bytes !== null) hasher.update(bytes)
  }
  return hasher.digest()
}

function dayOf({ clock }: Context["host"]): number {
  return Math.floor(clock.now() / DAY_MS)
}

/** Digest, two numbers, a line with the commit and the occupied folders, the footprint, and the hash of it all. */
function encodeNote({ crypto }: Context["host"], note: Note): Uint8Array {
  const { memory, day, sequence, commit, footprint, occupied } = note
  const numbers = new DataView(new ArrayBuffer(NUMBERS_BYTES))
  numbers.setFloat64(0, day)
  numbers.setFloat64(8, sequence)
  const head = concatBytes(memory, new Uint8Array(numbers.buffer), utf8(`${JSON.stringify([commit, ...occupied])}\n`))
  const body = concatBytes(head, encodeFootprint(footprint))
  return concatBytes(body, crypto.sha256(body))
}

/** `null` if it is damaged, or was written by another build. */
function decodeNote({ crypto }: Context["host"], bytes: Uint8Array): Note | null {
  const body = bytes.subarray(0, -HASH_BYTES)
  if (!equalBytes(crypto.sha256(body), bytes.subarray(body.length))) return null
  const lineAt = HASH_BYTES + NUMBERS_BYTES
  const end = body.indexOf(0x0a, lineAt)
  const footprint = end < 0 ? null : decodeFootprint(body.subarray(end + 1))
  if (footprint === null) return null
  const view = new DataView(body.buffer, body.byteOffset + HASH_BYTES, NUMBERS_BYTES)
  // Its hash says that we have written it.
  const [commit, ...occupied] = JSON.parse(fromUtf8(body.subarray(lineAt, end))) as [string, ...string[]]
  return {
    memory: body.subarray(0, HASH_BYTES),
    day: view.getFloat64(0),
    sequence: view.getFloat64(8),
    commit,
    footprint,
    occupied: new Set(occupied),
  }
}
