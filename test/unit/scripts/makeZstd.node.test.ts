import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { ZSTD_FILE, zstdSource } from "../../../scripts/make-zstd.ts"

it("the decoder of zstd is the one of the pinned package", () => {
  expect(readFileSync(join(import.meta.dirname, "../../..", ZSTD_FILE), "utf8") === zstdSource()).toBe(true)
})
