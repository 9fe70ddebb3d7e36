/**
 * The workspace port: the user's folder. Paths are relative to its root with
 * `/` between segments; `""` is the root. No method follows a symbolic link in
 * any segment below the root: a parent that is a link is `not-a-folder`.
 *
 * @module
 */

import type { Footprint } from "./footprint.ts"

/** What lies at a path, as cheaply as the platform can tell (lstat). */
export interface Stat {
  readonly type: "file" | "link" | "folder" | "other"
  /** Permission bits; what the platform shows, see {@link Workspace.modes}. */
  readonly mode: number
  readonly size: number
  /** Nanoseconds since the epoch, as far as the platform resolves them. */
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  /** Inode and device, 0 where there are none: with size and times they tell an unchanged file. */
  readonly inode: bigint
  readonly device: bigint
}

/** Whether two looks at a path saw the same file, unchanged. */
export function isSameStat(a: Stat, b: Stat): boolean {
  return (
    a.type === b.type &&
    a.mode === b.mode &&
    a.size === b.size &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs &&
    a.inode === b.inode &&
    a.device === b.device
  )
}

/** One name in a folder. `path` is null if the name is not valid Unicode; `shown` is then what to show. */
export interface FolderItem {
  readonly name: string | null
  readonly shown: string
  readonly stat: Stat
}

/** Why an operation on a path was not done. Expected, hence a value. */
export type WorkspaceRefusal =
  | "missing"
  | "exists"
  | "not-empty"
  | "not-a-folder"
  | "denied"
  /** The platform cannot hold such a name (reserved, too long, characters). */
  | "name"
  /** Changed while it was read. */
  | "changed"

/** Faults that stop everything (disk full, root gone) are thrown as `SyncError`; the rest is a refusal. */
export type Outcome<T = void> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: WorkspaceRefusal }

export const DONE: Outcome = { ok: true, value: undefined }

/** It went well. */
export function done<T>(value: T): Outcome<T> {
  return { ok: true, value }
}

/** It was refused, which is an answer. */
export function refuse<T>(refusal: WorkspaceRefusal): Outcome<T> {
  return { ok: false, refusal }
}

export interface ReadFile {
  readonly bytes: Uint8Array
  readonly stat: Stat
}

/** A file being written: chunks land at their offsets, then it is put in place. */
export interface FileWriter {
  write(offset: number, bytes: Uint8Array): Promise<void>
  close(): Promise<void>
}

/** A new file, all of it. */
export interface NewFile {
  readonly bytes: Uint8Array
  /** Permissions as long as it is not whole, and then. Where the platform has no modes, they say nothing. */
  readonly unfinishedMode: number
  readonly mode: number
  /** Milliseconds since the epoch; `null`: now. */
  readonly mtimeMs: number | null
}

export interface Workspace {
  /** Absolute path or URI, for people. */
  readonly root: string
  /** `posix`: all permission bits are real. `none`: modes are kept as the vault has them and never read from disk. */
  readonly modes: "posix" | "none"
  readonly links: boolean
  /** Whether two names that differ only in case, or only in normalisation, are one file here. Found by trying. */
  readonly caseInsensitive: boolean
  readonly normalizes: boolean
  /** Whether names follow Windows' rules. */
  readonly windowsNames: boolean

  stat(path: string): Promise<Outcome<Stat>>
  /** What lies in a folder, in any order. */
  list(path: string): Promise<Outcome<readonly FolderItem[]>>
  /**
   * A whole file, with the stat it had; `changed` if that moved while it was read, if it is longer than `maxBytes`, or
   * if it is not the one that `expected` was taken of, by `list` say. The buffer belongs to the caller.
   */
  read(path: string, maxBytes: number, expected?: Stat): Promise<Outcome<ReadFile>>
  /**
   * Reads a file in pieces, in order; waits for `onPiece`, to which each is lent until then. `changed` if size, times or
   * inode moved meanwhile (compared with the stat before the first byte, which is returned).
   */
  readPieces(path: string, onPiece: (bytes: Uint8Array) => void | Promise<void>): Promise<Outcome<Stat>>
  /**
   * Fills `into` with what the file has from an offset on; `changed` if that is less. Whether it is what was there at an
   * earlier look is the caller's to find out.
   */
  readRange(path: string, offset: number, into: Uint8Array): Promise<Outcome>
  readLink(path: string): Promise<Outcome<string>>
  /**
   * Those paths of a footprint that look other than they did, or cannot be looked at, in its order. Folders tell by their
   * times whether names have come or gone.
   */
  compare(footprint: Footprint, signal?: AbortSignal): Promise<readonly string[]>

  /**
   * Opens a new file for writing, exclusively; never an existing one unless `resume`, which keeps its bytes, and not
   * even then one that has a second name (`exists`): somebody else may look at it by that. The mode of a new one is
   * 0600, or `mode` where the platform has modes.
   */
  create(path: string, options?: { readonly resume?: boolean; readonly mode?: number }): Promise<Outcome<FileWriter>>
  /**
   * Makes a whole file at a free name (else `exists`): created exclusively and unfinished, written, dated, and last given
   * its mode. If that fails nothing is left of it. The stat is the one that it had then. `denied` also for a fault of
   * this file only: too large for the file system, a bad sector.
   */
  createWhole(path: string, file: NewFile): Promise<Outcome<Stat>>
  /** Mode 0700. */
  makeFolder(path: string): Promise<Outcome>
  makeLink(path: string, target: string): Promise<Outcome>
  setMode(path: string, mode: number): Promise<Outcome>
  setModified(path: string, mtimeMs: number): Promise<Outcome>
  /**
   * Atomic; replaces a file or link at `to` if `replace`, else `exists`. With `expect`, `changed` unless what is to be
   * replaced is that very file, looked at without letting other work in between.
   */
  rename(from: string, to: string, options: { readonly replace: boolean; readonly expect?: Stat }): Promise<Outcome>
  /** A second name for the same bytes (a hard link, or a copy where there are none). `exists` if `to` is taken. */
  link(from: string, to: string): Promise<Outcome>
  removeFile(path: string): Promise<Outcome>
  /** Only an empty one. */
  removeFolder(path: string): Promise<Outcome>
  /** Bytes that this user may still write where the folder lies; `null` where that cannot be known. */
  freeBytes(): Promise<number | null>
  /** Makes all that was written durable, at once (syncfs where there is one). */
  flush(): Promise<void>
}
