import { execFileSync } from "node:child_process"
import { chmodSync, lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { at, plant, treeOf } from "../../support/files.node.ts"
import { createPair, type TestMachine } from "../../support/machine.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"

const folders = createTemporaryFolders()
let a: TestMachine
let b: TestMachine

let folder: string

beforeAll(async () => {
  folder = folders.make()
  ;({ a, b } = await createPair(folder))
})

afterAll(() => {
  // Node cannot remove paths as long as these.
  execFileSync("rm", ["-rf", folder])
  folders.remove()
})

/** Names that some system has trouble with, and this one has not. */
const NAMES = [
  ...["README.md", "readme.md", "ReadMe.md", "caf\u00e9.txt", "cafe\u0301.txt", "stra\u00dfe", "STRASSE", "\u212a", "k"],
  ...["con", "CON.txt", "aux.h", "nul", "com1", "LPT9.doc", "what?.txt", "a<b>c", "pipe|", "star*", "co:lon", "trailing.", "space "],
  ...[" leading", "\u00a0nbsp", "tab\there", "new\nline", 'quo"te', "apo'strophe", "$(rm -rf ~)", "`id`", "-rf", "--help", "%2e%2e", "a%00b"],
  ...["\u001b[31mred", "\u202egnp.exe", "zero\u200bwidth", "\ufefffile", "\u{1f4a9}", "\u{1f469}\u200d\u{1f4bb}.md", "日本語.txt", "\u0001"],
  ...["...", "..a", ".a.", ".gitignore", ".github", ".gitx", "git", "sessyn", ".sessynx", "git~10", "back\\slash"],
  ...["x".repeat(255), "\u00e9".repeat(127), "\u{1f4a9}".repeat(63)],
] // biome-ignore format: a table

/** 200 folders, one in the other, whose path is not much shorter than 4,096 bytes. */
const DEEP = Array.from({ length: 204 }, (_, i) => `deep-${String(i).padStart(13, "0")}-`).join("/")

describe("a name that some system cannot hold", () => {
  test("is synced between systems that can, as a file and as a folder", async () => {
    for (const name of NAMES) {
      plant(a.root, { [`files/${name}`]: `file ${name}`, [`folders/${name}/inside`]: `folder ${name}` })
    }
    const sent = await a.sync()
    expect(sent.skipped).toEqual([])
    const received = await b.sync()
    expect([received.skipped, received.conflicts]).toEqual([[], []])
    expect(treeOf(b.root)).toEqual(treeOf(a.root))
    expect(readdirSync(join(b.root, "files"))).toHaveLength(NAMES.length)
  })

  test("can be edited, renamed and deleted there", async () => {
    for (const name of NAMES) plant(b.root, { [`files/${name}`]: `edited ${name}` })
    await b.sync()
    await a.sync()
    expect(treeOf(a.root)).toEqual(treeOf(b.root))
    for (const name of NAMES) plant(a.root, { [`folders/${name}`]: null })
    await a.sync({ allowMassDelete: true })
    await b.sync({ allowMassDelete: true })
    expect(treeOf(b.root)).toEqual(treeOf(a.root))
    expect(treeOf(b.root)["folders"]).toBe("folder/")
  })

  test("is no option to any program that is started with it", async () => {
    expect(await a.session((session) => session.log("files/--help"))).toHaveLength(2)
    const restored = await b.session((session) => session.restore("folders/$(rm -rf ~)/inside"))
    expect(at(b.root, restored.to)).toBe("folder $(rm -rf ~)")
    await b.sync()
    await a.sync()
  })
})

describe("a path that is very long", () => {
  test("is synced up to 4,096 bytes, and held back by its name beyond", async () => {
    expect(Buffer.byteLength(DEEP)).toBe(4079)
    inDeepFolder(a.root, "mkdir end && printf x > file && printf long > 0123456789abcdef0123")
    const sent = await a.sync()
    expect(sent.skipped).toEqual([{ path: `${DEEP}/0123456789abcdef0123`, reason: "name-too-long" }])
    expect(sent.sent).toHaveLength(204 + 2)
    await b.sync()
    expect(inDeepFolder(b.root, "ls; cat file").trim().split("\n")).toEqual(["end", "file", "x"])
    // Deleted from here, the file that B could not have stays on A; so do the folders it needs.
    inDeepFolder(b.root, "rm file")
    await b.sync()
    await a.sync()
    expect(inDeepFolder(a.root, "ls").trim().split("\n")).toEqual(["0123456789abcdef0123", "end"])
  })

  test("is deleted as a whole, too", async () => {
    for (const { root } of [a, b]) execFileSync("rm", ["-rf", join(root, "deep-0000000000000-")])
    for (const machine of [a, b, a]) await machine.sync({ allowMassDelete: true })
    expect([at(a.root, "deep-0000000000000-"), at(b.root, "deep-0000000000000-")]).toEqual([null, null])
  })
})

/** Runs a line of shell in the deepest folder, which is made if need be; no single path may be that long. */
function inDeepFolder(root: string, line: string): string {
  const steps = DEEP.split("/").map((name) => `mkdir -p ${name} && cd -P ${name}`)
  const script = steps.reduce((all, step) => `${all} && ${step}`, "true")
  return execFileSync("bash", ["-c", `${script} && { ${line}; }`], { cwd: root, encoding: "utf8" })
}

describe("what is no ordinary file", () => {
  test("empty files and folders are synced as such", async () => {
    plant(a.root, { empty: "", "folder/empty": "folder/", "folder/nested/empty": "folder/" })
    await a.sync()
    await b.sync()
    expect([at(b.root, "empty"), at(b.root, "folder/empty"), at(b.root, "folder/nested/empty")]).toEqual([
      "",
      "folder/",
      "folder/",
    ])
  })

  test("links are synced as links and never followed: dangling, in circles, to folders, to themselves", async () => {
    plant(a.root, {
      "links/real/file": "real",
      "links/file": { link: "real/file" },
      "links/folder": { link: "real" },
      "links/dangling": { link: "nowhere/at all" },
      "links/self": { link: "self" },
      "links/ping": { link: "pong" },
      "links/pong": { link: "ping" },
      "links/up": { link: "../links" },
      "links/odd": { link: "new\nline" },
    })
    expect((await a.sync()).skipped).toEqual([])
    expect((await b.sync()).skipped).toEqual([])
    expect(treeOf(join(b.root, "links"))).toEqual(treeOf(join(a.root, "links")))
    plant(b.root, { "links/dangling": { link: "elsewhere" }, "links/self": null, "links/folder": "a file now" })
    await b.sync()
    await a.sync()
    expect(treeOf(join(a.root, "links"))).toEqual(treeOf(join(b.root, "links")))
  })

  test.each(["/etc/passwd", "../../outside", "folder/../../../x", "..", "/"])(
    "a link to %s leads out: it is kept by the vault, and not made elsewhere",
    async (target) => {
      plant(a.root, { "leads-out": { link: target }, "beside it": "synced" })
      await a.sync()
      const received = await b.sync()
      expect(received.skipped).toEqual([{ path: "leads-out", reason: "outward-link" }])
      expect([at(b.root, "leads-out"), at(b.root, "beside it")]).toEqual([null, "synced"])
      // That it is not here is no deletion.
      plant(b.root, { "beside it": "edited" })
      expect((await b.sync()).sent.map(({ path }) => path)).toEqual(["beside it"])
      await a.sync()
      expect(at(a.root, "leads-out")).toBe(`→ ${target}`)
      plant(a.root, { "leads-out": null })
      await a.sync()
      expect((await b.sync()).skipped).toEqual([])
    },
  )

  test("sockets and pipes are left alone by name, and what the vault has at their place is not deleted", async () => {
    plant(a.root, { "odd/pipe": "a file there", "odd/socket": "a file there", "odd/plain": "x" })
    await a.sync()
    await b.sync()
    rmSync(join(b.root, "odd/pipe"))
    rmSync(join(b.root, "odd/socket"))
    execFileSync("mkfifo", [join(b.root, "odd/pipe")])
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(join(b.root, "odd/socket"), resolve))
    plant(b.root, { "odd/plain": "edited" })
    const report = await b.sync()
    expect(report.skipped).toEqual(["odd/pipe", "odd/socket"].map((path) => ({ path, reason: "not-a-file" })))
    expect(report.sent.map(({ path }) => path)).toEqual(["odd/plain"])
    plant(a.root, { "odd/pipe": "edited there" })
    await a.sync()
    expect((await b.sync()).skipped).toHaveLength(2)
    expect(lstatSync(join(b.root, "odd/pipe")).isFIFO()).toBe(true)
    await new Promise((resolve) => server.close(resolve))
    rmSync(join(b.root, "odd"), { recursive: true })
    await b.sync({ onConflict: "keep-remote" })
    expect(at(b.root, "odd/pipe")).toBe("edited there")
  })

  test("names that are no text are left alone, shown, and deleted nowhere", async () => {
    mkdirSync(join(a.root, "bytes"))
    const name = Buffer.concat([Buffer.from(join(a.root, "bytes/")), Buffer.from([0x66, 0xff, 0xfe])])
    writeFileSync(name, "no text")
    mkdirSync(Buffer.concat([name, Buffer.from("d")]))
    plant(a.root, { "bytes/plain": "x" })
    const report = await a.sync()
    expect(report.skipped).toEqual(
      ["bytes/f\ufffd\ufffd", "bytes/f\ufffd\ufffdd"].map((path) => ({ path, reason: "name-not-unicode" })),
    )
    await b.sync()
    plant(b.root, { bytes: null })
    await b.sync()
    expect((await a.sync()).kind).toBe("synced")
    expect(readdirSync(join(a.root, "bytes"), { encoding: "buffer" })).toHaveLength(2)
  })

  test("names of Git's folder and of ours, in any spelling, are not synced", async () => {
    const names = [".git", ".GIT", ".Git ", "git~1", "GIT~1", ".g\u200cit", ".git.", ".SESSYN", "sessyn~1"]
    for (const name of names) plant(a.root, { [`sub/${name}/config`]: "x", [`module/${name}`]: "gitdir: elsewhere" })
    plant(a.root, { "sub/plain": "x" })
    const { sent } = await a.sync()
    expect(sent.map(({ path }) => path)).toEqual(["module", "sub", "sub/plain"])
    await b.sync()
    expect(treeOf(join(b.root, "sub"))).toEqual({ plain: "x" })
  })

  test("permissions travel, and secrets are closed to others on arrival", async () => {
    plant(a.root, { "run.sh": "#!/bin/sh", "private/key.txt": "x", ".env": "SECRET" })
    chmodSync(join(a.root, "run.sh"), 0o750)
    chmodSync(join(a.root, "private"), 0o700)
    chmodSync(join(a.root, ".env"), 0o644)
    await a.sync()
    await b.sync()
    const mode = (path: string) => (lstatSync(join(b.root, path)).mode & 0o777).toString(8)
    expect(["run.sh", "private", ".env"].map(mode)).toEqual(["750", "700", "600"])
    expect((await b.sync()).kind).toBe("in-sync")
    chmodSync(join(b.root, "run.sh"), 0o755)
    expect((await b.sync()).sent).toMatchObject([{ path: "run.sh", change: "mode" }])
    await a.sync()
    expect((lstatSync(join(a.root, "run.sh")).mode & 0o777).toString(8)).toBe("755")
    expect((lstatSync(join(a.root, ".env")).mode & 0o777).toString(8)).toBe("644")
  })

  test("line ends and bytes are never converted", async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
    plant(a.root, { "bytes.bin": bytes, "crlf.txt": "a\r\nb\r\n", "bom.txt": "\ufeffx", "no-end": "x" })
    await a.sync()
    await b.sync()
    for (const path of ["bytes.bin", "crlf.txt", "bom.txt", "no-end"]) {
      execFileSync("cmp", [join(a.root, path), join(b.root, path)])
    }
  })
})
