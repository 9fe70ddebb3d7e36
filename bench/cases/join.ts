/**
 * A second machine gets everything for the first time. For Sessyn it has been
 * approved before the clock runs.
 *
 * @module
 */
import { takeTurns, type Variant } from "../measure.ts"
import type { Desk } from "../peers/peer.ts"
import { sizeOf } from "../trees.ts"
import type { Bench, Case } from "./case.ts"
import { RESTIC_OPEN, SESSYN, timeAgainst } from "./checks.ts"
import { settle, settleIfThere } from "./desks.ts"

export const join: Case = {
  name: "join",
  title: "second machine, first sync",
  async run(bench) {
    const { peers, turns } = bench
    const tree = bench.realTree()
    const restic = await settleIfThere(bench, peers.restic, tree)
    const variants = [
      joining(bench, SESSYN, await settle(bench, peers.sessyn, tree), tree),
      ...(restic === null
        ? []
        : [
            joining(bench, "restic restore", restic, tree),
            { name: RESTIC_OPEN, prepare: () => ({ commands: restic.open() }) },
          ]),
      joining(bench, "git clone", await settle(bench, peers.git, tree), tree),
    ]
    const measured = await takeTurns(variants, turns)
    return [
      {
        name: this.name,
        title: this.title,
        measured,
        checks: [timeAgainst(measured, "restic restore", 0.6), timeAgainst(measured, "git clone", 1)],
        notes: ["Sessyn's files are durable on disk at the end, the others leave that to the system"],
      },
    ]
  },
}

function joining(bench: Bench, name: string, desk: Desk, tree: string): Variant {
  const wanted = sizeOf(tree).files
  return {
    name,
    async prepare() {
      const place = bench.place(name)
      return {
        commands: await desk.join(place),
        ...(desk.traffic === undefined ? {} : { traffic: desk.traffic }),
        // A join that brings half of the files would be quick.
        facts: () => {
          const { files } = sizeOf(`${place}/files`)
          if (files < wanted) throw new Error(`${name} brought ${files} of ${wanted} files`)
          return {}
        },
      }
    },
  }
}
