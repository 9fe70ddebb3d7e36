import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, afterEach, describe, expect, it } from "vitest"
import { toHex } from "../../../../../../crypto/bytes.ts"
import {
  createThreadIntake,
  type ThreadIntakeOptions,
} from "../../../../../../src/platform/node/intake/threadIntake.ts"
import { createNodeCompressor } from "../../../../../../src/platform/node/nodeCompressor.ts"
import { createNodeCrypto } from "../../../../../../src/platform/node/nodeCrypto.ts"
import { createNodeWorkspace } from "../../../../../../src/platform/node/workspace/nodeWorkspace.ts"
import type { Intake, Ready, TakenIn } from "../../../../../../src/ports/intake.ts"
import type { Stat } from "../../../../../../src/ports/workspace.ts"
import { looksSecret } from "../../../../../../src/tree/sensitive.ts"
import type { ChunkRef } from "../../../../../../storage/format/index/entry.ts"
import { PACK_MAGIC } from "../../../../../../storage/format/pack.ts"
import type { EpochKeys, Keyring } from "../../../../../../storage/keys.ts"
import type { SealedChunk } from "../../../../../../storage/packGatherer.ts"
import { openChunk } from "../../../../../../storage/packReader.ts"
import { isSealed } from "../../../../../../storage/packWriter.ts"
import { createTemporaryFolders } from "../../../../../support/temporaryFolders.node.ts"
import { seededBytes, testVault } from "../../../../../support/vault.ts"

const folders = createTemporaryFolders()
afterAll(folders.remove)

const crypto = createNodeCrypto()
const compressor = createNodeCompressor()
let opened: Intake[] = []
afterEach(async () => {
  for (const intake of opened) await intake.close()
  opened = []
})

function open(root: string, options: Partial<ThreadIntakeOptions> = {}): Intake {
  const intake = createThreadIntake({ root, crypto, compressor, keeps: true, ...options })
  opened.push(intake)
  return intake
}

/** Text, noise, copies, secrets, an empty one, names of all kinds. */
function plant(count = 700): { readonly root: string; readonly contents: ReadonlyMap<string, Uint8Array> } {
  const root = fs.realpathSync(folders.make())
  const contents = new Map<string, Uint8Array>()
  for (let i = 0; i < count; i++) {
    const text = new TextEncoder().encode(`line ${i % 50 === 9 ? 9 : i}\n`.repeat(i % 300))
    const name = i % 20 === 0 ? `key-${i}.pem` : i % 7 === 0 ? `naïve ${i}.txt` : `file-${i}.ts`
    contents.set(`part ${i % 3}/${name}`, i % 13 === 0 ? seededBytes(i + 1, 3000) : text)
  }
  for (const [path, bytes] of contents) {
    fs.mkdirSync(join(root, path, ".."), { recursive: true })
    fs.writeFileSync(join(root, path), bytes)
  }
  return { root, contents }
}

async function listed(root: string, path: string): Promise<Stat> {
  const stat = await createNodeWorkspace(root).stat(path)
  if (!stat.ok) throw new Error(`${path} is not there`)
  return stat.value
}

async function takeAll(intake: Intake, root: string, paths: Iterable<string>) {
  const taken = new Map<string, TakenIn | null>()
  for (const path of paths) {
    intake.add(path, await listed(root, path), (each) => {
      expect(taken.has(path)).toBe(false)
      taken.set(path, each)
    })
  }
  await intake.drain()
  return taken
}

async function plainOf(ready: Ready, size: number, hash: Uint8Array, keyring: Keyring): Promise<Uint8Array> {
  if (!isSealed(ready)) return compressor.decompress(ready.codec, ready.bytes, size)
  const { bytes, ...sealed } = ready
  const ref: ChunkRef = { ...sealed, pack: "", offset: 8, sealedBytes: bytes.length, plainBytes: size, hash }
  const pack = new Uint8Array(PACK_MAGIC.length + bytes.length)
  pack.set(PACK_MAGIC)
  pack.set(bytes, PACK_MAGIC.length)
  return openChunk(crypto, keyring, pack, ref, compressor.decompress)
}

const vault = (): Promise<{ keys: EpochKeys; keyring: Keyring }> => testVault(1, 2)

describe.each<[string, Partial<ThreadIntakeOptions>]>([
  ["on two threads", {}],
  ["on this thread alone", { program: null }],
])("an intake %s", (_, how) => {
  it("hashes every file, and makes it ready: copies once, secrets never compressed", async () => {
    const { root, contents } = plant()
    const { keyring } = await vault()
    const taken = await takeAll(open(root, how), root, contents.keys())
    expect(taken.size).toBe(contents.size)
    const ready = new Set<string>()
    for (const [path, bytes] of contents) {
      const each = taken.get(path) as TakenIn
      const hash = crypto.sha256(bytes)
      expect(toHex(each.hash)).toBe(toHex(hash))
      if (each.ready === null) continue
      ready.add(toHex(hash))
      if (looksSecret(path)) expect(each.ready.codec).toBe("none")
      expect(Buffer.compare(await plainOf(each.ready, bytes.length, hash, keyring), bytes)).toBe(0)
    }
    const all = [...contents].filter(([, bytes]) => bytes.length > 0)
    expect(ready).toEqual(new Set(all.map(([, bytes]) => toHex(crypto.sha256(bytes)))))
    for (const [path] of all) if (looksSecret(path)) expect(taken.get(path)?.ready).not.toBeNull()
  })

  it("seals under the keys it is given, each file with a salt of its own", async () => {
    const { root, contents } = plant()
    const { keys, keyring } = await vault()
    const intake = open(root, how)
    intake.sealUnder(keys)
    const taken = await takeAll(intake, root, contents.keys())
    const salts = new Set<string>()
    let sealed = 0
    for (const [path, bytes] of contents) {
      const each = taken.get(path) as TakenIn
      if (each.ready === null) continue
      expect(each.ready).toMatchObject({ epoch: 2, number: 0 })
      salts.add(toHex((each.ready as SealedChunk).salt))
      sealed++
      expect(Buffer.compare(await plainOf(each.ready, bytes.length, each.hash, keyring), bytes)).toBe(0)
    }
    expect(sealed).toBeGreaterThan(500)
    expect(salts.size).toBe(sealed)
    // They are the caller's still.
    expect(keys.key.length).toBe(32)
  })

  it("answers nothing for what is not the file that was listed", async () => {
    const { root } = plant(400)
    const outside = folders.make()
    fs.writeFileSync(join(outside, "swapped.ts"), "theirs")
    for (const name of ["gone.ts", "edited.ts", "longer.ts", "swapped.ts", "fifo.ts", "folder.ts", "same.ts"]) {
      fs.writeFileSync(join(root, name), "theirs")
    }
    fs.mkdirSync(join(root, "sub"))
    fs.writeFileSync(join(root, "sub/within.ts"), "theirs")
    // The very same file: only the way to it is another.
    fs.linkSync(join(root, "sub/within.ts"), join(outside, "within.ts"))
    const paths = ["gone", "edited", "longer", "swapped", "fifo", "folder", "same", "sub/within"].map((p) => `${p}.ts`)
    const rest = fs.readdirSync(join(root, "part 0")).map((name) => `part 0/${name}`)
    const stats = new Map<string, Stat>()
    for (const path of [...paths, ...rest]) stats.set(path, await listed(root, path))
    fs.rmSync(join(root, "gone.ts"))
    fs.writeFileSync(join(root, "edited.ts"), "others")
    fs.appendFileSync(join(root, "longer.ts"), " and more")
    for (const name of ["swapped.ts", "fifo.ts", "folder.ts"]) fs.rmSync(join(root, name))
    fs.symlinkSync(join(outside, "swapped.ts"), join(root, "swapped.ts"))
    execFileSync("mkfifo", [join(root, "fifo.ts")])
    fs.mkdirSync(join(root, "folder.ts"))
    fs.renameSync(join(root, "sub"), join(root, "moved away"))
    fs.symlinkSync(outside, join(root, "sub"))
    const intake = open(root, how)
    const taken = new Map<string, TakenIn | null>()
    for (const [path, stat] of stats) intake.add(path, stat, (each) => taken.set(path, each))
    await intake.drain()
    expect(paths.filter((path) => taken.get(path) !== null)).toEqual(["same.ts"])
    expect(rest.filter((path) => taken.get(path) === null)).toEqual([])
  })

  it("keeps no more than it may, and hashes the rest", async () => {
    const { root, contents } = plant()
    const intake = open(root, { ...how, maxHeldBytes: 50_000 })
    const taken = await takeAll(intake, root, contents.keys())
    const held = [...taken.values()].reduce((sum, each) => sum + (each?.ready?.bytes.length ?? 0), 0)
    expect(held).toBeGreaterThan(5_000)
    expect(held).toBeLessThanOrEqual(50_000)
    for (const [path, bytes] of contents)
      expect(toHex(taken.get(path)?.hash as Uint8Array)).toBe(toHex(crypto.sha256(bytes)))
  })

  it("only hashes if nothing is to be kept", async () => {
    const { root, contents } = plant()
    const taken = await takeAll(open(root, { ...how, keeps: false }), root, contents.keys())
    expect([...taken.values()].every((each) => each?.ready === null)).toBe(true)
  })

  it("stops when it is told to, and answers nothing after it was closed", async () => {
    const { root, contents } = plant()
    const intake = open(root, how)
    let closed = false
    for (const path of contents.keys()) {
      intake.add(path, await listed(root, path), () => expect(closed).toBe(false))
    }
    await expect(intake.drain(AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" })
    closed = true
    await intake.close()
  })

  it("takes files that are older than 1970", async () => {
    const root = fs.realpathSync(folders.make())
    const paths = Array.from({ length: 300 }, (_, i) => `${i}.txt`)
    for (const path of paths) fs.writeFileSync(join(root, path), path)
    execFileSync("touch", ["-d", "1969-12-30T12:00:00.5Z", ...paths], { cwd: root })
    expect((await listed(root, "0.txt")).mtimeNs).toBeLessThan(0n)
    const taken = await takeAll(open(root, how), root, paths)
    expect([...taken.values()].filter((each) => each === null)).toEqual([])
  })
})

describe("an intake whose thread", () => {
  const program = (text: string): URL => {
    const path = join(folders.make(), "thread.mjs")
    fs.writeFileSync(path, text)
    return pathToFileURL(path)
  }

  async function expectAll(how: Partial<ThreadIntakeOptions>): Promise<void> {
    const { root, contents } = plant()
    const taken = await takeAll(open(root, how), root, contents.keys())
    for (const [path, bytes] of contents)
      expect(toHex(taken.get(path)?.hash as Uint8Array)).toBe(toHex(crypto.sha256(bytes)))
  }

  it("does not start loses nothing", () => expectAll({ program: pathToFileURL("/nowhere/at/all.js") }))

  it("dies over its first batch loses nothing", () =>
    expectAll({
      program: program(
        `import { parentPort } from "node:worker_threads"; parentPort.on("message", () => process.exit(1))`,
      ),
    }))

  it("throws loses nothing", () =>
    expectAll({
      program: program(
        `import { parentPort } from "node:worker_threads"; parentPort.on("message", () => { throw new Error("no") })`,
      ),
    }))

  it("is not worth its start is not started", async () => {
    const started = join(folders.make(), "started")
    const { root, contents } = plant(40)
    const text = `import { writeFileSync } from "node:fs"; writeFileSync(${JSON.stringify(started)}, "")`
    const taken = await takeAll(open(root, { program: program(text) }), root, contents.keys())
    expect(taken.size).toBe(40)
    await opened.pop()?.close()
    expect(fs.existsSync(started)).toBe(false)
  })

  it("gets nothing of the environment", async () => {
    const told = join(folders.make(), "environment")
    const { root, contents } = plant()
    const intake = open(root, {
      program: program(`import { writeFileSync } from "node:fs"; import { parentPort } from "node:worker_threads"
        parentPort.on("message", () => {
          writeFileSync(${JSON.stringify(told)}, JSON.stringify(process.env))
          process.exit(0)
        })`),
    })
    await takeAll(intake, root, contents.keys())
    expect(fs.readFileSync(told, "utf8")).toBe("{}")
  })
})
