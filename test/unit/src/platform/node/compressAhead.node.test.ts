import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, afterEach, describe, expect, it } from "vitest"
import { type AheadOptions, createCompressAhead } from "../../../../../src/platform/node/compressAhead.ts"
import { createNodeCompressor } from "../../../../../src/platform/node/nodeCompressor.ts"
import type { CompressAhead, Compressing } from "../../../../../storage/compress.ts"
import { createTemporaryFolders } from "../../../../support/temporaryFolders.node.ts"
import { seededBytes } from "../../../../support/vault.ts"

const folders = createTemporaryFolders()
afterAll(folders.remove)

const compressor = createNodeCompressor()
let opened: CompressAhead[] = []
afterEach(() => {
  for (const ahead of opened) ahead.close()
  opened = []
})

function open(options: Partial<AheadOptions> = {}): { ahead: CompressAhead; here: () => number } {
  let here = 0
  const compress = (bytes: Uint8Array) => {
    here++
    return compressor.compress(bytes)
  }
  const ahead = createCompressAhead({ compress, codec: "zstd", ...options })
  opened.push(ahead)
  return { ahead, here: () => here }
}

/** Text and noise, empty files too. */
function contents(count: number, bytes: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) =>
    i % 7 === 0
      ? seededBytes(i + 1, bytes)
      : new TextEncoder().encode(`line ${i}\n`.repeat(i % 11 === 0 ? 0 : bytes / 8)),
  )
}

async function expectSame(plain: readonly Uint8Array[], jobs: readonly Compressing[]): Promise<void> {
  for (const [i, job] of jobs.entries()) {
    await expectRight(plain[i] as Uint8Array, job)
  }
}

async function expectRight(plain: Uint8Array, job: Compressing): Promise<void> {
  const [is, shouldBe] = [await job.result(), compressor.compress(plain)]
  expect(is.codec).toBe(shouldBe.codec)
  expect(Buffer.compare(is.bytes, shouldBe.bytes)).toBe(0)
}

/** Resolves when the worker has done all that was given to it. */
async function settled(jobs: readonly Compressing[], plain: readonly Uint8Array[]): Promise<void> {
  const isDone = (): boolean => jobs.some((job, i) => job.heldBytes < (plain[i] as Uint8Array).length)
  while (!isDone()) await new Promise((resolve) => setImmediate(resolve))
}

describe("compressing ahead", () => {
  it("comes to what compressing here does, whoever does it and whenever it is asked for", async () => {
    const plain = contents(400, 10_000)
    const { ahead, here } = open()
    const jobs = plain.map((bytes) => ahead.add(bytes))
    await settled(jobs, plain)
    await expectSame(plain, jobs)
    await expectSame(plain, jobs)
    expect(here()).toBeLessThan(400)
  })

  it("starts no worker for a few small files", async () => {
    const plain = contents(5, 1000)
    const { ahead, here } = open({ program: pathToFileURL("/nowhere/at/all.js") })
    await expectSame(
      plain,
      plain.map((bytes) => ahead.add(bytes)),
    )
    expect(here()).toBe(5)
  })

  it("compresses everything here if there is no worker, or none that starts", async () => {
    const plain = contents(300, 10_000)
    for (const program of [null, pathToFileURL("/nowhere/at/all.js")]) {
      const { ahead, here } = open({ program })
      const jobs = plain.map((bytes) => ahead.add(bytes))
      await expectSame(plain, jobs)
      expect(here()).toBe(300)
    }
  })

  it("compresses here what a worker had that died", async () => {
    const program = join(folders.make(), "dies.mjs")
    writeFileSync(
      program,
      `import { parentPort } from "node:worker_threads"; parentPort.on("message", () => process.exit(1))`,
    )
    const plain = contents(300, 10_000)
    const { ahead, here } = open({ program: pathToFileURL(program) })
    const jobs = plain.map((bytes) => ahead.add(bytes))
    // From the newest on: those are away.
    for (const [i, job] of [...jobs.entries()].reverse()) {
      await expectRight(plain[i] as Uint8Array, job)
    }
    expect(here()).toBe(300)
  })

  it("gives the worker nothing of the environment", async () => {
    const program = join(folders.make(), "tells.mjs")
    writeFileSync(
      program,
      `import { parentPort } from "node:worker_threads"
       parentPort.on("message", ({ lengths }) => {
         const bytes = new TextEncoder().encode(Object.keys(process.env).join(" ") || "nothing")
         parentPort.postMessage({
           bytes,
           lengths: lengths.map((_, i) => (i === 0 ? bytes.length : 0)),
           codecs: lengths.map(() => "none"),
         })
       })`,
    )
    const { ahead } = open({ program: pathToFileURL(program) })
    const job = ahead.add(new Uint8Array(2_000_000))
    expect(new TextDecoder().decode((await job.result()).bytes)).toBe("nothing")
  })

  it("still answers after it was closed in the middle of it", async () => {
    const plain = contents(300, 10_000)
    const { ahead } = open()
    const jobs = plain.map((bytes) => ahead.add(bytes))
    ahead.close()
    await expectSame(plain, jobs)
  })
})
