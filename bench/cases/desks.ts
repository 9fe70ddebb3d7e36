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
export async function sitDown<P extends Peer>(
  bench: Bench,
  peer: P,
  tree: string,
): Promise<Awaited<ReturnType<P["setUp"]>>> {
  const root = copyTree(tree, bench.place(peer.name))
  return (await peer.setUp(root, bench.place(`${peer.name}-store`))) as Awaited<ReturnType<P["setUp"]>>
}

/** A desk whose tree is in the store. */
export async function settle<P extends Peer>(
  bench: Bench,
  peer: P,
  tree: string,
): Promise<Awaited<ReturnType<P["setUp"]>>> {
  const desk = await sitDown(bench, peer, tree)
  const { seconds } = await runOnce({ commands: (desk as Desk).send() })
  bench.say(`${peer.name}, set up: ${seconds.toFixed(3)} s`)
  return desk
}

/** The same where a peer may be missing. */
export async function settleIfThere<P extends Peer>(
  bench: Bench,
  peer: P | null,
  tree: string,
): Promise<Awaited<ReturnType<P["setUp"]>> | null> {
  return peer === null ? null : settle(bench, peer, tree)
}
