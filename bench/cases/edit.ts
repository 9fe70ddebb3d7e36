/**
 * One line is edited in one file, and synced; another file in every run, the
 * same one for everybody.
 *
 * @module
 */
import { takeTurns, type Variant } from "../measure.ts"
import type { Desk } from "../peers/peer.ts"
import { createLineEditor } from "../trees.ts"
import type { Case } from "./case.ts"
import { atMost, find, RESTIC_OPEN, SESSYN, timeAgainst } from "./checks.ts"
import { settle, settleIfThere } from "./desks.ts"

export const edit: Case = {
  name: "edit",
  title: "one line edited in one file",
  async run(bench) {
    const { peers, turns } = bench
    const tree = bench.realTree()
    const editLine = createLineEditor(tree)
    const editing = (name: string, desk: Desk | null): Variant[] =>
      desk === null
        ? []
        : [
            {
              name,
              prepare: (round) => {
                editLine(desk.root, round)
                return { ...desk, commands: desk.send() }
              },
            },
          ]
    const restic = await settleIfThere(bench, peers.restic, tree)
    const variants = [
      ...editing(SESSYN, await settle(bench, peers.sessyn, tree)),
      ...editing("restic backup", restic),
      ...(restic === null ? [] : [{ name: RESTIC_OPEN, prepare: () => ({ commands: restic.open() }) }]),
      ...editing("gcrypt", await settleIfThere(bench, peers.gcrypt, tree)),
      ...editing("git add, commit, push", await settle(bench, peers.git, tree)),
    ]
    const measured = await takeTurns(variants, turns)
    const checks = [
      timeAgainst(measured, "restic backup", 0.2),
      timeAgainst(measured, "gcrypt", 0.25),
      timeAgainst(measured, "git add, commit, push", 1),
      atMost("requests", "count", find(measured, SESSYN)?.requests, 2),
    ]
    return [{ name: this.name, title: this.title, measured, checks, notes: [] }]
  },
}
