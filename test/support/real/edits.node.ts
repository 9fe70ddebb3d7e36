/**
 * What people do to a working copy between two syncs, at random: edits, renames,
 * moves, deletes, permissions, links, and things that turn into other things;
 * on one machine, or on both at once to one path.
 *
 * @module
 */
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { looksSecret } from "../../../src/tree/sensitive.ts"
import type { Dice } from "./dice.ts"
import type { Item, Tree } from "./treeReader.node.ts"

/** Folders that hold more are left in one piece: a sync that deletes them would ask first, and rightly so. */
const MAX_FOLDER_ITEMS = 60
const FILE_MODES = [0o644, 0o644, 0o755, 0o600, 0o640, 0o664, 0o700]
const FOLDER_MODES = [0o755, 0o700, 0o750, 0o775]
const ODD_NAMES = [
  "ünï cödé",
  "名前",
  "with space",
  "#hash",
  "a'b",
  "-dash",
  "{x}",
  "%41",
  "con.txt",
  "naïve",
  "🎒",
  "x.remote",
]

/** One machine's folder as its user finds it in one round. */
export interface Desk {
  readonly root: string
  /** What was done, a line each. */
  readonly log: string[]
  /** Paths that were there when the round began. Some are gone by now. */
  readonly files: readonly string[]
  readonly folders: readonly string[]
  readonly links: readonly string[]
}

/** @param tree - What lies in `root` now. */
export function sitDown(root: string, tree: Tree): Desk {
  const of = (type: Item["type"]): string[] =>
    [...tree].filter(([path, item]) => item.type === type && path !== ".syncignore").map(([path]) => path)
  return { root, log: [], files: of("file"), folders: of("folder"), links: of("link") }
}

/** The part of a desk in and below one folder. */
export function inside(desk: Desk, folder: string): Desk {
  const below = (paths: readonly string[]): string[] => paths.filter((path) => path.startsWith(`${folder}/`))
  const files = below(desk.files)
  if (files.length === 0) return desk
  return { ...desk, files, folders: [folder, ...below(desk.folders)], links: below(desk.links) }
}

/** One thing that a person does; false if there was nothing to do it to. */
type Act = (desk: Desk, dice: Dice) => boolean

/** Does so many things. */
export function work(desk: Desk, dice: Dice, acts: number): void {
  for (let done = 0, tries = 0; done < acts && tries < acts * 10; tries++) {
    const [name, , act] = pickWeighted(ACTS, dice)
    if (!act(desk, dice)) continue
    desk.log.push(name)
    done++
  }
}

/** Does something to one path, or path and its like, on both sides. What it was, or null if nothing. */
export function meet(one: Desk, other: Desk, dice: Dice): string | null {
  const [name, , act] = pickWeighted(MEETINGS, dice)
  return act(one, other, dice) ? name : null
}

function pickWeighted<T extends readonly [string, number, unknown]>(table: readonly T[], dice: Dice): T {
  let at = dice.below(table.reduce((sum, [, weight]) => sum + weight, 0))
  for (const row of table) {
    at -= row[1]
    if (at < 0) return row
  }
  throw new Error("weights do not add up")
}

const ACTS: readonly (readonly [string, number, Act])[] = [
  ["edit", 6, (desk, dice) => withFile(desk, dice, (path) => overwritePart(desk, path, dice))],
  ["append", 4, (desk, dice) => withFile(desk, dice, (path) => appendFileSync(at(desk, path), `${dice.line()}\n`))],
  ["rewrite", 2, (desk, dice) => withFile(desk, dice, (path) => replaceByRename(desk, path, newContent(dice)))],
  ["truncate", 1, (desk, dice) => withFile(desk, dice, (path) => truncateSync(at(desk, path), dice.below(40)))],
  ["empty", 1, (desk, dice) => withFile(desk, dice, (path) => truncateSync(at(desk, path), 0))],
  ["same size edit", 2, (desk, dice) => withFile(desk, dice, (path) => overwritePart(desk, path, dice, true))],
  ["create", 6, (desk, dice) => create(desk, newPath(desk, dice), newContent(dice), dice)],
  ["create empty", 1, (desk, dice) => create(desk, newPath(desk, dice), "", dice)],
  ["copy", 2, (desk, dice) => withFile(desk, dice, (path) => copy(desk, path, newPath(desk, dice), dice))],
  ["delete", 4, (desk, dice) => withFile(desk, dice, (path) => unlinkSync(at(desk, path)))],
  ["rename", 4, (desk, dice) => withFile(desk, dice, (path) => move(desk, path, sibling(path, dice)))],
  ["move", 4, (desk, dice) => withFile(desk, dice, (path) => move(desk, path, newPath(desk, dice)))],
  ["move and edit", 2, moveAndEdit],
  ["swap", 1, swap],
  ["new folder", 2, newFolder],
  ["rename folder", 2, (desk, dice) => withFolder(desk, dice, (path) => moveFolder(desk, path, sibling(path, dice)))],
  ["move folder", 2, (desk, dice) => withFolder(desk, dice, (path) => moveFolder(desk, path, newPath(desk, dice)))],
  ["delete folder", 1, (desk, dice) => withFolder(desk, dice, (path) => rmSync(at(desk, path), { recursive: true }))],
  ["chmod", 4, (desk, dice) => withFile(desk, dice, (path) => chmod(desk, path, dice.pick(FILE_MODES)))],
  ["chmod folder", 2, (desk, dice) => withFolder(desk, dice, (path) => chmod(desk, path, dice.pick(FOLDER_MODES)))],
  ["new link", 2, (desk, dice) => link(desk, newPath(desk, dice), dice)],
  ["retarget link", 2, (desk, dice) => withLink(desk, dice, (path) => relink(desk, path, dice))],
  ["delete link", 1, (desk, dice) => withLink(desk, dice, (path) => unlinkSync(at(desk, path)))],
  ["file to folder", 1, (desk, dice) => withFile(desk, dice, (path) => fileToFolder(desk, path, dice))],
  ["folder to file", 1, (desk, dice) => withFolder(desk, dice, (path) => folderToFile(desk, path, dice))],
  ["file to link", 1, (desk, dice) => withFile(desk, dice, (path) => relink(desk, path, dice))],
  ["link to file", 1, (desk, dice) => withLink(desk, dice, (path) => linkToFile(desk, path, dice))],
  ["link to folder", 1, (desk, dice) => withLink(desk, dice, (path) => fileToFolder(desk, path, dice))],
]

type Meeting = (one: Desk, other: Desk, dice: Dice) => boolean

const MEETINGS: readonly (readonly [string, number, Meeting])[] = [
  ["both edit a file", 4, onBoth((desk, path, dice) => overwritePart(desk, path, dice))],
  ["both append to a file", 2, onBoth((desk, path, dice) => appendFileSync(at(desk, path), `${dice.line()}\n`))],
  ["edit against delete", 3, onBoth((desk, path, dice, mine) => (mine ? overwritePart(desk, path, dice) : unlinkSync(at(desk, path))))],
  ["edit against rename", 2, onBoth((desk, path, dice, mine) => (mine ? overwritePart(desk, path, dice) : move(desk, path, sibling(path, dice))))],
  ["both delete a file", 2, onBoth((desk, path) => unlinkSync(at(desk, path)))],
  ["both rename a file", 1, onBoth((desk, path, dice) => move(desk, path, sibling(path, dice)))],
  ["both chmod a file", 2, onBoth((desk, path, dice) => chmod(desk, path, dice.pick(FILE_MODES)))],
  ["chmod against edit", 2, onBoth((desk, path, dice, mine) => (mine ? overwritePart(desk, path, dice) : chmod(desk, path, dice.pick(FILE_MODES))))],
  ["edit against folder", 1, onBoth((desk, path, dice, mine) => (mine ? overwritePart(desk, path, dice) : fileToFolder(desk, path, dice)))],
  ["edit against link", 1, onBoth((desk, path, dice, mine) => (mine ? overwritePart(desk, path, dice) : relink(desk, path, dice)))],
  ["folder against link", 1, onBoth((desk, path, dice, mine) => (mine ? fileToFolder(desk, path, dice) : relink(desk, path, dice)))],
  ["both create, alike", 2, createAlike],
  ["both create, unlike", 2, (one, other, dice) => createBoth(one, other, dice, (desk, path) => create(desk, path, newContent(dice), dice))],
  ["both make a folder", 2, (one, other, dice) => createBoth(one, other, dice, (desk, path) => fillFolder(desk, path, dice))],
  ["file against folder, new", 1, (one, other, dice) => createBoth(one, other, dice, (desk, path) => (desk === one ? fillFolder(desk, path, dice) : create(desk, path, newContent(dice), dice)))],
  ["edit in a folder that goes", 2, onBothFolders((desk, path, dice, mine) => (mine ? editIn(desk, path, dice) : rmSync(at(desk, path), { recursive: true })))],
  ["edit in a folder that moves", 2, onBothFolders((desk, path, dice, mine) => (mine ? editIn(desk, path, dice) : moveFolder(desk, path, sibling(path, dice))))],
  ["create in a folder that goes", 2, onBothFolders((desk, path, dice, mine) => (mine ? create(desk, `${path}/${name(dice)}`, newContent(dice), dice) : rmSync(at(desk, path), { recursive: true })))],
  ["create in a folder that turns", 1, onBothFolders((desk, path, dice, mine) => (mine ? create(desk, `${path}/${name(dice)}`, newContent(dice), dice) : folderToFile(desk, path, dice)))],
  ["both delete a folder", 1, onBothFolders((desk, path) => rmSync(at(desk, path), { recursive: true }))],
  ["both move a folder", 1, onBothFolders((desk, path, dice) => moveFolder(desk, path, sibling(path, dice)))],
  ["both work in a folder", 3, bothInside],
] // biome-ignore format: a table

function at(desk: Desk, path: string): string {
  return join(desk.root, path)
}

function typeAt(desk: Desk, path: string): Item["type"] | null {
  // A parent that is a link now would lead the edit elsewhere.
  for (let slash = path.indexOf("/"); slash > 0; slash = path.indexOf("/", slash + 1)) {
    const parent = lstatSync(at(desk, path.slice(0, slash)), { throwIfNoEntry: false })
    if (parent?.isDirectory() !== true) return null
  }
  const stat = lstatSync(at(desk, path), { throwIfNoEntry: false })
  if (stat === undefined) return null
  if (stat.isSymbolicLink()) return "link"
  return stat.isDirectory() ? "folder" : "file"
}

/** A path of the round's beginning at which there is still a thing of this type. */
function choose(desk: Desk, from: readonly string[], type: Item["type"], dice: Dice): string | null {
  for (let tries = 0; tries < 20 && from.length > 0; tries++) {
    const path = dice.pick(from)
    if (typeAt(desk, path) === type) return path
  }
  return null
}

function withFile(desk: Desk, dice: Dice, act: (path: string) => unknown): boolean {
  return on(choose(desk, desk.files, "file", dice), act)
}

function withLink(desk: Desk, dice: Dice, act: (path: string) => unknown): boolean {
  return on(choose(desk, desk.links, "link", dice), act)
}

function withFolder(desk: Desk, dice: Dice, act: (path: string) => unknown): boolean {
  for (let tries = 0; tries < 20; tries++) {
    const path = choose(desk, desk.folders, "folder", dice)
    if (path !== null && countIn(at(desk, path)) <= MAX_FOLDER_ITEMS) return on(path, act)
  }
  return false
}

function on(path: string | null, act: (path: string) => unknown): boolean {
  return path !== null && act(path) !== false
}

function countIn(place: string): number {
  let count = 0
  for (const item of readdirSync(place, { withFileTypes: true })) {
    count += 1 + (item.isDirectory() ? countIn(join(place, item.name)) : 0)
    if (count > MAX_FOLDER_ITEMS) break
  }
  return count
}

function name(dice: Dice): string {
  if (dice.percent(8)) return `${dice.pick(ODD_NAMES)} ${dice.word(4)}`
  if (dice.percent(6)) return `.env.${dice.word()}`
  return `${dice.word()}${dice.pick([".ts", ".txt", ".json", ".md", ".bin", "", ".d.ts"])}`
}

function newPath(desk: Desk, dice: Dice): string {
  const folder = choose(desk, desk.folders, "folder", dice)
  return folder === null || dice.percent(5) ? name(dice) : `${folder}/${name(dice)}`
}

function sibling(path: string, dice: Dice): string {
  const folder = dirname(path)
  return folder === "." ? name(dice) : `${folder}/${name(dice)}`
}

function newContent(dice: Dice): string | Uint8Array {
  if (dice.percent(15)) return dice.bytes(dice.below(20_000))
  if (dice.percent(4)) return dice.bytes(1_200_000)
  return Array.from({ length: 1 + dice.below(60) }, () => `${dice.line()}\n`).join("")
}

/** A person takes care of what is secret, so that its permissions are the same wherever it was written. */
function close(desk: Desk, path: string): void {
  if (looksSecret(path)) chmodSync(at(desk, path), 0o600)
}

/** Overwrites some bytes in place; unless the size is to stay, more may come at the end. */
function overwritePart(desk: Desk, path: string, dice: Dice, sameSize = false): boolean {
  const size = lstatSync(at(desk, path)).size
  if (size === 0) {
    if (!sameSize) appendFileSync(at(desk, path), `${dice.line()}\n`)
    return !sameSize
  }
  const file = openSync(at(desk, path), "r+")
  const offset = dice.below(size)
  const length = sameSize ? Math.min(1 + dice.below(30), size - offset) : 1 + dice.below(30)
  const bytes = dice.percent(20) ? dice.bytes(length) : Buffer.from(dice.word(length))
  writeSync(file, bytes, 0, length, offset)
  closeSync(file)
  return true
}

/** As editors save: beside it, then over it. */
function replaceByRename(desk: Desk, path: string, content: string | Uint8Array): void {
  const { mode } = lstatSync(at(desk, path))
  const beside = `${at(desk, path)}.saving`
  writeFileSync(beside, content)
  chmodSync(beside, mode & 0o777)
  renameSync(beside, at(desk, path))
}

function create(desk: Desk, path: string, content: string | Uint8Array, dice: Dice): boolean {
  if (existsOrLink(desk, path) || !canHold(desk, path)) return false
  mkdirSync(dirname(at(desk, path)), { recursive: true })
  writeFileSync(at(desk, path), content)
  chmodSync(at(desk, path), dice.pick(FILE_MODES))
  close(desk, path)
  return true
}

function existsOrLink(desk: Desk, path: string): boolean {
  return typeAt(desk, path) !== null
}

function copy(desk: Desk, path: string, to: string, dice: Dice): boolean {
  return create(desk, to, readFileSync(at(desk, path)), dice)
}

function move(desk: Desk, path: string, to: string): boolean {
  if (existsOrLink(desk, to) || !canHold(desk, to)) return false
  mkdirSync(dirname(at(desk, to)), { recursive: true })
  renameSync(at(desk, path), at(desk, to))
  close(desk, to)
  return true
}

function moveAndEdit(desk: Desk, dice: Dice): boolean {
  return withFile(desk, dice, (path) => {
    const to = newPath(desk, dice)
    return move(desk, path, to) && overwritePart(desk, to, dice)
  })
}

/** Two files change places. */
function swap(desk: Desk, dice: Dice): boolean {
  return withFile(desk, dice, (a) =>
    withFile(desk, dice, (b) => {
      if (a === b || looksSecret(a) || looksSecret(b)) return false
      const aside = `${at(desk, a)}.swap`
      renameSync(at(desk, a), aside)
      renameSync(at(desk, b), at(desk, a))
      renameSync(aside, at(desk, b))
      return true
    }),
  )
}

function newFolder(desk: Desk, dice: Dice): boolean {
  const path = newPath(desk, dice)
  if (existsOrLink(desk, path) || !canHold(desk, path)) return false
  mkdirSync(at(desk, path), { recursive: true })
  chmodSync(at(desk, path), dice.pick(FOLDER_MODES))
  return dice.percent(50) || fillFolder(desk, path, dice)
}

function fillFolder(desk: Desk, path: string, dice: Dice): boolean {
  for (let files = 1 + dice.below(4); files > 0; files--) {
    const depth = dice.percent(30) ? `/${dice.word()}` : ""
    create(desk, `${path}${depth}/${name(dice)}`, newContent(dice), dice)
  }
  return true
}

function moveFolder(desk: Desk, path: string, to: string): boolean {
  if (existsOrLink(desk, to) || `${to}/`.startsWith(`${path}/`) || !canHold(desk, to)) return false
  mkdirSync(dirname(at(desk, to)), { recursive: true })
  renameSync(at(desk, path), at(desk, to))
  return true
}

function chmod(desk: Desk, path: string, mode: number): boolean {
  if (looksSecret(path)) return false
  chmodSync(at(desk, path), mode)
  return true
}

/** A target in the workspace, there or not. */
function targetFor(desk: Desk, path: string, dice: Dice): string {
  const depth = path.split("/").length - 1
  const up = "../".repeat(depth)
  if (dice.percent(20)) return `${dice.word()}/${dice.word()}`
  return `${up}${dice.pick(dice.percent(30) ? desk.folders : desk.files)}`
}

function link(desk: Desk, path: string, dice: Dice): boolean {
  if (existsOrLink(desk, path) || !canHold(desk, path)) return false
  mkdirSync(dirname(at(desk, path)), { recursive: true })
  symlinkSync(targetFor(desk, path, dice), at(desk, path))
  return true
}

/** A link takes the place of a file or of another link. */
function relink(desk: Desk, path: string, dice: Dice): boolean {
  const target = targetFor(desk, path, dice)
  if (typeAt(desk, path) === "link" && readlinkSync(at(desk, path)) === target) return false
  unlinkSync(at(desk, path))
  symlinkSync(target, at(desk, path))
  return true
}

function fileToFolder(desk: Desk, path: string, dice: Dice): boolean {
  unlinkSync(at(desk, path))
  mkdirSync(at(desk, path))
  return dice.percent(20) || fillFolder(desk, path, dice)
}

function folderToFile(desk: Desk, path: string, dice: Dice): boolean {
  rmSync(at(desk, path), { recursive: true })
  return create(desk, path, newContent(dice), dice)
}

function linkToFile(desk: Desk, path: string, dice: Dice): boolean {
  unlinkSync(at(desk, path))
  return create(desk, path, newContent(dice), dice)
}

/** Edits a file directly in a folder, or makes one there. */
function editIn(desk: Desk, folder: string, dice: Dice): boolean {
  const here = desk.files.filter((path) => dirname(path) === folder && typeAt(desk, path) === "file")
  if (here.length === 0) return create(desk, `${folder}/${name(dice)}`, newContent(dice), dice)
  return overwritePart(desk, dice.pick(here), dice)
}

type OnPath = (desk: Desk, path: string, dice: Dice, mine: boolean) => unknown

/** `act` on both desks; `mine` is true on one of them, by chance. */
function onBoth(act: OnPath): Meeting {
  return (one, other, dice) => together(one, other, dice, choose(one, one.files, "file", dice), "file", act)
}

function onBothFolders(act: OnPath): Meeting {
  return (one, other, dice) =>
    withFolder(one, dice, (path) =>
      countIfThere(other, path) <= MAX_FOLDER_ITEMS ? together(one, other, dice, path, "folder", act) : false,
    )
}

function countIfThere(desk: Desk, path: string): number {
  return typeAt(desk, path) === "folder" ? countIn(at(desk, path)) : 0
}

function together(one: Desk, other: Desk, dice: Dice, path: string | null, type: Item["type"], act: OnPath): boolean {
  if (path === null || typeAt(other, path) !== type) return false
  const mine = dice.percent(50)
  const first = act(one, path, dice, mine) !== false
  const second = act(other, path, dice, !mine) !== false
  return first || second
}

function createAlike(one: Desk, other: Desk, dice: Dice): boolean {
  const content = newContent(dice)
  return createBoth(one, other, dice, (desk, path) => create(desk, path, content, dice))
}

function createBoth(one: Desk, other: Desk, dice: Dice, make: (desk: Desk, path: string) => unknown): boolean {
  const path = newPath(one, dice)
  if (existsOrLink(one, path) || existsOrLink(other, path) || !canHold(other, path)) return false
  make(one, path)
  make(other, path)
  return true
}

/** Whether its folders are there, or can be made. */
function canHold(desk: Desk, path: string): boolean {
  for (let slash = path.indexOf("/"); slash > 0; slash = path.indexOf("/", slash + 1)) {
    const parent = lstatSync(at(desk, path.slice(0, slash)), { throwIfNoEntry: false })
    if (parent === undefined) return true
    if (!parent.isDirectory()) return false
  }
  return true
}

/** Each does things of their own in one small folder. */
function bothInside(one: Desk, other: Desk, dice: Dice): boolean {
  return withFolder(one, dice, (path) => {
    if (countIfThere(other, path) === 0) return false
    work(inside(one, path), dice, 2)
    work(inside(other, path), dice, 2)
    return true
  })
}

/** Folders that have become empty are sometimes tidied up. */
export function tidy(desk: Desk, dice: Dice): void {
  for (const folder of desk.folders) {
    if (dice.percent(1) && typeAt(desk, folder) === "folder" && existsSync(at(desk, folder))) {
      if (readdirSync(at(desk, folder)).length === 0) rmdirSync(at(desk, folder))
    }
  }
}
