/**
 * Where everything lies in a vault: names of branches and of objects
 * (`docs/spec/store.md`). Pure; the one place that spells them.
 *
 * @module
 */
import { utf8 } from "../crypto/bytes.ts"
import type { ObjectId, Snapshot } from "./remote/store.ts"

const ROOT = "sessyn/"
const MAIN = "/main"

export const HEADER_PATH = "manifest.json"
export const VAULT_FILE_PATH = "vault.json"
export const JOIN_PATH = "join.json"

/** Prefix of all branches of one workspace, or of all workspaces. */
export function branchPrefix(workspace?: string): string {
  return workspace === undefined ? ROOT : `${ROOT}${workspace}/`
}

export function mainBranch(workspace: string): string {
  return `${ROOT}${workspace}${MAIN}`
}

/** Where a machine asks to be let in. */
export function joinBranch(workspace: string, machine: string): string {
  return `${ROOT}${workspace}/join/${machine}`
}

/** Where a machine keeps the packs of an upload that is not committed yet: only ever a cache. */
export function uploadBranch(workspace: string, machine: string): string {
  return `${ROOT}${workspace}/upload/${machine}`
}

/** The workspace whose main branch this is, or null. */
export function workspaceOfMain(branch: string): string | null {
  const match = /^sessyn\/([a-z2-7]{26})\/main$/.exec(branch)
  return match === null ? null : (match[1] as string)
}

/** The machine that asks on this branch, or null if it is none of a join request to `workspace`. */
export function machineOfJoin(branch: string, workspace: string): string | null {
  const prefix = joinBranch(workspace, "")
  return branch.startsWith(prefix) && /^[a-z2-7]{52}$/.test(branch.slice(prefix.length))
    ? branch.slice(prefix.length)
    : null
}

/** Trust entries are numbered from 1. */
export function trustPath(sequence: number): string {
  return `trust/${String(sequence).padStart(6, "0")}.json`
}

export function shardPath(number: number): string {
  return `index/${number.toString(16).padStart(3, "0")}`
}

/** A pack is named by its SHA-256, in hex; 256 folders keep Git's trees small. */
export function packPath(pack: string): string {
  return `packs/${pack.slice(0, 2)}/${pack}`
}

/** The packs of a snapshot: object id by pack id. */
export function packsOf(snapshot: Snapshot): Map<string, ObjectId> {
  const packs = new Map<string, ObjectId>()
  for (const [path, id] of snapshot) {
    const match = /^packs\/([0-9a-f]{2})\/([0-9a-f]{64})$/.exec(path)
    if (match?.[2]?.startsWith(match[1] as string)) packs.set(match[2], id)
  }
  return packs
}

/** What a person who opens the repository sees; the same bytes in every vault. */
export const CONSTANT_OBJECTS: ReadonlyMap<string, Uint8Array> = new Map([
  [".gitattributes", utf8("packs/** -delta -diff -merge binary\nindex/** -delta -diff -merge binary\n")],
  [
    "README.md",
    utf8(
      [
        "# A Sessyn vault",
        "",
        "This branch holds an encrypted workspace, kept by Sessyn. Nothing in it can be read without the",
        "passphrase, and nothing in it should be edited, merged or deleted by hand: every machine that syncs",
        "checks each byte and refuses what was not signed by a machine it trusts.",
        "",
      ].join("\n"),
    ),
  ],
])
