import { describe, expect, test } from "vitest"
import { checkForPlatform, checkPath, leadsOut } from "../../../../src/tree/paths.ts"
import paths from "../../../vectors/paths.json" with { type: "json" }

describe("a path from a vault", () => {
  test.each(paths.vectors)("$path ($why): $reason", ({ path, reason }) => {
    expect(checkPath(path)).toBe(reason)
  })

  // Not among the vectors: many readers of JSON refuse them.
  test.each(["\ud800", "a/\udc00b", "\udc00\ud800"])("%j is not Unicode", (path) => {
    expect(checkPath(path)).toBe("name-not-unicode")
  })

  test("is refused for .git wherever HFS+ would ignore a character in it", () => {
    const ignored = [
      ..."\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u206a\u206b\u206c\u206d\u206e\u206f\ufeff",
    ]
    for (const character of ignored) {
      for (let at = 0; at <= 4; at++) {
        expect(checkPath(`a/${".git".slice(0, at)}${character}${".git".slice(at)}/b`)).toBe("hostile-path")
      }
    }
  })
})

describe("a name on Windows", () => {
  test.each([
    "a<b",
    "a>b",
    "a:b",
    'a"b',
    "a|b",
    "a?b",
    "a*b",
    "a\\b",
    "a\nb",
    "a\u0001",
    "a.",
    "a ",
    "x/a./b",
    "x /y",
    "CON",
    "con",
    "Prn",
    "AUX",
    "nul",
    "NUL.txt",
    "nul.tar.gz",
    "COM1",
    "com9.log",
    "LPT1",
    "lpt9",
    "COM¹",
    "lpt².x",
    "com³",
    "CONIN$",
    "conout$",
    "nul .txt",
    "a/aux/b",
    "CONIN$.txt",
  ])("%j is not allowed", (path) => {
    expect(checkForPlatform(path, { windowsNames: true })).toBe("name-not-allowed")
    expect(checkForPlatform(path, { windowsNames: false })).toBeNull()
  })

  test.each([
    "a.b",
    ".env",
    "a b",
    "CONSOLE",
    "COM0",
    "COM10",
    "LPT",
    "nulls.txt",
    "com1x",
    "xCON",
    "a'b",
    "é",
    "auxiliary",
    "🙂",
  ])("%j is allowed", (path) => {
    expect(checkForPlatform(path, { windowsNames: true })).toBeNull()
  })

  test("may have as many characters as it likes bytes", () => {
    const name = "語".repeat(255)
    expect(checkPath(name)).toBeNull()
    expect(checkForPlatform(name, { windowsNames: true })).toBeNull()
  })
})

describe("a name elsewhere", () => {
  test("has at most 255 bytes", () => {
    expect(checkForPlatform("語".repeat(85), { windowsNames: false })).toBeNull()
    expect(checkForPlatform(`a/${"語".repeat(86)}/b`, { windowsNames: false })).toBe("name-too-long")
  })
})

describe("a link", () => {
  test.each([
    ["a", "b"],
    ["a", "./b"],
    ["x/a", "../b"],
    ["x/y/a", "../../b/c"],
    ["x/a", ".."],
    ["a", "b//c/."],
    ["a", ""],
    ["a", "..."],
  ])("at %j to %j stays inside", (path, target) => {
    expect(leadsOut(path, target)).toBe(false)
  })

  test.each([
    ["a", "/etc/passwd"],
    ["a", "//host/share"],
    ["a", "\\x"],
    ["a", "C:\\x"],
    ["a", "c:x"],
    ["a", ".."],
    ["x/a", "../.."],
    ["x/a", "../../b"],
    ["x/y/a", "../../../b"],
    ["a", "..\\b"],
    // The folder before `..` may be a link that leads elsewhere.
    ["a", "b/../c"],
    ["x/a", "b/../../c"],
  ])("at %j to %j may lead out", (path, target) => {
    expect(leadsOut(path, target)).toBe(true)
  })
})
