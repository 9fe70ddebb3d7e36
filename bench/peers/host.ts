/**
 * The Git host of a desk: a repository of its own behind `git http-backend` on
 * loopback, which counts what comes and goes.
 *
 * @module
 */
import { readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { startGitServer } from "../../test/support/gitServer.node.ts"
import type { Traffic } from "../measure.ts"

export interface Host {
  readonly url: string
  /** The repository's place on disk. */
  readonly path: string
  traffic(): Traffic
  storedBytes(): number
}

/** It lives as long as the bench; its repository lies in the temporary folder and goes with that. */
export async function startHost(): Promise<Host> {
  const server = await startGitServer()
  return {
    url: server.url,
    path: server.path,
    traffic: () => ({
      requests: server.log.length,
      sentBytes: server.log.reduce((sum, { upBytes }) => sum + upBytes, 0),
      receivedBytes: server.log.reduce((sum, { downBytes }) => sum + downBytes, 0),
    }),
    // The rest of a new repository is git's own samples.
    storedBytes: () => folderBytes(join(server.path, "objects")),
  }
}

/** Bytes of all files in a folder, as they are long, not as the disk rounds them. */
export function folderBytes(folder: string): number {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((item) => item.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0)
}
