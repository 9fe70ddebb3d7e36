/**
 * Two machines that have agreed, and then both changed everything that can be
 * changed: the next sync has every kind of operation to do.
 *
 * @module
 */
import { createHash } from "node:crypto"
import { chmodSync, lstatSync, mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { gitSays } from "../gitAudit.node.ts"
import { admit } from "../machine.node.ts"
import type { Lane } from "./lanes.node.ts"
import { type MachinePlan, makeMachine } from "./tasks.node.ts"

export const MACHINES = { a: "Machine A", b: "Machine B" } as const

const MIB = 1024 * 1024

/** Small packs and stages, so that a file of a few megabytes has several. */
export function planOf(lane: Lane, name: "a" | "b"): MachinePlan {
  return {
    name,
    folder: lane.folder,
    storeUrl: lane.storeUrl,
    packBytes: MIB / 2,
    stageBytes: MIB / 2,
    resolutions: { "both.txt": "keep-both", "merge.txt": { text: "one by A\ntwo\nthree by B\n" } },
  }
}

/** Bytes that do not compress, the same each time. */
export function noise(seed: string, length: number): Uint8Array {
  const bytes = new Uint8Array(Math.floor(length))
  for (let at = 0, block = createHash("sha512").update(seed).digest(); at < bytes.length; at += block.length) {
    bytes.set(block.subarray(0, bytes.length - at), at)
    block = createHash("sha512").update(block).digest()
  }
  return bytes
}

/** What a test puts at a path: a text, bytes, a link, a folder; `null` takes it away. */
type Leaf =
  | string
  | Uint8Array
  | { readonly link: string }
  | { readonly folder: number }
  | { readonly text: string; readonly mode: number }
  | null

export function plant(root: string, tree: Readonly<Record<string, Leaf>>): void {
  for (const [path, leaf] of Object.entries(tree)) {
    const at = join(root, path)
    if (leaf === null) {
      rmSync(at, { recursive: true })
      continue
    }
    mkdirSync(dirname(at), { recursive: true })
    const there = lstatSync(at, { throwIfNoEntry: false })
    if (there?.isSymbolicLink()) unlinkSync(at)
    if (typeof leaf === "string" || leaf instanceof Uint8Array) writeFileSync(at, leaf)
    else if ("link" in leaf) symlinkSync(leaf.link, at)
    else if ("folder" in leaf) {
      mkdirSync(at, { recursive: true })
      chmodSync(at, leaf.folder)
    } else {
      writeFileSync(at, leaf.text)
      chmodSync(at, leaf.mode)
    }
  }
}

const AGREED: Readonly<Record<string, Leaf>> = {
  "same.txt": "the same on both",
  "both.txt": "before both edit it",
  "merge.txt": "one\ntwo\nthree\n",
  "a/edit.txt": "before A edits it",
  "a/gone.txt": "A deletes it",
  "a/old-name.txt": "A renames it",
  "a/mode.sh": { text: "#!/bin/sh\n# A", mode: 0o644 },
  "a/file-to-folder": "A makes it a folder",
  "b/edit.txt": "before B edits it",
  "b/gone.txt": "B deletes it",
  "b/gone/deep/er.txt": "B deletes it, and its folders",
  "b/old-name.txt": "B renames it",
  "b/mode.sh": { text: "#!/bin/sh\n# B", mode: 0o644 },
  "b/link": { link: "edit.txt" },
  "b/file-to-link": "B makes it a link",
  "b/link-to-file": { link: "edit.txt" },
  "b/file-to-folder": "B makes it a folder",
  "b/folder-to-file/inner.txt": "B makes its folder a file",
  "b/.env": { text: "SECRET=before", mode: 0o600 },
  "b/big.bin": noise("b, before", 1.2 * MIB),
}

const BY_A: Readonly<Record<string, Leaf>> = {
  "both.txt": "edited by A",
  "merge.txt": "one by A\ntwo\nthree\n",
  "a/edit.txt": "edited by A",
  "a/gone.txt": null,
  "a/mode.sh": { text: "#!/bin/sh\n# A", mode: 0o755 },
  "a/file-to-folder": null,
  "a/file-to-folder/inner.txt": "A made it a folder",
  "a/new/new.txt": "new from A",
  "a/new-link": { link: "new" },
  "a/big.bin": noise("a, new", 1.9 * MIB),
}

const BY_B: Readonly<Record<string, Leaf>> = {
  "both.txt": "edited by B",
  "merge.txt": "one\ntwo\nthree by B\n",
  "b/edit.txt": "edited by B",
  "b/gone.txt": null,
  "b/gone": null,
  "b/mode.sh": { text: "#!/bin/sh\n# B", mode: 0o755 },
  "b/link": { link: "mode.sh" },
  "b/file-to-link": null,
  "b/link-to-file": null,
  "b/file-to-folder": null,
  "b/folder-to-file": null,
  "b/new/new.txt": "new from B",
  "b/new/empty": "",
  "b/closed": { folder: 0o700 },
  "b/.env": { text: "SECRET=after", mode: 0o600 },
  "b/big.bin": noise("b, after", 1.6 * MIB),
}

const BY_B_IN_PLACE_OF_OTHERS: Readonly<Record<string, Leaf>> = {
  "b/file-to-link": { link: "edit.txt" },
  "b/link-to-file": "is a file now",
  "b/file-to-folder/inner.txt": "B made it a folder",
  "b/folder-to-file": "is a file, was a folder",
}

/** A founded a vault and put everything into it; B was let in, and has synced nothing. */
export async function setUpNewcomer(lane: Lane): Promise<void> {
  const [a, b] = [makeMachine(planOf(lane, "a")), makeMachine(planOf(lane, "b"))]
  plant(a.root, AGREED)
  await a.engine.init({ root: a.root, storeUrl: lane.storeUrl, machineName: MACHINES.a, remember: true })
  await a.sync()
  await admit(a, b, lane.storeUrl)
}

const FEW: Readonly<Record<string, Leaf>> = {
  "a.txt": "one of few",
  "in/a/folder.txt": "another",
  ".env": { text: "SECRET=1", mode: 0o600 },
}

/** A has a folder, and nothing more. */
export async function setUpNothing(lane: Lane): Promise<void> {
  plant(makeMachine(planOf(lane, "a")).root, FEW)
}

/** A founded a vault; B has a folder of its own. */
export async function setUpFounded(lane: Lane): Promise<void> {
  const a = makeMachine(planOf(lane, "a"))
  plant(a.root, FEW)
  await a.engine.init({ root: a.root, storeUrl: lane.storeUrl, machineName: MACHINES.a, remember: true })
  await a.sync()
  plant(makeMachine(planOf(lane, "b")).root, { "b.txt": "was here before", "a.txt": "one of few" })
}

/** The same, and B asks to be let in. */
export async function setUpAsking(lane: Lane): Promise<void> {
  await setUpFounded(lane)
  const b = makeMachine(planOf(lane, "b"))
  await b.engine.join({ root: b.root, storeUrl: lane.storeUrl, machineName: MACHINES.b, remember: true })
}

/** The same, and B was let in and has synced. */
export async function setUpTrusted(lane: Lane): Promise<void> {
  await setUpAsking(lane)
  const [a, b] = [makeMachine(planOf(lane, "a")), makeMachine(planOf(lane, "b"))]
  await a.session((session) => session.approve(MACHINES.b))
  await b.sync()
  await a.sync()
}

/** The same, and B was put out. */
export async function setUpRevoked(lane: Lane): Promise<void> {
  await setUpTrusted(lane)
  await makeMachine(planOf(lane, "a")).session((session) => session.revoke(MACHINES.b, { keepPassphrase: true }))
}

/** Both have a vault that is gone from the store. */
export async function setUpVanished(lane: Lane): Promise<void> {
  await setUpTrusted(lane)
  const [main = ""] = (await gitSays(lane.vault, "for-each-ref", "--format=%(refname)")).split("\n")
  await gitSays(lane.vault, "update-ref", "-d", main)
}

/** Both have synced, also the second version that B made of a file. */
export async function setUpHistory(lane: Lane): Promise<void> {
  await setUpNewcomer(lane)
  const [a, b] = [makeMachine(planOf(lane, "a")), makeMachine(planOf(lane, "b"))]
  await b.sync()
  plant(b.root, { "b/big.bin": BY_B["b/big.bin"] ?? null })
  await b.sync()
  await a.sync()
}

/** Both have synced versions that dropped most of what the first of them brought, but not all of any pack. */
export async function setUpWaste(lane: Lane): Promise<void> {
  await setUpTrusted(lane)
  const [a, b] = [makeMachine(planOf(lane, "a")), makeMachine(planOf(lane, "b"))]
  const names = Array.from({ length: 12 }, (_, i) => `part-${i}.bin`)
  plant(a.root, Object.fromEntries(names.map((name) => [name, noise(name, 0.1 * MIB)])))
  await a.sync()
  plant(a.root, Object.fromEntries(names.filter((_, i) => i % 4 !== 0).map((name) => [name, null])))
  await a.sync({ allowMassDelete: true })
  plant(a.root, { "a.txt": "another version of it" })
  await a.sync()
  await b.sync({ allowMassDelete: true })
}

/** B's changes are in the vault, A's are not: A's next sync brings and gets all there is. */
export async function setUpWorld(lane: Lane): Promise<void> {
  await setUpNewcomer(lane)
  const [a, b] = [makeMachine(planOf(lane, "a")), makeMachine(planOf(lane, "b"))]
  await b.sync()
  plant(a.root, BY_A)
  renameSync(join(a.root, "a/old-name.txt"), join(a.root, "a/new-name.txt"))
  plant(b.root, BY_B)
  plant(b.root, BY_B_IN_PLACE_OF_OTHERS)
  renameSync(join(b.root, "b/old-name.txt"), join(b.root, "b/new-name.txt"))
  await b.sync({ allowMassDelete: true })
}
