/**
 * Makes the vectors of the formats, always the same bytes. A file that is
 * there stays as it is: a published vector never changes. To add one, behind the
 * others, take the file away first; a new format version takes a new file.
 *
 *     node scripts/make-vectors.ts            writes what is missing
 *     node scripts/make-vectors.ts --check    says, by its exit status, whether it would make what is there
 *
 * @module
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { chunkerVectors } from "./vectors/chunker.ts"
import { envelopeVectors } from "./vectors/envelope.ts"
import { headerVectors } from "./vectors/header.ts"
import { indexShardVectors } from "./vectors/indexShard.ts"
import { joinVectors } from "./vectors/join.ts"
import { packVectors } from "./vectors/pack.ts"
import { trustLogVectors } from "./vectors/trustLog.ts"
import { vaultFileVectors } from "./vectors/vaultFile.ts"

const MAKERS: Readonly<Record<string, () => Promise<unknown>>> = {
  "chunker-v1.json": chunkerVectors,
  "envelope-v1.json": envelopeVectors,
  "header-v1.json": headerVectors,
  "index-shard-v1.json": indexShardVectors,
  "join-v1.json": joinVectors,
  "pack-v1.json": packVectors,
  "trust-log-v1.json": trustLogVectors,
  "vault-file-v1.json": vaultFileVectors,
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
