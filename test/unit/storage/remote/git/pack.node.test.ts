import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { deflateSync, inflateSync } from "node:zlib"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { concatBytes, fromHex, utf8 } from "../../../../../crypto/bytes.ts"
import { createByteReader } from "../../../../../storage/remote/git/byteReader.ts"
import {
  applyDelta,
  BASE_BLOB,
  BASE_ID,
  insertOnlyDelta,
  insertOnlyLength,
} from "../../../../../storage/remote/git/delta.ts"
import { type GitObject, objectId } from "../../../../../storage/remote/git/objects.ts"
import { readPack } from "../../../../../storage/remote/git/packReader.ts"
import { storedZlib } from "../../../../../storage/remote/git/storedZlib.ts"
import { writePack } from "../../../../../storage/remote/git/packWriter.ts"
import { nodeGitPrimitives as git } from "../../../../../storage/remote/node/gitPrimitives.ts"
import { random, same } from "../../../../conformance/store.ts"

let repository: string

beforeAll(() => {
  repository = mkdtempSync(join(tmpdir(), "sessyn-pack-"))
  runGit([], "init", "--quiet", "--bare", repository)
})

afterAll(() => rmSync(repository, { recursive: true, force: true }))

function runGit(input: Uint8Array | readonly string[], ...args: string[]): Buffer {
  const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" }
  const bytes = input instanceof Uint8Array ? input : input.map((line) => `${line}\n`).join("")
  return execFileSync("git", ["--git-dir", repository, ...args], { input: bytes, env, maxBuffer: 256 * 1024 * 1024 })
}

function blob(bytes: Uint8Array): GitObject {
  return { type: "blob", id: objectId(git, "blob", bytes), bytes }
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function read(pack: Uint8Array, pieceBytes = 65_536, heldBytes = Infinity) {
  const objects: GitObject[] = []
  const reader = createByteReader(inPieces(pack, pieceBytes))
  const outcome = await readPack(reader, git, { heldBytes }, (object) => void objects.push(object))
  return { objects, ...outcome }
}

/** Pieces that are only lent, put together. */
const whole = (pieces: Iterable<Uint8Array>): Uint8Array => concatBytes(...Array.from(pieces, (piece) => piece.slice()))

describe("a zlib stream of stored blocks", () => {
  it("is one that zlib reads, whatever the pieces", () => {
    const data = random(9, 400_000)
    const sizes = fc.array(fc.oneof(fc.nat(300), fc.constantFrom(65_534, 65_535, 65_536, 131_070)), { maxLength: 5 })
    fc.assert(
      fc.property(sizes, (lengths) => {
        const pieces = lengths.map((length, i) => data.subarray(i * 70_000, i * 70_000 + length))
        const all = concatBytes(...pieces)
        const back = inflateSync(concatBytes(...storedZlib(git, pieces, all.length)))
        return back.length === all.length && same(back, all)
      }),
    )
  })

  it("has the right checksum of long runs of the largest byte", () => {
    const pieces = Array.from({ length: 40 }, () => new Uint8Array(1_000_003).fill(255))
    const length = pieces.length * 1_000_003
    expect(inflateSync(concatBytes(...storedZlib(git, pieces, length))).length).toBe(length)
  })

  it("is not made of other bytes than were announced", () => {
    expect(() => [...storedZlib(git, [random(1, 10)], 11)]).toThrow(RangeError)
  })
})

describe("a pack", () => {
  const contents = [0, 1, 126, 127, 128, 15, 16, 2_047, 2_048, 65_535, 65_536, 1_048_575, 1_048_576, 3_000_000]
  const objects = contents.map((length, i) => blob(random(i, length)))

  it("is read back as it was written", async () => {
    const { objects: back, unresolved } = await read(concatBytes(...writePack(git, objects, false)))
    expect(unresolved).toBe(0)
    expect(back.map((object) => object.id)).toEqual([BASE_ID, ...objects.map((object) => object.id)])
    expect(back.slice(1).every((object, i) => same(object.bytes, (objects[i] as GitObject).bytes))).toBe(true)
  })

  it("is one that the real git takes, strictly", () => {
    const pack = concatBytes(...writePack(git, objects, true))
    runGit(pack, "index-pack", "--stdin", "--strict")
    for (const object of objects) {
      const back = runGit([], "cat-file", "blob", object.id)
      expect(same(back, object.bytes)).toBe(true)
    }
    expect(runGit([], "cat-file", "blob", BASE_ID).equals(BASE_BLOB)).toBe(true)
    runGit([], "fsck", "--strict", "--full", "--no-dangling")
  })

  it("is read whatever the pieces it comes in", async () => {
    const small = [blob(utf8("abc")), blob(random(1, 300)), blob(utf8("x".repeat(5_000)))]
    const pack = concatBytes(...writePack(git, small, true))
    for (const size of [1, 2, 3, 7, 100]) {
      const { objects: back } = await read(pack, size)
      expect(back.map((object) => object.id)).toEqual([BASE_ID, ...small.map((object) => object.id)])
    }
  })

  it("is refused at every truncation", async () => {
    const pack = concatBytes(...writePack(git, [blob(utf8("abc".repeat(30))), blob(random(1, 40))], true))
    for (let length = 0; length < pack.length; length++) {
      await expect(read(pack.subarray(0, length))).rejects.toHaveProperty("code", expect.stringMatching(/^STORE_/))
    }
  })

  it("never makes anything but a coded error or whole objects of any bytes", async () => {
    const pack = concatBytes(...writePack(git, [blob(utf8("abc".repeat(30))), blob(random(1, 1_048_600))], true))
    const damage = fc.array(fc.tuple(fc.nat({ max: 400 }), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 3,
    })
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const bytes = pack.slice()
        for (const [at, value] of changes) bytes[at] = value
        const result = await read(bytes).catch((error: { code?: string }) => error.code)
        if (typeof result === "string") return result.startsWith("STORE_")
        return result?.objects.every((object) => objectId(git, object.type, object.bytes) === object.id) === true
      }),
      { numRuns: 150 },
    )
  })
})

describe("deltas that git makes", () => {
  const versions = Array.from({ length: 12 }, (_, i) =>
    utf8(`${"some line of text\n".repeat(400)}${i}\n${"more\n".repeat(300)}`),
  )

  function packOfGit(...options: string[]): Uint8Array {
    const ids = versions.map((bytes) => runGit(bytes, "hash-object", "-w", "--stdin").toString().trim())
    const env = ["-c", "pack.threads=1", "-c", "pack.compression=1"]
    return new Uint8Array(
      runGit(ids, ...env, "pack-objects", "--stdout", "--no-reuse-delta", "--window=10", ...options),
    )
  }

  it.each([[["--delta-base-offset"]], [[]]])("are resolved (%j)", async (options) => {
    const pack = packOfGit(...options)
    expect(pack.length).toBeLessThan(5_000)
    const { objects, unresolved } = await read(pack, 100)
    expect(unresolved).toBe(0)
    expect(objects.map((object) => object.id).sort()).toEqual(versions.map((bytes) => blob(bytes).id).sort())
  })

  it("are counted, not guessed, when their base is too much to keep", async () => {
    const { objects, unresolved } = await read(packOfGit("--delta-base-offset"), 100, 1_000)
    expect(objects.length + unresolved).toBe(versions.length)
    expect(unresolved).toBeGreaterThan(0)
  })

  it("are resolved when the base comes after them", async () => {
    const base = utf8("base ".repeat(50))
    const delta = concatBytes(Uint8Array.of(250, 1, 5, 0x90, 5))
    const id = objectId(git, "blob", base)
    const entry = (type: number, length: number): Uint8Array =>
      Uint8Array.of((type << 4) | (length & 15) | 0x80, length >> 4)
    const head = concatBytes(utf8("PACK"), Uint8Array.of(0, 0, 0, 2, 0, 0, 0, 2))
    const late = concatBytes(entry(7, delta.length), fromHex(id), deflateSync(delta))
    const { objects } = await read(
      concatBytes(head, late, entry(3, base.length), deflateSync(base), new Uint8Array(20)),
    )
    expect(objects.map((object) => new TextDecoder().decode(object.bytes))).toEqual([
      new TextDecoder().decode(base),
      "base ",
    ])
    const lonely = concatBytes(utf8("PACK"), Uint8Array.of(0, 0, 0, 2, 0, 0, 0, 1), late, new Uint8Array(20))
    expect(await read(lonely)).toEqual({ objects: [], unresolved: 1 })
  })
})

describe("applyDelta", () => {
  const base = utf8("0123456789")

  it("inserts and copies", () => {
    const delta = Uint8Array.of(10, 6, 2, 0x61, 0x62, 0x91, 4, 3, 1, 0x63)
    expect(new TextDecoder().decode(applyDelta(base, delta))).toBe("ab456c")
  })

  it.each([
    ["another base length", [11, 1, 1, 0x61]],
    ["a result too short", [10, 2, 1, 0x61]],
    ["a result too long", [10, 1, 2, 0x61, 0x62]],
    ["a copy beyond the base", [10, 3, 0x91, 8, 3]],
    ["a copy of 64 KiB", [10, 3, 0x80]],
    ["an insert beyond the delta", [10, 3, 3, 0x61]],
    ["the reserved instruction", [10, 1, 0]],
    ["an unending number", [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80]],
    ["a number cut short", [10]],
    ["an offset cut short", [10, 1, 0x91]],
    ["a result of a terabyte", [10, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 1, 0x61]],
  ])("refuses %s", (_, bytes) => {
    expect(() => applyDelta(base, Uint8Array.from(bytes))).toThrow(expect.objectContaining({ code: "STORE_MALFORMED" }))
  })

  it("undoes our own deltas", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1_000 }), (bytes) => {
        const delta = whole(insertOnlyDelta(bytes))
        expect(delta.length).toBe(insertOnlyLength(bytes.length))
        return same(applyDelta(BASE_BLOB, delta), bytes) && delta.length <= bytes.length + bytes.length / 127 + 4
      }),
    )
  })

  it("names its base rightly", () => {
    expect(objectId(git, "blob", BASE_BLOB)).toBe(BASE_ID)
  })
})
