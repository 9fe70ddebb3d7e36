/**
 * Desks that a case sets up before it measures: a copy of the tree each, sent
 * once, so that what follows is everyday work.
 *
 * @module
 */
import { runOnce } from "../measure.ts"
import type { Desk, Peer } from "../peers/peer.ts"
import { copyTree } from "../trees.ts"
import type { Bench } from "./case.ts"

/** A desk whose tree has not been sent yet. */
export async function sitDown<D extends Desk>(bench: Bench, peer: Peer<D>, tree: string): Promise<D> {
  return peer.setUp(copyTree(tree, bench.place(peer.name)), bench.place(`${peer.name}-store`))
}

/** A desk whose tree is in the store. */
export async function settle<D extends Desk>(bench: Bench, peer: Peer<D>, tree: string): Promise<D> {
  const desk = await sitDown(bench, peer, tree)
  const { seconds } = await runOnce({ commands: desk.send() })
  bench.say(`${peer.name}, set up: ${seconds.toFixed(3)} s`)
  return desk
}

/** The same where a peer may be missing. */
export async function settleIfThere<D extends Desk>(
  bench: Bench,
  peer: Peer<D> | null,
  tree: string,
): Promise<D | null> {
  return peer === null ? null : settle(bench, peer, tree)
}
