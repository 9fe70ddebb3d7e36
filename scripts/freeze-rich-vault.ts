/**
 * Freezes a vault that has what `freeze-vault.ts` leaves out: files of several
 * chunks, many shards, several epochs, machines with keys of each kind, one that
 * was put out and deleted, a passphrase set anew. Run once for each version of
 * the format, never again.
 *
 *     node scripts/freeze-rich-vault.ts v1
 *
 * @module
 */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { wordlist } from "@scure/bip39/wordlists/english.js"
import { admit, createMachine, createPair } from "../test/support/machine.node.ts"

const version = process.argv[2] ?? ""
const bundle = join(import.meta.dirname, "..", "test", "vaults", `${version}-rich.bundle`)
if (!/^v\d+$/.test(version)) throw new Error("usage: node scripts/freeze-rich-vault.ts v1")
if (existsSync(bundle)) throw new Error(`${version} is frozen already`)

const folder = mkdtempSync(join(tmpdir(), "sessyn-freeze-"))
const { a, b, storeUrl } = await createPair(folder)
const put = (root: string, path: string, content: string): void => {
  mkdirSync(join(root, path, ".."), { recursive: true })
  writeFileSync(join(root, path), content)
}

for (let i = 0; i < 900; i++) put(a.root, `many/${i % 30}/file ${i}.txt`, `file ${i}\n`)
put(a.root, "words.txt", words("words", 2_400_000))
put(a.root, "secret.key", words("secret", 5000))
await a.sync()
await b.sync()
await a.session((open) => open.rekey(["ed25519", "ml-dsa-87"]))
await a.session((open) => open.rotateKey())
// Of two epochs in one file: what is before and after the insertion stays where it was.
const before = readFileSync(join(a.root, "words.txt"), "utf8")
put(a.root, "words.txt", `${before.slice(0, 1_300_000)}${words("inserted", 20_000)}${before.slice(1_300_000)}`)
await a.sync()

const c = createMachine({ name: "c", folder })
await admit(a, c, storeUrl)
await c.sync()
put(c.root, "of c.txt", "written by a machine that was put out\n")
await c.sync()
await b.sync()
await b.session((open) => open.rekey(["ml-dsa-87"]))
await b.session((open) => open.revoke("Machine C", { keepPassphrase: true }))
await a.sync()
await a.session((open) => open.changePassphrase({ costs: { passes: 4 } }))
await a.session((open) => open.requirePostQuantum())
await a.session((open) => open.deleteMachine("Machine C"))
renameSync(join(a.root, "many/7"), join(a.root, "moved"))
rmSync(join(a.root, "many/8"), { recursive: true })
await a.sync()
await b.sync()
put(b.root, "many/9/file 9.txt", "changed by b\n")
await b.sync()

const repository = new URL(storeUrl).pathname
const git = (...args: readonly string[]): string =>
  execFileSync("git", ["--git-dir", repository, ...args])
    .toString()
    .trim()
git("bundle", "create", "--quiet", bundle, git("for-each-ref", "--format=%(refname)", "refs/heads/sessyn/*/main"))
rmSync(folder, { recursive: true, force: true })

/** Lines of words, always the same: they compress, and do not repeat. */
function words(name: string, length: number): string {
  const lines: string[] = []
  for (let i = 0, size = 0; size < length; i++) {
    const digest = createHash("sha256").update(`${name} ${i}`).digest()
    const line = Array.from({ length: 16 }, (_, j) => wordlist[digest.readUInt16BE(2 * j) % wordlist.length]).join(" ")
    lines.push(line)
    size += line.length + 1
  }
  return `${lines.join("\n")}\n`
}
