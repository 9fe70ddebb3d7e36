/**
 * What many paths looked like at once, column by column: with an object for
 * each, comparing would take longer than looking.
 *
 * @module
 */
import type { Stat } from "./workspace.ts"

export interface Footprint {
  /** Relative to the root, which is `""`. The columns are in their order. */
  readonly paths: readonly string[]
  /** Type and permissions, as {@link shapeOf} puts them into one number. */
  readonly shapes: Uint16Array
  readonly sizes: BigInt64Array
  readonly mtimesNs: BigInt64Array
  readonly ctimesNs: BigInt64Array
  readonly inodes: BigUint64Array
  readonly devices: BigUint64Array
}

/** What POSIX calls `st_mode`. */
const TYPE_BITS = { file: 0o100000, folder: 0o040000, link: 0o120000, other: 0 } as const
const TYPES = ["file", "folder", "link"] as const
/** Of POSIX' `st_mode`: type and permissions. */
export const SHAPE_BITS = 0o170777

function shapeOf({ type, mode }: Pick<Stat, "type" | "mode">): number {
  return TYPE_BITS[type] | mode
}

/** A footprint with room for so many paths, all of it zero. */
export function emptyFootprint(paths: readonly string[]): Footprint {
  const { length } = paths
  return {
    paths,
    shapes: new Uint16Array(length),
    sizes: new BigInt64Array(length),
    mtimesNs: new BigInt64Array(length),
    ctimesNs: new BigInt64Array(length),
    inodes: new BigUint64Array(length),
    devices: new BigUint64Array(length),
  }
}

/** @param looks - What each path looked like; those of `files` were files. */
export function takeFootprint(
  looks: ReadonlyMap<string, Stat>,
  files: ReadonlyMap<string, Omit<Stat, "type">> = new Map(),
): Footprint {
  const footprint = emptyFootprint([...looks.keys(), ...files.keys()])
  let i = 0
  for (const stat of looks.values()) put(footprint, i++, stat.type, stat)
  for (const stat of files.values()) put(footprint, i++, "file", stat)
  return footprint
}

function put(footprint: Footprint, i: number, type: Stat["type"], stat: Omit<Stat, "type">): void {
  footprint.shapes[i] = shapeOf({ type, mode: stat.mode })
  footprint.sizes[i] = BigInt(stat.size)
  footprint.mtimesNs[i] = stat.mtimeNs
  footprint.ctimesNs[i] = stat.ctimeNs
  footprint.inodes[i] = stat.inode
  footprint.devices[i] = stat.device
}

/** What the path of that number looked like. */
export function lookOf(footprint: Footprint, i: number): Stat {
  const shape = footprint.shapes[i] as number
  return {
    type: TYPES.find((type) => TYPE_BITS[type] === (shape & ~0o777)) ?? "other",
    mode: shape & 0o777,
    size: Number(footprint.sizes[i]),
    mtimeNs: footprint.mtimesNs[i] as bigint,
    ctimeNs: footprint.ctimesNs[i] as bigint,
    inode: footprint.inodes[i] as bigint,
    device: footprint.devices[i] as bigint,
  }
}
