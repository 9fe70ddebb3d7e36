/**
 * Makes the vectors of the binary formats, always the same bytes. A file that is
 * there stays as it is: a published vector never changes, a new format version
 * takes a new file.
 *
 *     node scripts/make-vectors.ts            writes what is missing
 *     node scripts/make-vectors.ts --check    says, by its exit status, whether it would make what is there
 *
 * @module
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { chunkerVectors } from "./vectors/chunker.ts"
import { indexShardVectors } from "./vectors/indexShard.ts"
import { packVectors } from "./vectors/pack.ts"

const MAKERS: Readonly<Record<string, () => Promise<unknown>>> = {
  "chunker-v1.json": chunkerVectors,
  "index-shard-v1.json": indexShardVectors,
  "pack-v1.json": packVectors,
}

const check = process.argv.includes("--check")
for (const [name, make] of Object.entries(MAKERS)) {
  const file = new URL(`../test/vectors/${name}`, import.meta.url)
  const text = `${JSON.stringify(await make(), null, 1)}\n`
  if (check && readFileSync(file, "utf8") !== text) {
    process.exitCode = 1
    console.error(`${name} is not what this script makes`)
  }
  if (!check && !existsSync(file)) {
    writeFileSync(file, text)
    console.log(`wrote ${name}`)
  }
}
