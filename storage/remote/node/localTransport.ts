/**
 * Reaches a bare repository on disk through git's own server programs, as
 * child processes: locking, compare-and-swap and durability are git's.
 *
 * @module
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { once } from "node:events"
import { access } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { StoreError } from "../../errors.ts"
import { faultOfMessage, plainText } from "../git/serverFaults.ts"
import type { ExchangeOptions, GitService, GitTransport } from "../git/transport.ts"
import { gitEnvironment } from "./gitEnvironment.ts"
import { plain } from "./gitPrimitives.ts"

const MAX_STDERR_BYTES = 8_192

/** How git is to treat the repository, whatever the user's own configuration says. */
export function repositoryConfig(path: string): string[] {
  return [
    "uploadpack.allowFilter=true",
    "uploadpack.allowAnySHA1InWant=true",
    // One pack a push, kept as it came, and no search for deltas where there are none to find.
    "receive.unpackLimit=1",
    "receive.maxInputSize=0",
    "core.compression=0",
    "pack.window=0",
    "gc.auto=0",
    "receive.autogc=false",
    "receive.denyDeletes=false",
    "receive.denyNonFastForwards=false",
    "core.fsync=committed,reference",
    "core.fsyncMethod=fsync",
    "core.filesRefLockTimeout=5000",
    "core.packedRefsTimeout=5000",
    "core.logAllRefUpdates=false",
    `core.hooksPath=${join(path, "hooks")}`,
  ]
}

/** @param path - Absolute path of a bare repository. */
export function createLocalTransport(path: string): GitTransport {
  const running = new Set<ChildProcessWithoutNullStreams>()

  const start = async (service: GitService, args: readonly string[], options: ExchangeOptions) => {
    options.signal?.throwIfAborted()
    await access(join(path, "HEAD")).catch((cause: unknown) => {
      throw new StoreError("STORE_NOT_FOUND", "there is no Git repository at the store's path", { cause })
    })
    options.signal?.throwIfAborted()
    const config = repositoryConfig(path).flatMap((setting) => ["-c", setting])
    const env = gitEnvironment(process.env, options.version2 ? { GIT_PROTOCOL: "version=2" } : {})
    const child = spawn("git", [...config, service.slice(4), "--stateless-rpc", ...args, path], {
      env,
      windowsHide: true,
    })
    running.add(child)
    child.once("close", () => running.delete(child))
    return child
  }

  return {
    url: pathToFileURL(path).href,

    async advertise(service, options) {
      const child = await start(service, ["--advertise-refs"], options)
      return answer(child, [], options)
    },

    async exchange(service, body, options) {
      return answer(await start(service, [], options), body(), options)
    },

    async close() {
      const closed = [...running].map((child) => once(child, "close"))
      for (const child of running) child.kill()
      await Promise.all(closed)
    },
  }
}

/** What the child says, while it is told `pieces`. Its failure is thrown where its answer ends. */
function answer(
  child: ChildProcessWithoutNullStreams,
  pieces: Iterable<Uint8Array>,
  options: ExchangeOptions,
): AsyncIterable<Uint8Array> {
  let stderr = Buffer.alloc(0)
  let failure: unknown
  const onAbort = (): void => void child.kill()
  options.signal?.addEventListener("abort", onAbort)
  child.on("error", (error) => {
    failure ??= error
  })
  child.stderr.on("data", (chunk: Buffer) => {
    if (stderr.length < MAX_STDERR_BYTES) stderr = Buffer.concat([stderr, chunk])
  })
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve))
  void feed(child, pieces, options).catch((error: unknown) => {
    failure ??= error
    child.kill()
  })

  async function* read(): AsyncGenerator<Uint8Array, void> {
    try {
      for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
        options.onBytes?.(chunk.length)
        yield plain(chunk)
      }
      const status = await closed
      options.signal?.throwIfAborted()
      if (failure !== undefined) throw spawnFault(failure)
      if (status !== 0) throw faultOfMessage(plainText(stderr))
    } finally {
      options.signal?.removeEventListener("abort", onAbort)
      child.kill()
      await closed
    }
  }
  return read()
}

/** Writes with back-pressure. A child that stops listening has said why, or its exit status does. */
async function feed(
  child: ChildProcessWithoutNullStreams,
  pieces: Iterable<Uint8Array>,
  options: ExchangeOptions,
): Promise<void> {
  const { stdin } = child
  let isDeaf = false
  const gone = new Promise<void>((resolve) => {
    const leave = (): void => {
      isDeaf = true
      resolve()
    }
    stdin.on("error", leave)
    stdin.once("close", leave)
    child.once("error", leave)
  })
  for (const piece of pieces) {
    if (isDeaf) return
    options.onBytes?.(piece.length)
    if (!stdin.write(piece)) await Promise.race([once(stdin, "drain"), gone])
  }
  if (!isDeaf) stdin.end()
}

function spawnFault(error: unknown): unknown {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") return error
  return new StoreError("STORE_FAILED", "the program git was not found: install Git to keep a vault in a folder", {
    cause: error,
  })
}
