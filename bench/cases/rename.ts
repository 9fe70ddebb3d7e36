/**
 * A folder is renamed: no content may go over the wire, and none may be read.
 * What was sent is looked up in the host's repository, what was read in the
 * files' access times.
 *
 * @module
 */
import { readdirSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { runCommand } from "../commands.ts"
import { takeTurns } from "../measure.ts"
import type { SessynDesk } from "../peers/sessyn.ts"
import { makeNoiseFiles } from "../trees.ts"
import { count } from "../units.ts"
import type { Bench, Case } from "./case.ts"
import { atMost, find, KIB, SESSYN } from "./checks.ts"
import { settle } from "./desks.ts"

const FILE_BYTES = 8 * KIB
/** Long ago: a read moves it, also where the disk notes only the first one (`relatime`). */
const ACCESSED = new Date("2001-01-01T00:00:00Z")

export const rename: Case = {
  name: "rename",
  title: "a folder renamed",
  async run(bench) {
    const files = bench.quick ? 100 : 1000
    const tree = bench.place("folder")
    makeNoiseFiles(join(tree, "name-0"), files, FILE_BYTES)
    makeNoiseFiles(join(tree, "beside"), 20, FILE_BYTES)
    const desk = await settle(bench, bench.peers.sessyn, tree)
    const noticesReads = doesNoticeReads(bench)
    const measured = await takeTurns(
      [
        {
          name: SESSYN,
          async prepare(round) {
            const folder = join(desk.root, `name-${round + 1}`)
            renameSync(join(desk.root, `name-${round}`), folder)
            forgetReads(folder)
            const before = await headOf(desk)
            return {
              ...desk,
              commands: desk.send(),
              facts: async () => ({
                "packs sent": await newPacks(desk, before),
                ...(noticesReads ? { "files read": countRead(folder) } : {}),
              }),
            }
          },
        },
      ],
      bench.turns,
    )
    const facts = find(measured, SESSYN)?.facts
    return [
      {
        name: this.name,
        title: `${this.title}: ${count(files)} files`,
        measured,
        checks: [
          atMost("packs with file content sent", "count", facts?.["packs sent"], 0),
          atMost("files read", "count", facts?.["files read"], 0),
        ],
        notes: noticesReads ? [] : ["this disk keeps no access times: whether files were read is not known"],
      },
    ]
  },
}

function forgetReads(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    utimesSync(path, ACCESSED, statSync(path).mtime)
  }
}

function countRead(folder: string): number {
  return readdirSync(folder).filter((name) => statSync(join(folder, name)).atimeMs !== ACCESSED.getTime()).length
}

function doesNoticeReads(bench: Bench): boolean {
  const folder = bench.place("probe")
  writeFileSync(join(folder, "probe"), "probe")
  forgetReads(folder)
  const before = countRead(folder)
  readFileSync(join(folder, "probe"))
  return before === 0 && countRead(folder) === 1
}

async function headOf(desk: SessynDesk): Promise<string> {
  const heads = await atHost(desk, "for-each-ref", "--format=%(objectname)", "refs/heads/sessyn/*/main")
  return heads.trim()
}

async function newPacks(desk: SessynDesk, before: string): Promise<number> {
  const head = await headOf(desk)
  const added = await atHost(desk, "diff-tree", "-r", "--name-only", "--diff-filter=A", before, head, "--", "packs")
  return added.split("\n").filter((line) => line !== "").length
}

function atHost(desk: SessynDesk, ...args: readonly string[]): Promise<string> {
  const env = { PATH: process.env["PATH"] ?? "" }
  return runCommand({ program: "git", args: ["--git-dir", desk.repository, ...args], cwd: desk.repository, env })
}
