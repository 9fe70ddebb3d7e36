import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { createProgress, describe as words } from "../../../../cli/output/progress.ts"

let written: string[]
const terminal = (isTTY: boolean, columns = 80) =>
  ({ isTTY, columns, write: (text: string) => written.push(text) }) as unknown as NodeJS.WriteStream

beforeEach(() => {
  written = []
  vi.useFakeTimers()
})
afterEach(() => vi.useRealTimers())

const ESC = "\u001b"
const now = () => Date.now()

describe("createProgress", () => {
  it("draws nothing where no terminal is", () => {
    const progress = createProgress(terminal(false), now)
    progress.step("upload", 100, "bytes")
    progress.advance(50)
    vi.advanceTimersByTime(10_000)
    expect(written).toEqual([])
  })

  it("draws nothing for what is over at once", () => {
    const progress = createProgress(terminal(true), now)
    progress.step("scan")
    vi.advanceTimersByTime(200)
    progress.stop()
    vi.advanceTimersByTime(10_000)
    expect(written).toEqual([])
  })

  it("draws over one line, rarely, and leaves nothing behind", () => {
    const progress = createProgress(terminal(true), now)
    progress.step("upload", 1_000, "bytes")
    for (let i = 0; i < 1000; i++) {
      progress.advance(1)
      vi.advanceTimersByTime(1)
    }
    progress.stop()
    expect(written.length).toBeGreaterThan(3)
    expect(written.length).toBeLessThan(12)
    expect(written.every((text) => text.startsWith("\r") && !text.includes("\n"))).toBe(true)
    expect(written.at(-1)).toBe(`\r${ESC}[K`)
  })

  it("makes room for a question and comes back", () => {
    const progress = createProgress(terminal(true), now)
    progress.step("scan")
    vi.advanceTimersByTime(400)
    progress.clear()
    expect(written.at(-1)).toBe(`\r${ESC}[K`)
    progress.advance(1)
    vi.advanceTimersByTime(400)
    expect(written.at(-1)).toContain("Looking at your files")
  })

  it("keeps to the terminal's width", () => {
    const progress = createProgress(terminal(true, 10), now)
    progress.step("scan")
    vi.advanceTimersByTime(400)
    expect(written[0]?.replace("\r", "").replace(`${ESC}[K`, "")).toHaveLength(9)
  })
})

describe("the words", () => {
  it.each([
    [{ step: "upload", total: 4096, unit: "bytes", done: 1024 }, "Uploading  1.0 KiB of 4.0 KiB  25 %  512 B/s"],
    [{ step: "apply", total: 10, unit: "files", done: 3 }, "Writing files  3 of 10 files  30 %"],
    [{ step: "scan", total: undefined, unit: "files", done: 3 }, "Looking at your files  3 files"],
    [{ step: "unlock", total: undefined, unit: undefined, done: 0 }, "Opening the vault"],
    [{ step: "download", total: 10, unit: "bytes", done: 20 }, "Downloading  20 B of 10 B  100 %  10 B/s"],
  ] as const)("of %j are %s", (current, text) => {
    expect(words({ ...current, startedMs: 0 }, 2000)).toBe(text)
  })
})
