/**
 * Compares a whole tree with what it looked like.
 *
 * @module
 */
import * as fs from "node:fs"
import { type Footprint, SHAPE_BITS } from "../../../ports/footprint.ts"

const SHAPE = BigInt(SHAPE_BITS)
/** After so many looks others have their turn: what was asked of the network meanwhile, say. */
const TURN = 512

/**
 * The paths that look other than they did. By name, so that links in parent segments would be followed: but each parent is in
 * the footprint as well, a folder then as now, and nothing but looks is taken of what lies there.
 *
 * @param breathe - Waits if it is time to.
 */
export async function compare(
  root: string,
  footprint: Footprint,
  breathe: () => Promise<void> | undefined,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const { paths } = footprint
  const changed: string[] = []
  for (let i = 0; i < paths.length; i++) {
    if (i % TURN === 0) {
      signal?.throwIfAborted()
      await breathe()
    }
    const path = paths[i] as string
    if (!fitsAt(path === "" ? root : `${root}/${path}`, footprint, i)) changed.push(path)
  }
  return changed
}

function fitsAt(place: string, { shapes, sizes, mtimesNs, ctimesNs, inodes, devices }: Footprint, i: number): boolean {
  let stat: fs.BigIntStats | undefined
  try {
    stat = fs.lstatSync(place, { bigint: true, throwIfNoEntry: false })
  } catch {
    // Whatever keeps us from looking is for a real look to say.
    return false
  }
  return (
    stat !== undefined &&
    stat.ctimeNs === ctimesNs[i] &&
    stat.mtimeNs === mtimesNs[i] &&
    stat.size === sizes[i] &&
    stat.ino === inodes[i] &&
    stat.dev === devices[i] &&
    Number(stat.mode & SHAPE) === shapes[i]
  )
}
