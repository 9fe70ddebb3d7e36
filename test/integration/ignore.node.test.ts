import { execFileSync, spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { createIgnoreRules } from "../../src/tree/scan/ignoreRules.ts"

/** Folders end with a slash. Names that wildcards, escapes and classes bite on. */
const TREE = [
  "a", "b", "ab", "abc", "a.b", "foo", "foo.txt", "foo bar", "foo ", "#x", "!x", "a*b", "a?b", "a[b", "a]b", "a\\b", "[a]", "-", "]",
  "é", "ée", "Foo", "FOO.TXT", "x-y", "1", "~", "a\tb", "{a}",
  "dir/", "dir/a", "dir/b", "dir/foo", "dir/foo.txt", "dir/sub/", "dir/sub/a", "dir/sub/foo", "dir/sub/deep/", "dir/sub/deep/foo",
  "dir/sub/deep/a.b", "dir/Foo", "dir/foo bar", "dir/#x",
  "build/", "build/a", "build/foo/", "build/foo/a", "build/foo/foo.txt", "foo.d/", "foo.d/foo", "foo.d/x/", "foo.d/x/a",
  "sub/", "sub/build/", "sub/build/a", "sub/foo", "sub/dir/", "sub/dir/a", "sub/dir/foo", "sub/dir/sub/", "sub/dir/sub/a",
  "empty/", "fooempty/", "foo.d/empty/",
] // biome-ignore format: a table
const FOLDERS = ["", "dir", "dir/sub", "build", "sub", "foo.d"]
const PATHS = TREE.map((path) => path.replace(/\/$/, ""))

let root: string

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "ignore-"))
  execFileSync("git", ["init", "-q", root])
  execFileSync("git", ["-C", root, "config", "core.ignoreCase", "false"])
  for (const path of TREE) {
    if (path.endsWith("/")) mkdirSync(join(root, path), { recursive: true })
    else {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), "")
    }
  }
})

afterAll(() => rmSync(root, { recursive: true, force: true }))

/** Ignore files by folder. */
type Files = ReadonlyMap<string, string>

function askGit(files: Files): Set<string> {
  for (const folder of FOLDERS) writeFileSync(join(root, folder, ".gitignore"), files.get(folder) ?? "")
  const { status, stdout } = spawnSync("git", ["-C", root, "check-ignore", "--no-index", "-v", "-n", "--stdin", "-z"], {
    input: PATHS.join("\0"),
    env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null", XDG_CONFIG_HOME: root },
  })
  // 1: nothing matches.
  expect(status).toBeLessThan(2)
  const fields = stdout.toString("utf8").split("\0")
  expect(fields.length).toBe(4 * PATHS.length + 1)
  const ignored = new Set<string>()
  for (let i = 0; i + 3 < fields.length; i += 4) {
    const [pattern, path] = [fields[i + 2] as string, fields[i + 3] as string]
    if (pattern !== "" && !pattern.startsWith("!")) ignored.add(path)
  }
  return ignored
}

function askSessyn(files: Files): Set<string> {
  const rules = createIgnoreRules()
  for (const [folder, text] of files) rules.enter(folder, text)
  return new Set(PATHS.filter((path) => rules.ignores(path, TREE.includes(`${path}/`))))
}

/** Only what the two disagree about. */
function differences(files: Files): string[] {
  const git = askGit(files)
  const ours = askSessyn(files)
  return PATHS.filter((path) => git.has(path) !== ours.has(path)).map(
    (path) => `${path}: ${git.has(path) ? "Git ignores it" : "Git does not ignore it"}`,
  )
}

/** Each pattern is asked about every path of the tree. */
const PATTERNS = [
  "a", "A", "foo", "Foo", "foo.*", "*.txt", "*.TXT", "*", "**", "***", "?", "??", "a?b", "a*b", "a\\*b", "a\\?b", "a\\[b", "a[[]b", "a[]]b",
  "a\\\\b", "a\\b", "[a]", "\\[a]", "\\[a\\]", "[!a]", "[^a]", "[a-c]", "[c-a]", "[]-]", "[-]", "[a", "a[", "[]", "[!]", "[[:alpha:]]", "[[:digit:]]",
  "[[:nope:]]", "[[:alpha:]", "[[:upper:]]oo", "[a[:digit:]]", "[\\]]", "[a\\-z]", "é", "?e", "??e", "[é]", "*é*",
  "#x", "\\#x", "!x", "\\!x", " foo", "foo ", "foo\\ ", "foo \\ ", "foo\\", "foo\\\\", "foo bar", "foo\\ bar", "foo\tbar", "a\tb", "foo\t",
  "/foo", "/a", "/dir", "foo/", "/foo/", "dir/", "/dir/", "sub/", "empty/", "*/", "**/", "/*/", "/**/", "/", "//", "foo//", "//foo", "/foo//",
  "dir/foo", "/dir/foo", "dir/*", "dir/**", "dir/**/", "dir/*/", "dir/*/foo", "dir/**/foo", "**/foo", "**/foo/", "**/dir/foo", "/**/foo", "**/**/foo",
  "foo**", "dir/f**", "dir/sub**", "dir**", "dir**/foo", "**foo", "d**r/foo", "dir/**foo", "dir/sub/**/foo", "**/sub/**", "a/**/b", "**/a.b", "**.txt",
  "dir\\/foo", "dir/\\foo", "dir/**\\/foo", "./foo", "../foo", "dir/../foo", "dir/./foo", "{a}", "{a,b}", "~", "-", "]", "[]]",
  "*/foo", "*/*", "*/*/foo", "/*", "/*/*", "sub/*/a", "sub/**/a", "f*o", "f?o", "f[o]o", "f[!x]o", "*o*", "*.*", "*.d", "*.d/", "build/foo", "[f]oo.txt",
  "x[+--]y", "x[--/]y", "dir[/]foo", "dir?foo", "dir*foo", "\\a", "\\", "\\\\", "!", "!!x", "\\!\\x", "foo.txt/", "1", "[0-9]", "[!0-9]",
] // biome-ignore format: a table

/** Files whose lines play together: negation, order, comments, line ends, nesting. */
const FILES: readonly (readonly [string, Record<string, string>])[] = [
  ["negation after", { "": "*\n!foo\n!dir/\n" }],
  ["negation before", { "": "!foo\nfoo\n" }],
  ["a parent that stays out", { "": "dir/\n!dir/foo\n" }],
  ["a parent let in again", { "": "dir/*\n!dir/sub/\ndir/sub/*\n!dir/sub/foo\n" }],
  ["all but one", { "": "/*\n!/dir\n/dir/*\n!/dir/foo.txt\n" }],
  ["CRLF", { "": "foo\r\n!dir/foo\r\n# x\r\n\r\nbuild/\r\n" }],
  ["CR within", { "": "fo\ro\nfoo.txt\r\r\n" }],
  ["byte order mark", { "": "\ufefffoo\n" }],
  ["byte order mark on the second line", { "": "a\n\ufefffoo\n" }],
  ["no last newline", { "": "a\nfoo" }],
  ["comments and blanks", { "": "# foo\n   \n\n\\#x\n #x\n" }],
  ["nested", { "": "foo\n", dir: "!foo\n", "dir/sub": "foo\n" }],
  ["nested, anchored", { dir: "/foo\nsub/a\n", sub: "/dir/sub\n" }],
  ["nested in what is out", { "": "dir/\n", dir: "!foo\n!*\n" }],
  ["nested for folders", { "": "*\n!*/\n", "foo.d": "!foo\n", sub: "!dir/*\n" }],
  ["nested over negation", { "": "*.txt\n!foo.txt\n", dir: "foo*\n", build: "!foo/\nfoo\n" }],
  ["NUL", { "": "foo\0bar\n!a\n" }],
] // biome-ignore format: a table

describe("ignore rules agree with git check-ignore", () => {
  test.each(PATTERNS.map((pattern) => [pattern] as const))(
    "on the pattern %j, alone, negated and in a folder",
    (pattern) => {
      expect(differences(new Map([["", `${pattern}\n`]]))).toEqual([])
      expect(differences(new Map([["", `*\n!*/\n!${pattern}\n`]]))).toEqual([])
      expect(
        differences(
          new Map([
            ["dir", `${pattern}\n`],
            ["sub", `${pattern}\n`],
          ]),
        ),
      ).toEqual([])
    },
  )

  test.each(FILES)("on %s", (_, files) => {
    expect(differences(new Map(Object.entries(files)))).toEqual([])
  })

  test("on generated files", () => {
    const piece = fc.constantFrom(
      "a", "b", "foo", "dir", "sub", "deep", "*", "**", "?", "/", "/", "**/", "/**", "[ab]", "[!a]", "[a-f]", ".", ".txt", "\\", " ", "o", "x",
    ) // biome-ignore format: a table
    const line = fc
      .tuple(
        fc.constantFrom("", "", "!", "/", "#", "\\"),
        fc.array(piece, { minLength: 1, maxLength: 5 }),
        fc.constantFrom("", "", "/", " "),
      )
      .map(([start, pieces, end]) => start + pieces.join("") + end)
    const text = fc.array(line, { maxLength: 6 }).map((lines) => lines.join("\n"))
    const files = fc.dictionary(fc.constantFrom(...FOLDERS), text).map((texts) => new Map(Object.entries(texts)))
    fc.assert(
      fc.property(files, (generated) => {
        expect(differences(generated)).toEqual([])
      }),
      { numRuns: 400 },
    )
  })
})
