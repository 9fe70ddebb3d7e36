/**
 * Nothing has changed since the last sync: what everybody does most of the time.
 *
 * @module
 */
import { takeTurns, type Variant } from "../measure.ts"
import type { Case } from "./case.ts"
import { atMost, find, RESTIC_OPEN, SESSYN, timeAgainst } from "./checks.ts"
import { settle, settleIfThere } from "./desks.ts"

export const unchanged: Case = {
  name: "unchanged",
  title: "nothing changed",
  async run(bench) {
    const { peers, turns } = bench
    const tree = bench.realTree()
    const ours = await settle(bench, peers.sessyn, tree)
    const restic = await settleIfThere(bench, peers.restic, tree)
    const git = await settle(bench, peers.git, tree)
    const variants: Variant[] = [{ name: SESSYN, prepare: () => ({ ...ours, commands: ours.send() }) }]
    if (restic !== null) {
      variants.push({ name: "restic backup", prepare: () => ({ ...restic, commands: restic.send() }) })
      variants.push({ name: RESTIC_OPEN, prepare: () => ({ commands: restic.open() }) })
    }
    variants.push({ name: "git status", prepare: () => ({ commands: git.status() }) })
    const measured = await takeTurns(variants, turns)
    const checks = [
      timeAgainst(measured, "restic backup", 0.15),
      timeAgainst(measured, "git status", 2.5),
      atMost("requests", "count", find(measured, SESSYN)?.requests, 1),
    ]
    return [{ name: this.name, title: this.title, measured, checks, notes: [] }]
  },
}
