import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  type CacheEntry,
  decodeScanCache,
  encodeScanCache,
  type ScanCache,
} from "../../../../src/tree/scan/scanCache.ts"
import { hashing } from "../../../support/trees.ts"

const mode = fc.integer({ min: 0, max: 0o777 })
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
const size = fc.maxSafeNat()
const name = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => !text.includes("\0"))
const time = fc.bigInt({ min: -(1n << 62n), max: 1n << 62n })
const id = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })
const node = fc.oneof(
  fc.record({ type: fc.constant("file" as const), mode, size, hash }),
  fc.record({ type: fc.constant("link" as const), mode, target: name }),
  fc.record({ type: fc.constant("folder" as const), mode }),
)
const base = fc.record({ node, version: size, writer: name, diskMode: mode })
const seen = fc.record({ mode, size, mtimeNs: time, ctimeNs: time, inode: id, device: id, hash, settled: fc.boolean() })
const entry: fc.Arbitrary<CacheEntry> = fc.record({ base: fc.option(base), seen: fc.option(seen) })
const cache: fc.Arbitrary<ScanCache> = fc.array(fc.tuple(name, entry)).map((entries) => new Map(entries))

const sample: ScanCache = new Map([
  [
    "src/a",
    {
      base: {
        node: { type: "file", mode: 0o644, size: 1, hash: new Uint8Array(32).fill(7) },
        version: 3,
        writer: "w",
        diskMode: 0o600,
      },
      seen: {
        mode: 0o600,
        size: 1,
        mtimeNs: 5n,
        ctimeNs: 6n,
        inode: 7n,
        device: 8n,
        hash: new Uint8Array(32).fill(7),
        settled: true,
      },
    },
  ],
  [
    "link",
    {
      base: { node: { type: "link", mode: 0o777, target: "src/a" }, version: 1, writer: "w", diskMode: 0o777 },
      seen: null,
    },
  ],
])

describe("scan cache", () => {
  it("reads back what it wrote", () => {
    fc.assert(
      fc.property(cache, (entries) => {
        expect(decodeScanCache(encodeScanCache(entries, hashing), hashing)).toEqual(entries)
      }),
    )
  })

  it("counts as lost when a byte is changed or missing", () => {
    const bytes = encodeScanCache(sample, hashing)
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice()
      damaged[at] = (damaged[at] as number) ^ 1
      expect(decodeScanCache(damaged, hashing)).toBeNull()
      expect(decodeScanCache(bytes.subarray(0, at), hashing)).toBeNull()
    }
  })

  it("counts as lost when its bytes make no sense, though their hash is right", () => {
    const whole = encodeScanCache(sample, hashing)
    const body = whole.subarray(0, whole.length - 32)
    const resealed = (bytes: Uint8Array) => {
      const sealed = new Uint8Array(bytes.length + 32)
      sealed.set(bytes)
      sealed.set(hashing.sha256(bytes), bytes.length)
      return sealed
    }
    expect(decodeScanCache(resealed(body), hashing)).toEqual(sample)
    for (let length = 0; length < body.length; length++) {
      expect(decodeScanCache(resealed(body.subarray(0, length)), hashing)).toBeNull()
    }
    fc.assert(
      fc.property(fc.nat(body.length - 1), fc.nat(255), (at, value) => {
        const changed = body.slice()
        changed[at] = value
        // Never an exception; a changed mode or time is no nonsense.
        decodeScanCache(resealed(changed), hashing)
      }),
      { numRuns: 2_000 },
    )
  })

  it("does not read another version", () => {
    const bytes = encodeScanCache(sample, hashing)
    const next = bytes.slice()
    next[7] = 2
    next.set(hashing.sha256(next.subarray(0, -32)), next.length - 32)
    expect(decodeScanCache(next, hashing)).toBeNull()
  })
})
