/**
 * Machines with a disk in memory, a vault in memory, users who do what they
 * like between syncs, and an apply that does exactly what a plan says and
 * complains when it cannot. Everything but planner and resolutions is written
 * here a second time, as plainly as possible.
 *
 * @module
 */
import { expect } from "vitest"
import type { FileEntry, IndexEntry, Tombstone } from "../../storage/format/index/entry.ts"
import type { FileNode, TreeNode } from "../../src/tree/node.ts"
import {
  baseAfter,
  type Conflict,
  type Operation,
  type Plan,
  type PlanInput,
  type Resolution,
  sameContent,
} from "../../src/tree/plan/plan.ts"
import { plan } from "../../src/tree/plan/planner.ts"
import { applyResolutions } from "../../src/tree/plan/resolve.ts"

/** Contents are numbers; equal numbers are equal bytes. */
export type Content = number

export function file(content: Content, mode = 0o644): FileNode {
  const hash = new Uint8Array(32)
  new DataView(hash.buffer).setUint32(0, content + 1)
  return { type: "file", mode, size: content, hash }
}

export function contentOf({ hash }: { readonly hash: Uint8Array }): Content {
  return new DataView(hash.buffer, hash.byteOffset).getUint32(0) - 1
}

export function entry(path: string, node: TreeNode, writer = "other", version = 1): IndexEntry {
  const common = { path, mtimeMs: 0, version, writer }
  return node.type === "file" ? { ...node, ...common, chunks: [] } : { ...node, ...common }
}

export function hashTarget(target: string): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => (target.charCodeAt(i % target.length) * 31 + i) & 255)
}

export function tombstone(path: string, node: TreeNode, writer = "other"): Tombstone {
  const hash = node.type === "file" ? node.hash : node.type === "link" ? hashTarget(node.target) : new Uint8Array(32)
  return { path, hash, sequence: 1, writer }
}

export function parentOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : ""
}

export class Violation extends Error {}

export class Vault {
  readonly entries = new Map<string, IndexEntry>()
  readonly tombstones = new Map<string, Tombstone>()
  sequence = 0

  commit(operations: readonly Operation[], writer: string, merged: ReadonlyMap<string, FileNode>): void {
    const changes = operations.filter(({ kind }) => kind === "upload" || kind === "bury" || kind === "merge")
    if (changes.length === 0) return
    this.sequence++
    const before = new Map(this.entries)
    for (const operation of changes) {
      const { path } = operation
      const there = before.get(path) ?? null
      if (operation.kind === "bury") {
        if (there === null || there !== operation.before) throw new Violation(`bury ${path}: not what the plan saw`)
        this.entries.delete(path)
        this.tombstones.set(path, tombstone(path, there, writer))
      } else if (operation.kind === "upload") {
        if (there !== operation.before) throw new Violation(`upload ${path}: not what the plan saw`)
        if (operation.from !== undefined) this.checkSource(operation.from, operation.node, before)
        this.put(path, operation.node, writer)
      } else if (operation.kind === "merge") {
        this.put(path, merged.get(path) as FileNode, writer)
      }
    }
    for (const path of this.entries.keys()) {
      const parent = parentOf(path)
      if (parent !== "" && this.entries.get(parent)?.type !== "folder") throw new Violation(`${path}: no folder there`)
    }
  }

  private put(path: string, node: TreeNode, writer: string): void {
    this.entries.set(path, entry(path, node, writer, this.sequence))
    this.tombstones.delete(path)
  }

  private checkSource(from: FileEntry, node: TreeNode, before: ReadonlyMap<string, IndexEntry>): void {
    if (before.get(from.path) !== from) throw new Violation(`${from.path}: a source that the vault does not have`)
    if (!sameContent(from, node)) throw new Violation(`${from.path}: a source with other content`)
  }
}

export interface MachineOptions {
  readonly caseInsensitive?: boolean
  readonly windowsNames?: boolean
}

/** Chooses about a conflict; `null` leaves it open. */
export type Chooser = (conflict: Conflict) => Resolution | null

export interface SyncResult {
  readonly plan: Plan
  readonly skipped: readonly string[]
  readonly failed: ReadonlySet<string>
}

export class Machine {
  readonly name: string
  readonly disk = new Map<string, TreeNode>()
  base: Map<string, TreeNode> = new Map()
  dormant = new Set<string>()
  baseLost = false
  /** Whether everything named `ign` is ignored here. */
  ignoring = false
  private readonly vault: Vault
  private readonly options: MachineOptions

  constructor(name: string, vault: Vault, options: MachineOptions = {}) {
    this.name = name
    this.vault = vault
    this.options = options
  }

  excluded(path: string): boolean {
    return this.ignoring && path.split("/").includes("ign")
  }

  input(): PlanInput {
    const local = new Map<string, TreeNode>()
    const occupied = new Set<string>()
    for (const [path, node] of this.disk) {
      if (this.excluded(path)) occupied.add(parentOf(path))
      else local.set(path, node)
    }
    return {
      base: this.base,
      local,
      remote: new Map(this.vault.entries),
      tombstones: this.vault.tombstones,
      excluded: (path) => this.excluded(path),
      held: new Map(),
      occupied,
      dormant: this.dormant,
      platform: {
        windowsNames: this.options.windowsNames ?? false,
        caseInsensitive: this.options.caseInsensitive ?? false,
        normalizes: false,
        links: true,
        mayLeadOut: () => true,
      },
      ...(this.baseLost ? { baseLost: { hashTarget } } : {}),
    }
  }

  /** One sync. `fails` says which operations on the disk are not carried out, as if the user had been quicker. */
  sync(choose: Chooser, log: Log, fails: (operation: Operation) => boolean = () => false): SyncResult {
    const input = this.input()
    const first = plan(input)
    expect(first).toEqual(plan(input, true))
    const resolutions = new Map<string, Resolution>()
    for (const conflict of first.conflicts) {
      const resolution = choose(conflict)
      if (resolution !== null) resolutions.set(conflict.path, resolution)
    }
    const resolved = applyResolutions(first, input, resolutions)
    const open = new Set(resolved.skipped)
    for (const conflict of first.conflicts) {
      if (!open.has(conflict.path)) log.decided(conflict, resolutions.get(conflict.path) as Resolution, input)
    }
    const merged = new Map<string, FileNode>()
    for (const operation of resolved.plan.operations) {
      if (operation.kind === "merge") merged.set(operation.path, log.merge(operation))
    }
    this.vault.commit(resolved.plan.operations, this.name, merged)
    const failed = this.apply(resolved.plan.operations, merged, fails)
    this.base = baseAfter(this.base, resolved.plan, failed, merged)
    this.dormant = new Set(resolved.plan.dormant)
    this.baseLost = false
    return { plan: resolved.plan, skipped: resolved.skipped, failed }
  }

  private apply(
    operations: readonly Operation[],
    merged: ReadonlyMap<string, FileNode>,
    fails: (operation: Operation) => boolean,
  ): Set<string> {
    const failed = new Set<string>()
    for (const operation of operations) {
      if (["agree", "upload", "bury"].includes(operation.kind)) continue
      const problem = fails(operation) ? "injected" : this.carryOut(operation, merged)
      if (problem === null) continue
      if (problem !== "injected" && failed.size === 0)
        throw new Violation(`${operation.kind} ${operation.path}: ${problem}`)
      failed.add(operation.path)
    }
    return failed
  }

  private carryOut(operation: Operation, merged: ReadonlyMap<string, FileNode>): string | null {
    const { path } = operation
    const here = this.disk.get(path) ?? null
    switch (operation.kind) {
      case "write": {
        if (!same(here, operation.before)) return "not what the plan saw"
        return this.put(path, strip(operation.node))
      }
      case "mode":
        if (!same(here, operation.before)) return "not what the plan saw"
        return this.put(path, { ...(here as TreeNode), mode: operation.mode })
      case "merge":
        if (!same(here, operation.local)) return "not what the plan saw"
        return this.put(path, merged.get(path) as FileNode)
      case "delete":
        if (!same(here, operation.before)) return "not what the plan saw"
        if ([...this.disk.keys()].some((other) => other.startsWith(`${path}/`))) return "not empty"
        this.disk.delete(path)
        return null
      default:
        return "not for the disk"
    }
  }

  /** Puts a node on the disk as a file system would, or says why not. */
  put(path: string, node: TreeNode): string | null {
    const parent = parentOf(path)
    if (parent !== "" && this.disk.get(parent)?.type !== "folder") return "no folder to put it in"
    const here = this.disk.get(path)
    if (here !== undefined && (here.type === "folder") !== (node.type === "folder")) return "something else is there"
    if (here === undefined && this.options.caseInsensitive) {
      const folded = path.toLowerCase()
      for (const other of this.disk.keys()) if (other.toLowerCase() === folded) return `is ${other} here`
    }
    if (this.options.windowsNames && /[:?]/.test(path)) return "no such names here"
    this.disk.set(path, node)
    return null
  }

  contents(): Set<Content> {
    return new Set([...this.disk.values()].flatMap((node) => (node.type === "file" ? [contentOf(node)] : [])))
  }
}

function same(a: TreeNode | null, b: TreeNode | null): boolean {
  if (a === null || b === null) return a === b
  return sameContent(a, b) && a.mode === b.mode
}

function strip(node: TreeNode): TreeNode {
  if (node.type === "file") return { type: "file", mode: node.mode, size: node.size, hash: node.hash }
  if (node.type === "link") return { type: "link", mode: node.mode, target: node.target }
  return { type: "folder", mode: node.mode }
}

/** Remembers which contents a person knows to be gone: deleted, overwritten or decided against. */
export class Log {
  readonly seen = new Set<Content>()
  readonly dropped = new Set<Content>()
  private next = 1

  fresh(): Content {
    this.seen.add(this.next)
    return this.next++
  }

  drop(node: TreeNode | null | undefined): void {
    if (node?.type === "file") this.dropped.add(contentOf(node))
  }

  decided(conflict: Conflict, { choice }: Resolution, { local, remote }: PlanInput): void {
    const below = (side: ReadonlyMap<string, TreeNode>): void => {
      for (const [path, node] of side)
        if (path === conflict.path || path.startsWith(`${conflict.path}/`)) this.drop(node)
    }
    if (choice === "keep-local" || choice === "merged") below(remote)
    if (choice === "keep-remote" || choice === "merged") below(local)
  }

  merge({ mode }: Extract<Operation, { kind: "merge" }>): FileNode {
    return file(this.fresh(), mode)
  }

  /** Contents that nobody meant to lose and nobody has. */
  lost(machines: readonly Machine[], vault: Vault): Content[] {
    const kept = new Set(machines.flatMap((machine) => [...machine.contents()]))
    for (const node of vault.entries.values()) if (node.type === "file") kept.add(contentOf(node))
    return [...this.seen].filter((content) => !kept.has(content) && !this.dropped.has(content))
  }
}

/** What a user does on one machine; numbers choose among what is possible. */
export interface Action {
  readonly kind: "create" | "folder" | "link" | "edit" | "copy" | "delete" | "rename" | "chmod" | "replace"
  readonly pick: number
  readonly name: number
  readonly value: number
}

const NAMES = ["a", "b", "A", "c.txt", ".env", "ign", "d"]
const MODES = [0o644, 0o755, 0o600]

export function act(machine: Machine, action: Action, log: Log): void {
  const { disk } = machine
  const paths = [...disk.keys()].sort()
  const folders = ["", ...paths.filter((path) => disk.get(path)?.type === "folder" && path.split("/").length < 3)]
  const folder = folders[action.pick % folders.length] as string
  const target = (folder === "" ? "" : `${folder}/`) + (NAMES[action.name % NAMES.length] as string)
  const path = paths[action.pick % Math.max(1, paths.length)]
  const mode = MODES[action.value % MODES.length] as number
  switch (action.kind) {
    case "create":
      if (!disk.has(target)) create(machine, target, mode, log)
      return
    case "folder":
      if (!disk.has(target)) machine.put(target, { type: "folder", mode: 0o755 })
      return
    case "link":
      if (!disk.has(target)) machine.put(target, { type: "link", mode: 0o777, target: `t${action.value % 3}` })
      return
  }
  if (path === undefined) return
  const node = disk.get(path) as TreeNode
  switch (action.kind) {
    case "edit":
      if (node.type !== "file") return
      log.drop(node)
      disk.set(path, file(log.fresh(), node.mode))
      return
    case "copy":
      if (node.type === "file" && !disk.has(target)) machine.put(target, node)
      return
    case "chmod":
      if (node.type !== "link") disk.set(path, { ...node, mode: node.type === "folder" ? mode | 0o700 : mode })
      return
    case "delete":
      return remove(machine, path, log)
    case "replace":
      remove(machine, path, log)
      if (node.type === "folder") create(machine, path, mode, log)
      else machine.put(path, { type: "folder", mode: 0o755 })
      return
    case "rename":
      if (!disk.has(target) && !target.startsWith(`${path}/`)) move(machine, path, target)
      return
  }
}

function create(machine: Machine, path: string, mode: number, log: Log): void {
  const node = file(log.fresh(), mode)
  if (machine.put(path, node) !== null) log.drop(node)
}

function remove({ disk }: Machine, path: string, log: Log): void {
  for (const [other, node] of [...disk]) {
    if (other !== path && !other.startsWith(`${path}/`)) continue
    log.drop(node)
    disk.delete(other)
  }
}

function move(machine: Machine, from: string, to: string): void {
  const moving = [...machine.disk].filter(([path]) => path === from || path.startsWith(`${from}/`))
  for (const [path] of moving) machine.disk.delete(path)
  for (const [path, node] of moving.sort()) {
    const renamed = to + path.slice(from.length)
    if (machine.put(renamed, node) !== null) machine.disk.set(path, node)
  }
}

/** A disk or vault as text, to compare and to read in a counterexample. Links have no permissions worth comparing. */
export function picture(tree: ReadonlyMap<string, TreeNode>): string[] {
  return [...tree]
    .map(([path, node]) => {
      if (node.type === "link") return `${path} -> ${node.target}`
      const mode = node.mode.toString(8)
      return node.type === "folder" ? `${path}/ ${mode}` : `${path} ${mode} #${contentOf(node)}`
    })
    .sort()
}
