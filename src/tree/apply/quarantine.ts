/**
 * Where everything goes that a sync overwrites or deletes: into the workspace's
 * own state folder, one batch a sync, under its original path.
 *
 *     .sessyn/quarantine/20261122T171904Z-1/src/old.ts
 *
 * The time is for people, and for pruning. If two things of one batch have the
 * same path, or paths that this disk takes for one, the later lies in `…-1.1/`.
 *
 * @module
 */
import type { Clock } from "../../ports/clock.ts"
import { DONE, type Outcome, type Workspace } from "../../ports/workspace.ts"
import { parentOf } from "../paths.ts"
import { ensureFolder, QUARANTINE } from "../stateFolder.ts"

/** How long a batch is kept, in days. */
export const QUARANTINE_DAYS = 30
const DAY_MS = 24 * 60 * 60 * 1000
const BATCH = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-\d+(?:\.\d+)?$/
/** More things of one path in one batch than can be. */
const MAX_PLACES = 1000

export interface QuarantinedItem {
  readonly batch: string
  /** Where it lay. */
  readonly path: string
  /** By the clock of this machine; milliseconds since the epoch, display only. */
  readonly sinceMs: number
  readonly type: "file" | "link"
  readonly size: number
}

/** Puts things into one batch. Paths in the outcomes are of the place in quarantine. */
export interface QuarantineBatch {
  /** Gives what lies at `path` a second name in quarantine (or a copy where there are no hard links). */
  keep(path: string): Promise<Outcome<string>>
  /** Moves what lies at `path`, a file or link, to quarantine. */
  take(path: string): Promise<Outcome<string>>
  /** Where things of that path may lie, in the order in which they came. */
  placesOf(path: string): AsyncIterable<string>
}

/** A name for a new batch, which nothing bears yet. */
export async function nameBatch(workspace: Workspace, clock: Clock): Promise<string> {
  const time = new Date(clock.now()).toISOString().replace(/[-:]|\.\d+/g, "")
  const listed = await workspace.list(QUARANTINE)
  const taken = new Set(listed.ok ? listed.value.map((item) => item.name) : [])
  for (let number = 1; ; number++) if (!taken.has(`${time}-${number}`)) return `${time}-${number}`
}

/** Nothing is made on disk before the first thing comes in. */
export function openBatch(workspace: Workspace, batch: string): QuarantineBatch {
  const made = new Set<string>()

  const folderOf = (place: number) => `${QUARANTINE}/${batch}${place === 0 ? "" : `.${place}`}`

  async function freePlace(path: string): Promise<Outcome<string>> {
    for (let place = 0; place < MAX_PLACES; place++) {
      const target = `${folderOf(place)}/${path}`
      const parent = parentOf(target)
      const folder = made.has(parent) ? DONE : await ensureFolder(workspace, parent)
      if (!folder.ok) {
        // A file of this batch may lie where this one needs a folder.
        if (folder.refusal === "not-a-folder") continue
        return folder
      }
      made.add(parent)
      const stat = await workspace.stat(target)
      if (!stat.ok && stat.refusal === "missing") return { ok: true, value: target }
      if (!stat.ok && stat.refusal !== "not-a-folder") return stat
    }
    return { ok: false, refusal: "exists" }
  }

  async function put(path: string, how: (target: string) => Promise<Outcome>): Promise<Outcome<string>> {
    const target = await freePlace(path)
    if (!target.ok) return target
    const done = await how(target.value)
    return done.ok ? target : done
  }

  return {
    keep: (path) => put(path, (target) => workspace.link(path, target)),
    // Replacing, because that is one atomic step whatever comes to lie at `path` just now; the target is free.
    take: (path) => put(path, (target) => workspace.rename(path, target, { replace: true })),
    async *placesOf(path) {
      for (let place = 0; place < MAX_PLACES; place++) {
        if (!(await workspace.stat(folderOf(place))).ok) return
        const stat = await workspace.stat(`${folderOf(place)}/${path}`)
        if (stat.ok) yield `${folderOf(place)}/${path}`
      }
    },
  }
}

/** Everything in quarantine, oldest batch first. */
export async function listQuarantine(workspace: Workspace): Promise<readonly QuarantinedItem[]> {
  const items: QuarantinedItem[] = []
  for (const batch of await batches(workspace)) {
    for await (const { path, stat } of walk(workspace, `${QUARANTINE}/${batch.name}`, "")) {
      if (stat.type !== "file" && stat.type !== "link") continue
      items.push({ batch: batch.name, path, sinceMs: batch.sinceMs, type: stat.type, size: stat.size })
    }
  }
  return items
}

/** Moves something back to where it lay, or to `to`; `exists` if something lies there. */
export async function restoreQuarantined(
  workspace: Workspace,
  item: Pick<QuarantinedItem, "batch" | "path">,
  to: string = item.path,
): Promise<Outcome> {
  const parent = parentOf(to)
  const folder = parent === "" ? DONE : await ensureFolder(workspace, parent)
  if (!folder.ok) return folder
  return workspace.rename(`${QUARANTINE}/${item.batch}/${item.path}`, to, { replace: false })
}

/** Removes batches older than {@link QUARANTINE_DAYS}; answers how many. Their age is that of their names. */
export async function pruneQuarantine(workspace: Workspace, clock: Clock): Promise<number> {
  const oldestMs = clock.now() - QUARANTINE_DAYS * DAY_MS
  let removed = 0
  for (const batch of await batches(workspace)) {
    if (batch.sinceMs >= oldestMs) continue
    await removeTree(workspace, `${QUARANTINE}/${batch.name}`)
    removed++
  }
  return removed
}

async function batches(workspace: Workspace): Promise<{ readonly name: string; readonly sinceMs: number }[]> {
  const listed = await workspace.list(QUARANTINE)
  if (!listed.ok) return []
  return listed.value
    .flatMap(({ name }) => {
      const parts = name === null ? null : BATCH.exec(name)
      if (name === null || parts === null) return []
      const [year, month, day, hour, minute, second] = parts.slice(1).map(Number) as [
        number,
        number,
        number,
        number,
        number,
        number,
      ]
      return [{ name, sinceMs: Date.UTC(year, month - 1, day, hour, minute, second) }]
    })
    .sort((a, b) => a.sinceMs - b.sinceMs || (a.name < b.name ? -1 : 1))
}

async function* walk(
  workspace: Workspace,
  folder: string,
  path: string,
): AsyncGenerator<{ path: string; stat: { type: string; size: number } }> {
  const listed = await workspace.list(folder)
  if (!listed.ok) return
  for (const { name, stat } of listed.value) {
    if (name === null) continue
    const inner = path === "" ? name : `${path}/${name}`
    yield { path: inner, stat }
    if (stat.type === "folder") yield* walk(workspace, `${folder}/${name}`, inner)
  }
}

async function removeTree(workspace: Workspace, folder: string): Promise<void> {
  const listed = await workspace.list(folder)
  for (const { name, stat } of listed.ok ? listed.value : []) {
    if (name === null) continue
    if (stat.type === "folder") await removeTree(workspace, `${folder}/${name}`)
    else await workspace.removeFile(`${folder}/${name}`)
  }
  await workspace.removeFolder(folder)
}
