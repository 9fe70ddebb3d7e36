/**
 * Text that people or hosts wrote: ignore rules, merges, paths, addresses, and
 * what is printed of it.
 *
 * @module
 */
import { utf8 } from "../../../crypto/bytes.ts"
import { diffLines } from "../../../cli/output/diffView.ts"
import { printable, printableLine } from "../../../src/printable.ts"
import { table } from "../../../cli/output/table.ts"
import type { Style } from "../../../cli/output/style.ts"
import { hasMarkers, withMarkers } from "../../../cli/prompts/markers.ts"
import { remoteName } from "../../../src/tree/names.ts"
import { checkForPlatform, checkPath, isOwnFolder, leadsOut, MAX_PATH_SEGMENTS } from "../../../src/tree/paths.ts"
import { collisionKey } from "../../../src/tree/plan/collisions.ts"
import { isText, mergeText } from "../../../src/tree/plan/merge.ts"
import { createIgnoreRules } from "../../../src/tree/scan/ignoreRules.ts"
import { looksSecret, runsOnOpen } from "../../../src/tree/sensitive.ts"
import { machineOfJoin, packsOf, workspaceOfMain } from "../../../storage/layout.ts"
import { storeErrorOfStatus } from "../../../storage/remote/httpStatus.ts"
import { parseStoreUrl } from "../../../storage/remote/storeUrl.ts"
import paths from "../../vectors/paths.json" with { type: "json" }
import { must, type Target } from "../target.ts"

const decoder = new TextDecoder()
const textOf = (input: Uint8Array): string => decoder.decode(input)
/** What a terminal obeys, or what makes a line read other than it is. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be left.
const COMMANDING = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/

/** Input is divided by its first NULs into so many parts. */
function parts(input: Uint8Array, count: number): Uint8Array[] {
  const found: Uint8Array[] = []
  let rest = input
  for (let left = count - 1; left > 0; left--) {
    const end = rest.indexOf(0)
    found.push(end < 0 ? rest : rest.subarray(0, end))
    rest = end < 0 ? new Uint8Array(0) : rest.subarray(end + 1)
  }
  return [...found, rest]
}

const joined = (...texts: readonly string[]): Uint8Array => utf8(texts.join("\0"))
const repeated = (text: string, bytes: number): string => text.repeat(Math.max(1, Math.floor(bytes / text.length)))
const DEEP = "a/".repeat(120)

const NAMES: readonly Target[] = [
  {
    name: "ignore-rules",
    seeds: () => [
      joined("*.log\n!keep.log\n/build/\n**/x/**\n[a-z]?\\*\n", "src/build/a.log"),
      joined("a/**/b\n**/**/c*d*e\n[[:alpha:]-z]\n", "a/x/y/b"),
    ],
    form: "text",
    words: ["**/", "/**", "*", "?", "[!a-]", "[[:alnum:]]", "\\", "!", "#", "\n", "/"],
    codes: [],
    maxBytes: 4096,
    // Text and patterns are matched against one another, for each folder of a path.
    microsecondsPerByte: 500,
    growth: {
      "stars against one name": (n) => joined(repeated("*a", Math.min(n, 2000)), repeated("a", Math.min(n, 2000))),
      "folders of any depth": (n) =>
        joined(repeated("**/a*/", Math.min(n, 2000)), DEEP + repeated("a", Math.min(n, 2000))),
      "two of any depth": (n) => joined("**/*a*/**/*b", repeated("a/", Math.min(n, 2000))),
      "classes of any depth": (n) =>
        joined(`**/*[${repeated("bcd", Math.min(n, 1500))}]x`, repeated("aaaa/", Math.min(n, 2000))),
      "classes and two of any depth": (n) =>
        joined(`**/*/**/*[${repeated("bcd", Math.min(n, 2000))}]x`, repeated("a/", Math.min(n, 2000))),
    },
    run(input) {
      const [rules, text] = parts(input, 2).map(textOf) as [string, string]
      // A walk goes no deeper.
      const path = text.split("/", MAX_PATH_SEGMENTS + 1).join("/")
      const ignore = createIgnoreRules()
      ignore.enter("", rules)
      ignore.ignores(path, false)
      ignore.ignores(path, true)
    },
  },
  {
    name: "paths",
    seeds: () => paths.vectors.map(({ path }) => utf8(path)),
    form: "text",
    codes: [],
    words: [".git", "git~1", ".sessyn", "con", "\u200c", "\u017f", "..", "c:", "\\", ".env", ".tar.gz", "~"],
    maxBytes: 8192,
    growth: {
      "spaces and dots": (n) => utf8(`.git${repeated(" .", n)}x`),
      "device names": (n) => utf8(`con${repeated(" ", n)}x`),
      segments: (n) => utf8(repeated("a.b/", n)),
      "one segment": (n) => utf8(`${repeated("a.b", n)}!`),
      climbing: (n) => utf8(repeated("../", n)),
      "words with joiners": (n) => utf8(repeated(".\u200cg", n)),
    },
    run(input) {
      const path = textOf(input)
      const isUsable = checkPath(path) === null
      checkForPlatform(path, { windowsNames: true })
      checkForPlatform(path, { windowsNames: false })
      isOwnFolder(path)
      collisionKey(path)
      looksSecret(path)
      runsOnOpen(path)
      leadsOut(path, path)
      if (isUsable) must(!path.split("/").some((name) => [".", "..", ""].includes(name)), "a path that leads out")
      must(utf8(remoteName(path.replaceAll("/", ""), 2, "file")).length <= 255, "a name too long")
    },
  },
  {
    name: "branches",
    seeds: () =>
      [`sessyn/${"a".repeat(26)}/main`, `sessyn/${"a".repeat(26)}/join/${"b".repeat(52)}`].map((t) => utf8(t)),
    form: "text",
    codes: [],
    run(input) {
      const text = textOf(input)
      workspaceOfMain(text)
      machineOfJoin(text, "a".repeat(26))
      packsOf(new Map([[text, ""]]))
    },
  },
  {
    name: "store-url",
    seeds: () =>
      ["https://a.b/c.git", "github:a/b", "git@host:x/y", "file:///tmp/x", "C:\\x", "ssh://h/p"].map((t) => utf8(t)),
    form: "text",
    codes: ["STORE_URL_INVALID"],
    words: ["https://", "http://", "file://", "github:", "localhost", "@", ":", "?token=", "#", "%00", "%2f", "[::1]"],
    growth: {
      slashes: (n) => utf8(`https://a${repeated("/", n)}b`),
      "slashes at the end": (n) => utf8(`https://a/b${repeated("/", n)}?`),
      "at signs": (n) => utf8(repeated("@", n)),
      spaces: (n) => utf8(`a${repeated(" ", n)}b`),
      colons: (n) => utf8(repeated("a:", n)),
      dots: (n) => utf8(`github:a/${repeated(".git", n)}!`),
    },
    run(input) {
      const url = parseStoreUrl(textOf(input))
      if (url.kind === "http") must(/^https?:\/\/[^/@]+\/[^?#]*$/.test(url.url), "an address with more in it")
    },
  },
  {
    name: "http-status",
    seeds: () => ["429\0" + "120\0", "403\0\0rate limit", "503\0Wed, 21 Oct 2026 07:28:00 GMT\0x"].map((t) => utf8(t)),
    form: "text",
    codes: [],
    run(input) {
      const [status = "", header = "", text = ""] = parts(input, 3).map(textOf)
      const error = storeErrorOfStatus({ status: Number(status) || 500, header: () => header, text }, 1_790_000_000_000)
      const waitMs = error.retryAfterMs ?? 0
      must(waitMs >= 0 && waitMs <= 3_600_000, "a wait out of bounds")
    },
    growth: { digits: (n) => joined("429", repeated("1", n), ""), spaces: (n) => joined("429", repeated(" ", n), "") },
  },
]

const plain = (text: string): string => text
const style: Style = { bold: plain, dim: plain, good: plain, warn: plain, bad: plain, accent: plain }

/** Lines that differ here and there, so that much of both is the same. */
const someLines = (bytes: number, salt: number): string =>
  Array.from({ length: bytes / 16 }, (_, i) => (i % 50 === salt ? `changed ${salt} ${i}\n` : `line ${i % 97}\n`)).join(
    "",
  )

const CONTENT_GROWTH: Target["growth"] = {
  "nothing but line ends": (n) =>
    joined(repeated("\n", n / 3), `${repeated("\n", n / 3)}x`, `y${repeated("\n", n / 3)}`),
  "lines that repeat": (n) => joined(someLines(n / 3, 0), someLines(n / 3, 1), someLines(n / 3, 2)),
  "nothing in common": (n) => joined(repeated("a\n", n / 6), repeated("b\n", n / 6), repeated("c\n", n / 6)),
  "one long line": (n) => joined(repeated("a", n / 3), repeated("ab", n / 3), repeated("ac", n / 3)),
}

const CONTENT: readonly Target[] = [
  {
    name: "merge",
    seeds: () => [joined("a\nb\nc\n", "a\nB\nc\n", "a\nb\nc\nd"), joined("x", "y", "z"), joined("a\r\nb", "a\r\n", "")],
    form: "text",
    codes: [],
    microsecondsPerByte: 600,
    // Differences are sought by the square of their number, and only up to so many.
    mostMs: 8000,
    memory: { base: 16 * 1024 * 1024, factor: 2000 },
    growth: CONTENT_GROWTH,
    run(input) {
      const [base, mine, theirs] = parts(input, 3) as [Uint8Array, Uint8Array, Uint8Array]
      const merged = mergeText(base, mine, theirs)
      const mirrored = mergeText(base, theirs, mine)
      must((merged === null) === (mirrored === null), "one side's word counts more")
      if (merged !== null && mirrored !== null) must(textOf(merged) === textOf(mirrored), "sides merge differently")
      isText(input)
    },
  },
  {
    name: "conflict-markers",
    seeds: () => [joined("a\nb\nc\n", "a\nB\nc\n", "a\nb\nc\nd"), joined("", "y", "z")],
    form: "text",
    codes: [],
    microsecondsPerByte: 600,
    // Differences are sought by the square of their number, and only up to so many.
    mostMs: 8000,
    memory: { base: 16 * 1024 * 1024, factor: 2000 },
    growth: CONTENT_GROWTH,
    run(input) {
      const [base, mine, theirs] = parts(input, 3).map(textOf) as [string, string, string]
      hasMarkers(utf8(withMarkers(mine, base, theirs, "Laptop")))
      hasMarkers(utf8(withMarkers(mine, null, theirs, "Laptop")))
    },
  },
  {
    name: "diff-view",
    seeds: () => [joined("a\nb\nc\n", "a\nB\nc\n"), joined("\u001b[31m", "\u65e5".repeat(200)), joined("x\r\n", "x\n")],
    form: "text",
    codes: [],
    microsecondsPerByte: 600,
    // Differences are sought by the square of their number, and only up to so many.
    mostMs: 8000,
    memory: { base: 16 * 1024 * 1024, factor: 2000 },
    growth: CONTENT_GROWTH,
    run(input) {
      const [local, remote] = parts(input, 2).map(textOf) as [string, string]
      for (const columns of [80, 160]) {
        const lines = diffLines(local, remote, { columns, style, local: "local", remote: "remote" })
        for (const line of lines ?? []) must(!COMMANDING.test(line), "a line that commands the terminal")
      }
    },
  },
  {
    name: "printable",
    seeds: () => ["a\u001b[2J", "\u202eexe.txt", "e\u0301", "\u{1f468}\u200d\u{1f469}", '"\\'].map((t) => utf8(t)),
    form: "text",
    codes: [],
    words: ["\u001b]0;", "\u200d", "\ufe0f", "\u2066", "\ud800", "\u0085"],
    growth: {
      joiners: (n) => utf8(repeated("\u200d", n)),
      letters: (n) => utf8(repeated("é", n)),
      escapes: (n) => utf8(repeated("\u001b[", n)),
    },
    run(input) {
      const text = textOf(input)
      must(!COMMANDING.test(printable(text)), "a name that commands the terminal")
      must(!COMMANDING.test(printableLine(text).replaceAll("\t", "")), "a line that commands the terminal")
      table([[printable(text), "x"]])
    },
  },
]

export const TEXT_TARGETS: readonly Target[] = [...NAMES, ...CONTENT]
