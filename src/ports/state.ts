/**
 * The state port: what one workspace on one machine remembers between runs.
 * Small named byte strings, each replaced atomically and durably; names are
 * `a-z`, `0-9`, `-` and `/`.
 *
 * @module
 */
export interface State {
  /** `null` if there is none. The buffer belongs to the caller. */
  read(name: string): Promise<Uint8Array | null>
  /** Old or new after a crash, never a mixture; durable when it resolves, unless it is only a cache. */
  write(name: string, bytes: Uint8Array, options?: StateOptions): Promise<void>
  remove(name: string, options?: StateOptions): Promise<void>
  /** Names that start with `prefix`, sorted. */
  list(prefix: string): Promise<readonly string[]>
  /**
   * Takes the one-writer lock of this workspace, shared by all processes; `null` if another live process
   * holds it. A crash releases it.
   */
  lock(): Promise<StateLock | null>
}

export interface StateOptions {
  /** A crash may undo this, or leave other bytes under the name: whoever reads it checks it. */
  readonly cache?: boolean
}

export interface StateLock {
  release(): Promise<void>
}
