/**
 * Very many small files: sent whole, with nothing changed, and with one line
 * edited, which must cost no more than in a tenth of them once scanning and
 * loading the index, which a sync without a change does too, are taken out.
 *
 * @module
 */
import { takeTurns, type Variant } from "../measure.ts"
import type { Desk } from "../peers/peer.ts"
import { less } from "../statistics.ts"
import { createLineEditor, makeSmallFiles } from "../trees.ts"
import { count } from "../units.ts"
import type { Bench, Case, Result } from "./case.ts"
import { find, MB, memoryAtMost, ratioCheck, SESSYN, timeAgainst } from "./checks.ts"
import { settle } from "./desks.ts"
import { sendFresh } from "./firstSync.ts"

export const manyFiles: Case = {
  name: "many-files",
  title: "many small files",
  async run(bench) {
    const files = bench.quick ? 10_000 : 100_000
    const [all, tenth] = [bench.place("all"), bench.place("tenth")]
    makeSmallFiles(all, files)
    makeSmallFiles(tenth, files / 10)
    const title = `${count(files)} small files`
    const first = await sendFresh(bench, all, [
      [SESSYN, bench.peers.sessyn],
      ["restic backup", bench.peers.restic],
    ])
    const ours = await settle(bench, bench.peers.sessyn, all)
    return [
      {
        name: "many-files-first",
        title: `${title}, first sync`,
        measured: first,
        checks: [memoryAtMost(first, 400 * MB), timeAgainst(first, "restic backup", 0.6)],
        notes: [],
      },
      await nothingChanged(bench, title, all, ours),
      await oneEdit(bench, title, { tree: all, desk: ours }, tenth),
    ]
  },
}

async function nothingChanged(bench: Bench, title: string, tree: string, ours: Desk): Promise<Result> {
  const git = await settle(bench, bench.peers.git, tree)
  const measured = await takeTurns(
    [
      { name: SESSYN, prepare: () => ({ ...ours, commands: ours.send() }) },
      { name: "git status", prepare: () => ({ commands: git.status() }) },
    ],
    bench.turns,
  )
  return {
    name: "many-files-unchanged",
    title: `${title}, nothing changed`,
    measured,
    checks: [timeAgainst(measured, "git status", 2.5)],
    notes: [],
  }
}

interface Settled {
  readonly tree: string
  readonly desk: Desk
}

async function oneEdit(bench: Bench, title: string, all: Settled, tenth: string): Promise<Result> {
  const few: Settled = { tree: tenth, desk: await settle(bench, bench.peers.sessyn, tenth) }
  const names = { all: SESSYN, allSame: "no change", few: "edit, a tenth", fewSame: "no change, a tenth" }
  const measured = await takeTurns(
    [editing(names.all, all), same(names.allSame, all), editing(names.few, few), same(names.fewSame, few)],
    bench.turns,
  )
  const rest = (whole: string, part: string) => {
    const [one, other] = [find(measured, whole)?.seconds, find(measured, part)?.seconds]
    if (one === undefined || other === undefined) throw new Error("a variant is missing")
    return less(one, other)
  }
  return {
    name: "many-files-edit",
    title: `${title}, one edit`,
    measured,
    checks: [
      ratioCheck(
        "edit less no change / the same with a tenth of the files",
        rest(names.all, names.allSame),
        rest(names.few, names.fewSame),
        1.5,
      ),
    ],
    notes: [],
  }
}

function editing(name: string, { tree, desk }: Settled): Variant {
  const editLine = createLineEditor(tree)
  return {
    name,
    prepare: (round) => {
      editLine(desk.root, round)
      return { ...desk, commands: desk.send() }
    },
  }
}

function same(name: string, { desk }: Settled): Variant {
  return { name, prepare: () => ({ ...desk, commands: desk.send() }) }
}
