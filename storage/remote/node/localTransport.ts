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
/** What a program that was left has for tidying up; it takes milliseconds. */
const TIDYING_MS = 3_000

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
  const running = new Set<Service>()

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
    const closed = new Promise<number | null>((resolve) => child.once("close", resolve))
    const started = { child, closed, tidiesUp: service === "git-receive-pack" }
    running.add(started)
    void closed.then(() => running.delete(started))
    return started
  }

  return {
    url: pathToFileURL(path).href,

    async advertise(service, options) {
      return answer(await start(service, ["--advertise-refs"], options), [], options)
    },

    async exchange(service, body, options) {
      return answer(await start(service, [], options), body(), options)
    },

    async close() {
      await Promise.all([...running].map(leave))
    },
  }
}

/** A git of our own that serves. */
interface Service {
  readonly child: ChildProcessWithoutNullStreams
  /** With its exit status, once it has ended and said all. */
  readonly closed: Promise<number | null>
  /** Whether it leaves something on disk when it is ended by a signal. */
  readonly tidiesUp: boolean
}

/** What the service says, while it is told `pieces`. Its failure is thrown where its answer ends. */
function answer(service: Service, pieces: Iterable<Uint8Array>, options: ExchangeOptions): AsyncIterable<Uint8Array> {
  const { child, closed } = service
  let stderr = Buffer.alloc(0)
  let failure: unknown
  const onAbort = (): void => void leave(service)
  options.signal?.addEventListener("abort", onAbort)
  child.on("error", (error) => {
    failure ??= error
  })
  child.stderr.on("data", (chunk: Buffer) => {
    if (stderr.length < MAX_STDERR_BYTES) stderr = Buffer.concat([stderr, chunk])
  })
  void feed(child, pieces, options).catch((error: unknown) => {
    failure ??= error
    return leave(service)
  })

  async function* read(): AsyncGenerator<Uint8Array, void> {
    try {
      for await (const chunk of child.stdout.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        options.onBytes?.(chunk.length)
        yield plain(chunk)
      }
      const status = await closed
      options.signal?.throwIfAborted()
      if (failure !== undefined) throw spawnFault(failure)
      if (status !== 0) throw faultOfMessage(plainText(stderr))
    } finally {
      options.signal?.removeEventListener("abort", onAbort)
      await leave(service)
    }
  }
  return read()
}

/**
 * Hangs up and waits for the end. Half a push is removed by the git that took it, once it hears no more; a
 * signal that comes while it does so would leave the rest in the repository, for an hour and on a disk that may
 * be full. So a signal is only for a git that does not end, or has nothing to tidy up.
 */
async function leave({ child, closed, tidiesUp }: Service): Promise<void> {
  const timer = setTimeout(() => child.kill(), tidiesUp ? TIDYING_MS : 0)
  child.stdin.destroy()
  // It may still have something to say, and would be ended by a pipe that nobody reads.
  child.stdout.resume()
  await closed
  clearTimeout(timer)
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
    const hearNoMore = (): void => {
      isDeaf = true
      resolve()
    }
    stdin.on("error", hearNoMore)
    stdin.once("close", hearNoMore)
    child.once("error", hearNoMore)
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
