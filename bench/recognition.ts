/**
 * How well somebody who knows the files recognises them by the lengths of what
 * a host stores: of single files, and of whole folders, each in a pack of its
 * own, before and after padding. Prints a table for the threat model.
 *
 *     node bench/recognition.ts
 *
 * @module
 */
import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { createNodeCompressor } from "../src/platform/node/nodeCompressor.ts"
import { looksSecret } from "../src/tree/sensitive.ts"
import { TAG_BYTES } from "../crypto/crypto.ts"
import { PACK_MAGIC } from "../storage/format/pack.ts"
import { paddedLength } from "../storage/padding.ts"
import { createPlaces } from "./places.ts"
import { recognition } from "./statistics.ts"
import { makeRealTree } from "./trees.ts"

const places = createPlaces()
process.once("exit", () => places.removeAll())
const root = places.make("tree")
makeRealTree(root, false)

const compressor = createNodeCompressor()
const seen = new Set<string>()
const files: number[] = []
const folders = new Map<string, number>()
for (const item of readdirSync(root, { recursive: true, withFileTypes: true })) {
  if (!item.isFile()) continue
  const path = join(item.parentPath, item.name)
  const bytes = readFileSync(path)
  const { bytes: stored } = looksSecret(path) ? { bytes } : await compressor.compress(bytes)
  const sealed = stored.length + TAG_BYTES
  folders.set(dirname(path), (folders.get(dirname(path)) ?? PACK_MAGIC.length) + sealed)
  // Copies of one file are one file to whoever wants to recognise it.
  const hash = createHash("sha256").update(bytes).digest("hex")
  if (!seen.has(hash)) files.push(PACK_MAGIC.length + sealed)
  seen.add(hash)
}

const rows = [
  ["one file", files],
  ["one folder", [...folders.values()]],
] as const
console.log("| what was uploaded | candidates | | told apart for certain | best guess right | median crowd |")
console.log("|---|---|---|---|---|---|")
for (const [what, lengths] of rows) {
  for (const [how, shown] of [
    ["as it is", lengths],
    ["padded", lengths.map(paddedLength)],
  ] as const) {
    const { certain, guess, crowd } = recognition(shown)
    console.log(`| ${what} | ${lengths.length} | ${how} | ${percent(certain)} | ${percent(guess)} | ${crowd} |`)
  }
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 ? 2 : 0)} %`
}
