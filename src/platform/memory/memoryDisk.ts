/**
 * A file system in memory: folders of names, files with more than one name,
 * links that lead nowhere, times that always grow. What `memoryWorkspace.ts`
 * stands on; it knows nothing of ports.
 *
 * @module
 */

export interface MemoryFile {
  readonly type: "file"
  bytes: Uint8Array
}
export interface MemoryLink {
  readonly type: "link"
  readonly target: string
}
export interface MemoryFolder {
  readonly type: "folder"
  /** By folded name. */
  readonly items: Map<string, { readonly name: string; readonly inode: MemoryInode }>
}
/** A socket, FIFO or device. */
export interface MemoryOther {
  readonly type: "other"
}
export type MemoryInode = (MemoryFile | MemoryLink | MemoryFolder | MemoryOther) & MemoryFacts
export type MemoryFolderInode = MemoryFolder & MemoryFacts
export type MemoryFileInode = MemoryFile & MemoryFacts

interface MemoryFacts {
  readonly number: bigint
  mode: number
  mtimeNs: bigint
  ctimeNs: bigint
}

export interface MemoryDisk {
  readonly root: MemoryFolderInode
  /** Whether the root is there: false is a drive that is not mounted. */
  mounted: boolean
  /** Bytes that may still be written. */
  freeBytes: number
  readonly fold: (name: string) => string
  /** A new inode, of which nothing knows yet. */
  make(content: MemoryFile | MemoryLink | MemoryFolder | MemoryOther, mode: number): MemoryInode
  /** Notes that the content (or only the facts) of an inode changed now. */
  touch(inode: MemoryInode, what: "content" | "facts"): void
}

export interface MemoryDiskOptions {
  readonly caseInsensitive?: boolean
  readonly normalizes?: boolean
  readonly freeBytes?: number
  /** Nanoseconds since the epoch at which its time begins. Every change takes one millisecond. */
  readonly startNs?: bigint
}

export function createMemoryDisk(options: MemoryDiskOptions = {}): MemoryDisk {
  const { caseInsensitive = false, normalizes = false, freeBytes = Number.MAX_SAFE_INTEGER } = options
  let nowNs = options.startNs ?? 1_700_000_000_000_000_000n
  let numbers = 1n

  const tick = () => {
    nowNs += 1_000_000n
    return nowNs
  }
  const make: MemoryDisk["make"] = (content, mode) => {
    const at = tick()
    return { ...content, number: numbers++, mode, mtimeNs: at, ctimeNs: at }
  }
  const fold = (name: string) => {
    const normal = normalizes ? name.normalize("NFC") : name
    return caseInsensitive ? normal.toLowerCase().toUpperCase() : normal
  }
  const root = make({ type: "folder", items: new Map() }, 0o755) as MemoryFolderInode
  const touch: MemoryDisk["touch"] = (inode, what) => {
    inode.ctimeNs = tick()
    if (what === "content") inode.mtimeNs = inode.ctimeNs
  }
  return { root, mounted: true, freeBytes, fold, make, touch }
}
