/**
 * The Store port: where the vault's objects lie. A store keeps opaque bytes
 * under names, on branches whose heads move by compare-and-swap. It is never
 * trusted: what it returns is checked by hash, tag and signature above it.
 *
 * Terms: an *object* is one immutable byte string; a *snapshot* is a set of
 * named objects (`manifest.json`, `packs/ab/abcd…`); a *commit* is one snapshot
 * with its parent; a *branch* names the newest commit, its *head*.
 *
 * @module
 */

/** Address of an object or commit in its store (in Git: the SHA-1 in hex). An address, never evidence. */
export type ObjectId = string

/** A branch as the store shows it, e.g. `sessyn/<workspace>/main` (in Git below `refs/heads/`). */
export interface Branch {
  readonly name: string
  readonly head: ObjectId
}

/** What a commit's tree holds: object ids by full path, `/` between segments. */
export type Snapshot = ReadonlyMap<string, ObjectId>

/** One commit to make. */
export interface Commit {
  readonly branch: string
  /** The head that the branch must still have; `null` if it must not exist. Also the new commit's parent, without `ancestors`. */
  readonly parent: ObjectId | null
  /** The whole new snapshot: bytes to upload, or the id of an object that the store already has. */
  readonly snapshot: ReadonlyMap<string, Uint8Array | ObjectId>
  /**
   * Branches to delete with this commit if they still have this head, e.g. the upload branch whose
   * packs this commit takes over. Done after the commit, best effort: losing one loses nothing.
   */
  readonly deleteBranches?: readonly Branch[]
  /**
   * Replaces history: commits from `parent` back along first parents, oldest first, which are made again below the new
   * commit, with the trees they have, the first of them without a parent; what is not among them is left out. With none
   * the new commit has no parent itself. `parent` is compared as ever. Without this, it is the new commit's parent.
   */
  readonly ancestors?: readonly ObjectId[]
  /**
   * Told, before anything is sent, what the commit will be; by stores that can know it beforehand. After a
   * fault it shows whether the commit was made nevertheless (`retryStore.ts`).
   */
  readonly onPrepared?: ((prepared: PreparedCommit) => void) | undefined
}

/** A commit that may or may not come about. */
export interface PreparedCommit {
  readonly head: ObjectId
  readonly snapshot: Snapshot
}

export type CommitResult =
  | { readonly kind: "committed"; readonly head: ObjectId; readonly snapshot: Snapshot }
  /** Somebody else moved the branch first; nothing changed. Read the head, plan again. */
  | { readonly kind: "moved" }

/** Options of every call. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  /** Told now and then how many bytes went over the wire since the last call. */
  readonly onBytes?: ((bytes: number) => void) | undefined
}

/**
 * A store. All methods may be called concurrently. Faults are thrown as `StoreError`, whose
 * `transient` says whether the same call may succeed later; nothing is retried in here.
 */
export interface Store {
  /** What it is and where, for people; holds no credential. */
  readonly url: string

  /**
   * The branches whose names start with `prefix`, sorted by name; none if there are none. Always asks the store.
   *
   * @throws {StoreError} `STORE_NOT_FOUND` if there is no such repository (or no access: hosts say the same).
   */
  branches(prefix: string, options?: CallOptions): Promise<readonly Branch[]>

  /**
   * The snapshot of a commit, less its objects.
   *
   * @throws {StoreError} `STORE_OBJECT_MISSING`, `STORE_MALFORMED`.
   */
  snapshot(commit: ObjectId, options?: CallOptions): Promise<Snapshot>

  /**
   * Reads objects and hands over each as it comes, in any order, each id once; waits for `onObject`.
   * The buffer belongs to the receiver. Every id is delivered or the call throws.
   *
   * @throws {StoreError} `STORE_OBJECT_MISSING` if one is not there, `STORE_MALFORMED` if one is not the one asked for.
   */
  read(
    ids: readonly ObjectId[],
    onObject: (id: ObjectId, bytes: Uint8Array) => void | Promise<void>,
    options?: CallOptions,
  ): Promise<void>

  /**
   * Uploads what the store lacks of the snapshot, then moves the branch by compare-and-swap.
   * When it throws, the branch may or may not have moved: read it again.
   */
  commit(commit: Commit, options?: CallOptions): Promise<CommitResult>

  /** Deletes a branch if it still has this head. `false` if it had another; `true` also if it was gone. */
  deleteBranch(branch: Branch, options?: CallOptions): Promise<boolean>

  /** Commits from `head` back along first parents, newest first, at most `limit`. */
  history(head: ObjectId, limit: number, options?: CallOptions): Promise<readonly ObjectId[]>

  /** Bytes that the store takes up where it lies, garbage included; `null` where that cannot be known. */
  sizeBytes(options?: CallOptions): Promise<number | null>

  /**
   * Gives back the room of what no branch needs any more, other people's uploads under way left alone. Only where the
   * store is a vault of one's own and nothing else: hosts do it themselves.
   *
   * @returns `false` if that is not for this client to do, or not now.
   */
  reclaim(options?: CallOptions): Promise<boolean>

  /** Lets go of connections, child processes and temporary files. The store is of no use afterwards. */
  close(): Promise<void>
}
