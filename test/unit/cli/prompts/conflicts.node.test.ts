import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { resolveConflicts } from "../../../../cli/prompts/conflicts.ts"
import { createStyle } from "../../../../cli/output/style.ts"
import { fromUtf8, utf8 } from "../../../../crypto/bytes.ts"
import type { ConflictQuestion } from "../../../../src/ports/prompts.ts"
import type { ConflictKind } from "../../../../src/tree/plan/plan.ts"
import type { IndexEntry } from "../../../../storage/format/index/entry.ts"
import { scripted } from "./scripted.ts"

interface Sides {
  readonly local?: string | null
  readonly remote?: string | null
  readonly base?: string | null
  readonly merged?: string | null
}

function question(path: string, sides: Sides = {}, kind: ConflictKind = "edit-edit"): ConflictQuestion {
  const { local = "here\n", remote = "there\n", base = null, merged = null } = sides
  const node = (text: string | null) =>
    text === null ? null : { type: "file" as const, mode: 0o644, size: text.length, hash: new Uint8Array(32) }
  const bytes = (text: string | null) => async () => (text === null ? null : utf8(text))
  return {
    conflict: {
      path,
      kind,
      base: node(base),
      local: node(local),
      remote: node(remote) as IndexEntry | null,
      writer: "x",
    },
    machine: "laptop",
    contents: { local: bytes(local), remote: bytes(remote), base: bytes(base), merged: bytes(merged) },
  }
}

const screen = (answers: string[], env = {}) => {
  const asker = scripted(answers)
  return { asker, env, columns: 80, style: createStyle(process.stderr) }
}

const choices = async (questions: ConflictQuestion[], answers: string[], env = {}) => {
  const given = screen(answers, env)
  const decided = await resolveConflicts(questions, given)
  expect(given.asker.left()).toBe(0)
  return { decided, told: given.asker.told.join("\n") }
}

describe("conflicts one by one", () => {
  it("asks about each", async () => {
    const questions = ["a", "b", "c", "d"].map((path) => question(path))
    const { decided } = await choices(questions, ["Keep local  ", "Keep remote  ", "Keep both  ", "Skip  "])
    expect([...decided].map(([path, { choice }]) => `${path} ${choice}`)).toEqual([
      "a keep-local",
      "b keep-remote",
      "c keep-both",
      "d skip",
    ])
  })

  it.each([
    ["Keep local, and for the other 2", "keep-local"],
    ["Keep remote, and for the other 2", "keep-remote"],
    ["Keep both, and for the other 2", "keep-both"],
    ["Skip, and for the other 2", "skip"],
  ])("decides all that are left at once: %s", async (answer, choice) => {
    const { decided } = await choices(
      ["a", "b", "c", "d"].map((path) => question(path)),
      ["Skip  ", answer],
    )
    expect([...decided.values()].map((one) => one.choice)).toEqual(["skip", choice, choice, choice])
  })

  it("names the file, the machine and what each side did, hostile names as text", async () => {
    const { told } = await choices([question("a\nb", { local: null }, "delete-edit")], ["Keep remote"])
    expect(told).toContain('Conflict 1 of 1: "a\\nb", deleted here, changed there')
    expect(told).toContain("by laptop")
    expect(told).not.toContain("Keep both")
    expect(told).not.toContain("Diff and decide")
  })
})

describe("diff and decide", () => {
  const both = {
    base: "1\n2\n3\n4\n5\n",
    local: "ONE\n2\n3\n4\n5\n",
    remote: "1\n2\n3\n4\nFIVE\n",
    merged: "ONE\n2\n3\n4\nFIVE\n",
  }

  it("shows the difference and takes the clean merge", async () => {
    const { decided, told } = await choices(
      [question("f", both)],
      ["Diff", "Show the clean merge", "Take the clean merge"],
    )
    const resolution = decided.get("f")
    expect(resolution?.choice === "merged" && fromUtf8(resolution.content)).toBe(both.merged)
    expect(told).toContain("-ONE")
    expect(told).toContain("+FIVE")
  })

  it("goes back without a decision", async () => {
    const { decided } = await choices([question("f")], ["Diff", "Back", "Skip"])
    expect(decided.get("f")).toEqual({ choice: "skip" })
  })

  it("does not print what is no text, nor offers to edit it", async () => {
    const { told } = await choices([question("f", { remote: "\u0000\u0001" })], ["Diff", "Keep remote"])
    expect(told).toContain("Not text")
    expect(told).not.toContain("Edit the merged")
  })
})

describe("the editor", () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "sessyn-editor-"))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  /** A script that notes what it was given, then runs `body` on it. */
  async function editor(body: string): Promise<{ VISUAL: string }> {
    const script = join(folder, "editor")
    await writeFile(
      script,
      `#!/bin/sh\n{ echo "$2"; stat -c %a "$2" "$(dirname "$2")"; cat "$2"; } > ${folder}/seen\n${body}\n`,
    )
    await chmod(script, 0o700)
    return { VISUAL: `${script} --wait` }
  }

  it("gets both versions in a private file that is gone afterwards", async () => {
    const env = await editor('printf "decided\\n" > "$2"')
    const { decided } = await choices([question("dir/notes.md")], ["Diff", "Edit"], env)
    const resolution = decided.get("dir/notes.md")
    expect(resolution?.choice === "merged" && fromUtf8(resolution.content)).toBe("decided\n")
    const [file, fileMode, folderMode, ...text] = (await readFile(join(folder, "seen"), "utf8")).split("\n")
    expect(file).toMatch(/\.md$/)
    expect([fileMode, folderMode]).toEqual(["600", "700"])
    expect(text.join("\n")).toBe("<<<<<<< local\nhere\n=======\nthere\n>>>>>>> remote, by laptop\n\n".slice(0, -1))
    await expect(readdir(join(file as string, ".."))).rejects.toMatchObject({ code: "ENOENT" })
  })

  it.each([
    ["left a marker in it", "true", "conflict markers"],
    ["failed", "exit 3", "could not be started"],
  ])("decides nothing if it %s", async (_, body, told) => {
    const done = await choices([question("f")], ["Diff", "Edit", "Skip"], await editor(body))
    expect(done.decided.get("f")).toEqual({ choice: "skip" })
    expect(done.told).toContain(told)
    const file = (await readFile(join(folder, "seen"), "utf8")).split("\n")[0] as string
    await expect(readFile(file)).rejects.toMatchObject({ code: "ENOENT" })
  })
})
