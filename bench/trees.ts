/**
 * What is synced: a real tree of published packages, generated small files,
 * large files of noise; and the edits that the cases make. The same in every run.
 *
 * @module
 */
import { execFileSync } from "node:child_process"
import { createCipheriv, createHash } from "node:crypto"
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs"
import { join } from "node:path"
import { type Package, unpackPackage } from "./packages.ts"

/** Sources, declarations, builds, source maps; a few of them large, most small. */
const REAL: readonly Package[] = [
  {
    name: "@fluentui/react",
    version: "8.122.1",
    integrity: "sha512-mH2TDCiVmj6Zly0iU9GfR824ZM2RIeKjuB0LnAmIWyvtaAVAUfmYtQFF/ZKDJC6jXoF7as8vyVmTxhDt9wQsDw==",
  },
  {
    name: "rxjs",
    version: "7.8.2",
    integrity: "sha512-dhKf903U/PQZY6boNNtAGdWbG85WAbjT/1xYoZIC7FAY0yWapOBQVsVrDl58W86//e1VpMNBtRV4MaXfdMySFA==",
  },
  {
    name: "typescript",
    version: "5.9.3",
    integrity: "sha512-jl1vZzPDinLr9eUt3J/t7V6FgNEw9QjvBPdysz9KfQDD41fQrC2Y4vKQdiaUpFT4bXlb1RHhLpp8wtm6M5TgSw==",
  },
]
const PIECE_BYTES = 1024 * 1024

export interface TreeSize {
  readonly files: number
  readonly bytes: number
}

/** Unpacks the real tree; for a quick run, the smallest package alone. */
export function makeRealTree(root: string, quick: boolean): void {
  for (const wanted of quick ? REAL.filter(({ name }) => name === "rxjs") : REAL) {
    unpackPackage(wanted, join(root, wanted.name))
  }
  // Packages hold what Sessyn leaves out unless told otherwise (`dist/`); everybody is to send the same.
  writeFileSync(join(root, ".syncignore"), "# Everything is synced.\n")
}

/** Writes small text files, a hundred to a folder. */
export function makeSmallFiles(root: string, count: number): void {
  const random = noise("small files")
  for (let i = 0; i < count; i++) {
    const folder = join(root, `part-${String(Math.floor(i / 100)).padStart(4, "0")}`)
    if (i % 100 === 0) mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, `file-${String(i).padStart(6, "0")}.txt`), textOf(random(40 + ((i * 37) % 160))))
  }
}

/** Writes files of noise, which nothing compresses. */
export function makeNoiseFiles(root: string, count: number, bytes: number): void {
  mkdirSync(root, { recursive: true })
  const random = noise("noise files")
  for (let i = 0; i < count; i++) writeFileSync(join(root, `${String(i).padStart(4, "0")}.bin`), random(bytes))
}

/** Writes one file of noise of any size. */
export function makeNoiseFile(path: string, bytes: number): void {
  const random = noise("one file")
  const file = openSync(path, "wx")
  for (let left = bytes; left > 0; left -= PIECE_BYTES) writeSync(file, random(Math.min(left, PIECE_BYTES)))
  closeSync(file)
}

/** Copies a file with a few bytes inserted in its middle. */
export function insertInMiddle(from: string, to: string, bytes: number, seed: string): void {
  const [source, target] = [openSync(from, "r"), openSync(to, "wx")]
  const middle = Math.floor(statSync(from).size / 2)
  const buffer = Buffer.alloc(PIECE_BYTES)
  const copy = (end: number): void => {
    for (let count = 1; count > 0 && end > 0; end -= count) {
      count = readSync(source, buffer, 0, Math.min(end, buffer.length), null)
      writeSync(target, buffer, 0, count)
    }
  }
  copy(middle)
  writeSync(target, noise(seed)(bytes))
  copy(Number.POSITIVE_INFINITY)
  closeSync(source)
  closeSync(target)
}

/** Copies a tree with its times, into a folder that is made. */
export function copyTree(from: string, to: string): string {
  mkdirSync(to, { recursive: true })
  execFileSync("cp", ["-a", `${from}/.`, to])
  return to
}

export function sizeOf(root: string): TreeSize {
  const files = filesOf(root)
  return { files: files.length, bytes: files.reduce((sum, path) => sum + statSync(join(root, path)).size, 0) }
}

/** Edits one line in the middle of one file, another file each round; its path. */
export function createLineEditor(root: string): (copy: string, round: number) => string {
  const texts = filesOf(root).filter((path) => {
    const { size } = statSync(join(root, path))
    return /\.(js|ts|txt)$/.test(path) && size >= 200 && size <= 32 * 1024
  })
  return (copy, round) => {
    // A prime step: the files lie far apart, in other folders each time.
    const path = texts[(round * 7919) % texts.length]
    if (path === undefined) throw new Error("the tree holds no text to edit")
    const lines = readFileSync(join(copy, path), "utf8").split("\n")
    const at = Math.floor(lines.length / 2)
    lines[at] = `${lines[at]} // edit ${round}`
    writeFileSync(join(copy, path), lines.join("\n"))
    return path
  }
}

function filesOf(root: string): readonly string[] {
  return readdirSync(root, { withFileTypes: true, recursive: true })
    .filter((item) => item.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(root.length + 1))
    .sort()
}

/** A stream of bytes by seed: AES in counter mode, as quick as a disk. */
function noise(seed: string): (length: number) => Buffer {
  const key = createHash("sha256").update(seed).digest()
  const stream = createCipheriv("aes-256-ctr", key, Buffer.alloc(16))
  return (length) => stream.update(Buffer.alloc(length))
}

const SYLLABLES = "ba ke di no su ra le mi to pu va ge si lo fu ha".split(" ")

/** Words out of noise, eight to a line: text that compresses about as text does. */
function textOf(bytes: Buffer): string {
  const words = Array.from(bytes, (byte) => `${SYLLABLES[byte >> 4]}${SYLLABLES[byte & 15]}`)
  return words.map((word, i) => (i % 8 === 7 ? `${word}\n` : `${word} `)).join("")
}
