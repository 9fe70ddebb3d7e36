import { describe, expect, test } from "vitest"
import { createIgnoreRules, DEFAULT_IGNORE_TEXT } from "../../../../src/tree/scan/ignoreRules.ts"
import { wildmatch } from "../../../../src/tree/scan/wildmatch.ts"

/** Rules by folder. How they agree with Git is tested against Git itself: test/integration/ignore.node.test.ts. */
function rules(files: Readonly<Record<string, string>>) {
  const made = createIgnoreRules()
  for (const [folder, text] of Object.entries(files)) made.enter(folder, text)
  return made
}

describe("ignore rules", () => {
  test.each([
    ".git",
    ".GIT",
    "a/.Git",
    ".DS_Store",
    "a/.DS_Store",
    "Thumbs.db",
    "thumbs.db",
    ".sessyn",
    "a/.sessyn",
    "git~1",
  ])("leave out %s whatever they say", (path) => {
    const made = rules({ "": "!*\n!.git\n!.DS_Store\n!Thumbs.db\n!.sessyn\n" })
    expect(made.ignores(path, true)).toBe(true)
    expect(made.ignores(path, false)).toBe(true)
    expect(made.ignores(`${path}/x`, false)).toBe(true)
  })

  test("leave out what is in an ignored folder, however deep", () => {
    const made = rules({ "": "build/\n", "build/a": "!*\n" })
    expect(made.ignores("build/a/b/c", false)).toBe(true)
    expect(made.ignores("build", false)).toBe(false)
    expect(made.ignores("x/build", true)).toBe(true)
  })

  test("of the closest file decide", () => {
    const made = rules({ "": "*.log\n", keep: "!*.log\n", "keep/not": "*.log\n" })
    expect(["a.log", "keep/a.log", "keep/x/a.log", "keep/not/a.log"].map((path) => made.ignores(path, false))).toEqual([
      true,
      false,
      false,
      true,
    ])
  })

  test("can be replaced and taken back", () => {
    const made = rules({ "": "a\n" })
    expect(made.ignores("d/a", false)).toBe(true)
    made.enter("", "b\n")
    expect(made.ignores("d/a", false)).toBe(false)
    expect(made.ignores("d/b", false)).toBe(true)
    made.enter("", null)
    expect(made.ignores("d/b", false)).toBe(false)
  })

  test("tell case apart, and compare composed forms", () => {
    const made = rules({ "": "Build\ncaf\u00e9\nu\u0308.txt\n" })
    expect(made.ignores("build", true)).toBe(false)
    expect(made.ignores("cafe\u0301", false)).toBe(true)
    expect(made.ignores("\u00fc.txt", false)).toBe(true)
  })

  test("hold in folders whose names are not ASCII", () => {
    const made = rules({ "caf\u00e9/\u{1f600}": "/a\nb/c\n" })
    expect(made.ignores("caf\u00e9/\u{1f600}/a", false)).toBe(true)
    expect(made.ignores("caf\u00e9/\u{1f600}/b/c", false)).toBe(true)
    expect(made.ignores("caf\u00e9/\u{1f600}/d/a", false)).toBe(false)
  })

  test("of a new workspace leave out what can be made again, and no secret", () => {
    const made = rules({ "": DEFAULT_IGNORE_TEXT })
    expect(["node_modules", "x/dist", "__pycache__"].map((path) => made.ignores(path, true))).toEqual([
      true,
      true,
      true,
    ])
    expect(["a.pyc", "x/y.log"].map((path) => made.ignores(path, false))).toEqual([true, true])
    for (const path of [
      ".env",
      ".env.local",
      "server.key",
      "a/cert.pem",
      ".npmrc",
      ".vscode/settings.json",
      ".syncignore",
      "id_rsa",
    ]) {
      expect(made.ignores(path, false)).toBe(false)
    }
  })

  test("know only the classes that there are", () => {
    expect(wildmatch("[[:constructor:]]", "a", true)).toBe(false)
    expect(wildmatch("[[:alpha:][:__proto__:]]", "a", true)).toBe(false)
    expect(wildmatch("[[:alpha:]]", "a", true)).toBe(true)
  })

  // Places of a pattern are held 32 in a word: every wildcard must work across the border of two.
  test.each(Array.from({ length: 44 }, (_, i) => 24 + i))("mean the same behind %d characters", (length) => {
    const before = "x".repeat(length)
    const matches = (pattern: string, text: string) => wildmatch(`${before}${pattern}`, `${before}${text}`, true)
    expect(["/b", "/a/b", "/a/a/b"].map((text) => matches("/**/b", text))).toEqual([true, true, true])
    expect(["b", "/ab", "/a/bb", "/a/b/a"].map((text) => matches("/**/b", text))).toEqual([false, false, false, false])
    expect(["/b", "/ab", "/a/b"].map((text) => matches("/**/*b", text))).toEqual([true, true, true])
    expect(["/b/b", "/a/b/a/b", "/b/a"].map((text) => matches("/**/**/b/**/b", text))).toEqual([true, true, false])
    expect(["b", "aab", "a/b", "ba"].map((text) => matches("*b", text))).toEqual([true, true, false, false])
    expect(["ab", "b", "/b"].map((text) => matches("?b", text))).toEqual([true, false, false])
    expect(["ab", "cb"].map((text) => matches("[!c]b", text))).toEqual([true, false])
    expect(matches("**", "a/b")).toBe(false)
    expect(matches("/**", "/a/b")).toBe(true)
  })

  test("cannot take more time than their length times the text's", () => {
    const text = `${"a/".repeat(60)}b`
    expect(wildmatch(`${"**/a/".repeat(30)}c`, text, true)).toBe(false)
    expect(wildmatch(`${"**/".repeat(40)}c`, text, true)).toBe(false)
    expect(wildmatch(`${"*a".repeat(40)}c`, "a".repeat(200), true)).toBe(false)
    expect(wildmatch(`${"**/*a*".repeat(20)}c`, "a/".repeat(100), true)).toBe(false)
    expect(wildmatch("*a".repeat(2000), "a".repeat(4000), true)).toBe(true)
    expect(wildmatch(`**/*[${"bcd".repeat(600)}]x`, "aaaa/".repeat(800), true)).toBe(false)
    expect(rules({ "": `${"*".repeat(100_000)}x\n${"*a".repeat(50_000)}\n` }).ignores("a", false)).toBe(false)
  })
})
