/**
 * How requests reach a Git server: over HTTP, or to a child process. Both are
 * stateless: one request, one answer (gitprotocol-http(5)).
 *
 * @module
 */
import type { CallOptions } from "../store.ts"

export type GitService = "git-upload-pack" | "git-receive-pack"

export interface ExchangeOptions extends CallOptions {
  /** Whether to ask for protocol version 2. */
  readonly version2: boolean
}

/** Methods throw {@link StoreError}s, or the signal's reason. An answer that is not read to its end must be closed. */
export interface GitTransport {
  /** For people; without credentials. */
  readonly url: string

  /** What the server can do and, except in version 2, its refs. */
  advertise(service: GitService, options: ExchangeOptions): Promise<AsyncIterable<Uint8Array>>

  /** One request. `body` may be called again if the request has to be made again; its pieces are awaited. */
  exchange(
    service: GitService,
    body: () => Iterable<Uint8Array>,
    options: ExchangeOptions,
  ): Promise<AsyncIterable<Uint8Array>>

  close(): Promise<void>
}
