import { afterEach, beforeAll, describe, expect, it } from "vitest"
import { createThreadOpener, openElsewhere } from "../../../../../src/platform/node/opening/threadOpener.ts"
import type { ChunkRef } from "../../../../../storage/format/index/entry.ts"
import type { Keyring } from "../../../../../storage/keys.ts"
import { createKeyring } from "../../../../../storage/keys.ts"
import { createPackOpener, type PackOpener } from "../../../../../storage/packOpener.ts"
import { collectingWriter, testVault } from "../../../../support/vault.ts"

const FILES = 300
const contentOf = (i: number) => new Uint8Array(1 + ((i * 7_919) % 12_000)).fill(i)

let keyring: Keyring
let here: PackOpener
let pack: Uint8Array
let refs: readonly ChunkRef[]
let opener: PackOpener | null = null

beforeAll(async () => {
  const vault = await testVault()
  keyring = vault.keyring
  here = createPackOpener(vault.crypto, keyring)
  const { writer, packs, refs: written } = collectingWriter(vault, { targetBytes: 8 * 1024 * 1024 })
  for (let i = 0; i < FILES; i++) await writer.addFile({ content: contentOf(i) })
  await writer.finish()
  expect(packs.size).toBe(1)
  ;[pack] = packs.values() as Iterable<Uint8Array> as [Uint8Array]
  refs = written
})

afterEach(async () => {
  await opener?.close()
  opener = null
})

function start(ring = keyring): PackOpener {
  const started = openElsewhere(ring)
  if (started === undefined) throw new Error("there is no thread")
  opener = started
  return started
}

async function read(from: PackOpener, bytes: Uint8Array, wanted = refs): Promise<[ChunkRef, string][]> {
  const taken: [ChunkRef, string][] = []
  // As text: comparing arrays byte by byte takes seconds.
  await from.open(bytes.slice(), wanted, (ref, plain) => void taken.push([ref, Buffer.from(plain).toString("latin1")]))
  return taken
}

describe("opening on another thread", () => {
  it("gives what opening here does, in order, pack after pack", async () => {
    const thread = start()
    const expected = await read(here, pack)
    expect(await read(thread, pack)).toEqual(expected)
    const some = refs.filter((_, i) => i % 3 === 1)
    expect(await read(thread, pack, some)).toEqual(await read(here, pack, some))
    expect(await read(thread, pack, [])).toEqual([])
  })

  it("waits for whoever takes", async () => {
    let running = 0
    await start().open(pack.slice(), refs, async () => {
      expect(++running).toBe(1)
      await new Promise(setImmediate)
      running--
    })
    expect(running).toBe(0)
  })

  it("fails with the fault of the chunk, and opens the next pack all the same", async () => {
    const thread = start()
    const { offset } = refs[200] as ChunkRef
    const broken = pack.slice()
    broken[offset] = (broken[offset] as number) ^ 1
    const taken: ChunkRef[] = []
    await expect(thread.open(broken, refs, (ref) => void taken.push(ref))).rejects.toMatchObject({
      code: "SEAL_BROKEN",
    })
    expect(taken).toEqual(refs.slice(0, taken.length))
    expect(taken.length).toBeLessThanOrEqual(200)
    expect(await read(thread, pack)).toHaveLength(FILES)
  })

  it("opens nothing without the key", async () => {
    await expect(read(start(createKeyring()), pack)).rejects.toMatchObject({ code: "SEAL_BROKEN" })
  })

  it("leaves the keyring as it is", async () => {
    await read(start(), pack)
    await opener?.close()
    opener = null
    expect(await read(here, pack)).toHaveLength(FILES)
  })

  it("stops with whoever takes", async () => {
    const stop = new Error("the disk is full")
    const opening = start().open(pack.slice(), refs, () => {
      throw stop
    })
    await expect(opening).rejects.toBe(stop)
  })

  it("fails, and closes, if the thread cannot run", async () => {
    opener = createThreadOpener(new URL("./none.js", import.meta.url), keyring)
    await expect(read(opener, pack)).rejects.toThrow()
    await expect(read(opener, pack)).rejects.toThrow()
  })
})
