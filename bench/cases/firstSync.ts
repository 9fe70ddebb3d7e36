/**
 * A real tree goes up for the first time, to an empty store. Also where the
 * size of the store is compared.
 *
 * @module
 */
import { type Measured, takeTurns, type Variant } from "../measure.ts"
import type { ResticDesk } from "../peers/restic.ts"
import type { Desk, Peer } from "../peers/peer.ts"
import { sizeOf } from "../trees.ts"
import type { Bench, Case, Check } from "./case.ts"
import { find, MB, memoryAtMost, RESTIC_OPEN, SESSYN, timeAgainst } from "./checks.ts"
import { sitDown } from "./desks.ts"
import { count, megabytes } from "../units.ts"

export const firstSync: Case = {
  name: "first-sync",
  title: "first sync of a real tree",
  async run(bench) {
    const tree = bench.realTree()
    const { files, bytes } = sizeOf(tree)
    if (!bench.quick && (files < 6000 || bytes < 40 * MB)) throw new Error("the real tree is too small for this case")
    const measured = await sendFresh(bench, tree, [
      [SESSYN, bench.peers.sessyn],
      ["restic backup", bench.peers.restic],
      ["gcrypt", bench.peers.gcrypt],
      ["git add, commit, push", bench.peers.git],
    ])
    return [
      {
        name: this.name,
        title: `${this.title}: ${count(files)} files, ${megabytes(bytes)}`,
        measured,
        checks: [
          timeAgainst(measured, "restic backup", 0.7),
          timeAgainst(measured, "gcrypt", 0.3),
          timeAgainst(measured, "git add, commit, push", 0.35),
          memoryAtMost(measured, 200 * MB),
          storedAgainst(measured, "restic backup", 0.9),
        ],
        notes: ["restic writes into a local folder; the others go through git http-backend on loopback"],
      },
    ]
  },
}

/** Sends a copy of the tree to a new store in every run. Peers that are missing are left out. */
export function sendFresh(
  bench: Bench,
  tree: string,
  peers: readonly (readonly [string, Peer | null])[],
): Promise<readonly Measured[]> {
  const variants = peers.flatMap(([name, peer]): Variant[] => {
    if (peer === null) return []
    let desk: Desk | undefined
    const sending: Variant = {
      name,
      async prepare() {
        desk = await sitDown(bench, peer, tree)
        return { ...desk, commands: desk.send() }
      },
    }
    if (peer.name !== "restic") return [sending]
    return [sending, { name: RESTIC_OPEN, prepare: () => ({ commands: (desk as ResticDesk).open() }) }]
  })
  return takeTurns(variants, bench.turns)
}

/** Bytes in our store as a part of another's. */
function storedAgainst(measured: readonly Measured[], other: string, target: number): Check {
  const [ours, theirs] = [find(measured, SESSYN)?.storedBytes, find(measured, other)?.storedBytes]
  const value = ours && theirs ? ours / theirs : null
  return { what: `stored / ${other}`, unit: "ratio", target, value, met: value === null ? null : value <= target }
}
