/**
 * Many syncs of one line each, one after the other: the store must not grow by
 * more than was changed and a little, and the last must be as quick as the first.
 *
 * @module
 */
import { statSync } from "node:fs"
import { join } from "node:path"
import { type Run, runOnce, summarizeRuns } from "../measure.ts"
import { less, summarize } from "../statistics.ts"
import { createLineEditor } from "../trees.ts"
import type { Case } from "./case.ts"
import { atMost, KIB, ratioCheck, SESSYN } from "./checks.ts"
import { settle } from "./desks.ts"

/** Single runs jump; eleven around the tenth and the eleven last do not. */
const WINDOW = 11

export const successive: Case = {
  name: "successive",
  title: "successive one-line syncs",
  async run(bench) {
    const syncs = bench.quick ? 30 : 200
    const tree = bench.realTree()
    const desk = await settle(bench, bench.peers.sessyn, tree)
    const editLine = createLineEditor(tree)
    const runs: Run[] = []
    const changed: number[] = []
    const stored = [desk.storedBytes()]
    for (let i = 0; i < syncs; i++) {
      changed.push(statSync(join(desk.root, editLine(desk.root, i))).size)
      runs.push(await runOnce({ ...desk, commands: desk.send() }))
      stored.push(desk.storedBytes())
      if (i % 10 === 9) bench.say(`${i + 1} of ${syncs} syncs: ${runs.at(-1)?.seconds.toFixed(3)} s`)
    }
    const growth = summarize(stored.slice(1).map((bytes, i) => bytes - (stored[i] ?? 0)))
    const around = (from: number) =>
      summarizeRuns(`syncs ${from + 1} to ${from + WINDOW}`, runs.slice(from, from + WINDOW), null)
    const [early, late] = [around(10 - (WINDOW + 1) / 2), around(syncs - WINDOW)]
    return [
      {
        name: this.name,
        title: `${this.title}: ${syncs}`,
        measured: [{ ...summarizeRuns(SESSYN, runs, null), facts: { "store grows by": growth } }, early, late],
        checks: [
          atMost("growth beyond the changed file (median)", "bytes", less(growth, summarize(changed)).median, 64 * KIB),
          ratioCheck(`time of sync ${syncs} / sync 10`, late.seconds, early.seconds, 1.3),
        ],
        notes: ["times are medians of eleven syncs"],
      },
    ]
  },
}
