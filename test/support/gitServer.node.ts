/**
 * A real Git host on loopback: `git http-backend` behind a small server, with
 * what a test needs of a host: a password, a log, and faults on demand.
 *
 * @module
 */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { mkdtemp, rm } from "node:fs/promises"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"

export interface GitServerOptions {
  /** Basic credential that is wanted; none if absent. */
  readonly credential?: { readonly username: string; readonly password: string }
  /** The newest protocol version that the server knows. */
  readonly protocol?: 0 | 1 | 2
  /** Settings of the repository, `key=value`, after those that make it like GitHub's. */
  readonly config?: readonly string[]
  /** Keeps the bodies of requests in the log. */
  readonly keepsBodies?: boolean
}

export interface RequestRecord {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly authorization: string | undefined
  readonly protocol: string | undefined
  readonly contentLength: string | undefined
  /** Names and values as they were sent. */
  readonly headers: readonly (readonly [string, string])[]
  /** Empty unless bodies are kept. */
  readonly body: Uint8Array
  upBytes: number
  downBytes: number
}

/** What to do to one request instead of serving it well. */
export type Fault =
  /** The connection dies before the request is looked at, in its body, when all was done, or in the answer. */
  | {
      readonly kind: "drop"
      readonly when: "before" | "upload" | "done" | "answer"
      /** Called just before. */
      readonly first?: () => void
    }
  | {
      readonly kind: "status"
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string
    }
  /** The answer ends, orderly, after so many bytes. */
  | { readonly kind: "truncate"; readonly bytes: number }
  /** The answer's bytes are exchanged. */
  | { readonly kind: "rewrite"; readonly body: (bytes: Buffer) => Buffer }
  /** Nothing is answered, ever. */
  | { readonly kind: "silence" }

export interface GitServer {
  readonly origin: string
  /** Of the one repository. */
  readonly url: string
  /** Its place on disk. */
  readonly path: string
  readonly log: RequestRecord[]
  /** Asked at each request, counted from 0 since the last call of {@link GitServer.onRequest}. */
  onRequest(decide: ((index: number, request: RequestRecord) => Fault | undefined) | undefined): void
  /** Called whenever bytes have come or gone. */
  onTraffic(watch: (() => void) | undefined): void
  close(): Promise<void>
}

const run = promisify(execFile)
const LIKE_GITHUB = [
  "http.receivepack=true",
  "uploadpack.allowFilter=true",
  "uploadpack.allowAnySHA1InWant=true",
  "transfer.unpackLimit=1",
  "core.filesRefLockTimeout=5000",
  "gc.auto=0",
]

export async function startGitServer(options: GitServerOptions = {}): Promise<GitServer> {
  const root = await mkdtemp(join(tmpdir(), "sessyn-host-"))
  const path = join(root, "vault.git")
  await run("git", ["init", "--quiet", "--bare", path])
  for (const setting of [...LIKE_GITHUB, ...(options.config ?? [])]) {
    const [key = "", value = ""] = setting.split(/=(.*)/s)
    await run("git", ["--git-dir", path, "config", key, value])
  }
  const log: RequestRecord[] = []
  let decide: ((index: number, request: RequestRecord) => Fault | undefined) | undefined
  let watch: (() => void) | undefined
  let index = 0

  const server = createServer((request, response) => {
    const body: Buffer[] = []
    const record = recordOf(request, body)
    log.push(record)
    request.on("data", (chunk: Buffer) => {
      record.upBytes += chunk.length
      if (options.keepsBodies === true) body.push(chunk)
      watch?.()
    })
    const fault = decide?.(index++, record)
    request.on("error", () => {})
    response.on("error", () => {})
    serve({ request, response, record, fault, root, options, onDown: () => watch?.() })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  return {
    origin,
    url: `${origin}/vault.git`,
    path,
    log,
    onRequest(next) {
      decide = next
      index = 0
    },
    onTraffic(next) {
      watch = next
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await rm(root, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

interface Serving {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly record: RequestRecord
  readonly fault: Fault | undefined
  readonly root: string
  readonly options: GitServerOptions
  readonly onDown: () => void
}

function recordOf(request: IncomingMessage, body: readonly Uint8Array[]): RequestRecord {
  const protocol = request.headers["git-protocol"]
  const { rawHeaders } = request
  return {
    method: request.method ?? "",
    path: request.url ?? "",
    authorization: request.headers.authorization,
    protocol: Array.isArray(protocol) ? protocol[0] : protocol,
    contentLength: request.headers["content-length"],
    headers: rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name, rawHeaders[i + 1] ?? ""] as const] : [])),
    get body() {
      return Buffer.concat(body)
    },
    upBytes: 0,
    downBytes: 0,
  }
}

function serve(serving: Serving): void {
  const { request, response, fault, options } = serving
  if (fault?.kind === "drop" && fault.when === "before") return drop(request, fault)
  if (fault?.kind === "drop" && fault.when === "upload") {
    const die = (): void => drop(request, fault)
    request.once("data", die).once("end", die)
    return
  }
  if (fault?.kind === "silence") return void request.resume()
  if (fault?.kind === "status") {
    request.resume()
    response.writeHead(fault.status, { "content-type": "text/plain", ...fault.headers })
    response.end(fault.body ?? "")
    return
  }
  if (options.credential !== undefined && serving.record.authorization !== basic(options.credential)) {
    request.resume()
    response.writeHead(401, { "www-authenticate": 'Basic realm="git"' })
    response.end()
    return
  }
  passOn(serving, startBackend(serving))
}

function basic({ username, password }: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`
}

function startBackend({ record, request, root, options }: Serving): ChildProcessWithoutNullStreams {
  const [pathInfo = "", query = ""] = record.path.split("?")
  const spoken =
    Math.min(options.protocol ?? 2, /version=2/.test(record.protocol ?? "") ? 2 : 0) || (options.protocol === 1 ? 1 : 0)
  const env: NodeJS.ProcessEnv = {
    PATH: process.env["PATH"],
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: "1",
    PATH_INFO: decodeURIComponent(pathInfo),
    QUERY_STRING: query,
    REQUEST_METHOD: record.method,
    CONTENT_TYPE: request.headers["content-type"] ?? "",
    REMOTE_ADDR: "127.0.0.1",
  }
  if (record.contentLength !== undefined) env["CONTENT_LENGTH"] = record.contentLength
  if (spoken > 0) env["GIT_PROTOCOL"] = `version=${spoken}`
  const backend = spawn("git", ["http-backend"], { env })
  backend.stdin.on("error", () => {})
  backend.stderr.resume()
  request.pipe(backend.stdin)
  return backend
}

/** Reads the CGI headers, then passes the body on, as the fault allows. */
function passOn({ request, response, record, fault, onDown }: Serving, backend: ChildProcessWithoutNullStreams): void {
  let head = Buffer.alloc(0)
  let isHeadDone = false
  const whole: Buffer[] = []
  response.on("close", () => {
    // Its input's end is not enough: short of the announced length, git http-backend reads on for ever.
    if (!response.writableFinished) backend.kill()
  })
  const body = (chunk: Buffer): void => {
    if (chunk.length === 0) return
    if (fault?.kind === "rewrite" || fault?.kind === "drop") return void whole.push(chunk)
    const left = fault?.kind === "truncate" ? Math.max(0, fault.bytes - record.downBytes) : chunk.length
    record.downBytes += Math.min(left, chunk.length)
    onDown()
    if (!response.write(chunk.subarray(0, left))) {
      backend.stdout.pause()
      response.once("drain", () => backend.stdout.resume())
    }
  }
  backend.stdout.on("data", (chunk: Buffer) => {
    if (isHeadDone) return body(chunk)
    head = Buffer.concat([head, chunk])
    const end = head.indexOf("\r\n\r\n")
    if (end < 0) return
    isHeadDone = true
    if (!(fault?.kind === "drop" && fault.when === "done")) writeHead(response, head.subarray(0, end).toString())
    body(head.subarray(end + 4))
  })
  backend.once("close", () => {
    const all = Buffer.concat(whole)
    if (fault?.kind === "drop") {
      if (fault.when === "answer") response.write(all.subarray(0, Math.floor(all.length / 2)))
      // The half must be on its way before the connection dies.
      setImmediate(() => drop(request, fault))
    } else {
      response.end(fault?.kind === "rewrite" ? fault.body(all) : undefined)
    }
  })
}

function drop(request: IncomingMessage, { first }: Extract<Fault, { kind: "drop" }>): void {
  first?.()
  request.socket.destroy()
}

function writeHead(response: ServerResponse, text: string): void {
  let status = 200
  for (const line of text.split("\r\n")) {
    const at = line.indexOf(":")
    const name = line.slice(0, at).toLowerCase()
    const value = line.slice(at + 1).trim()
    if (name === "status") status = Number.parseInt(value, 10)
    else response.setHeader(name, value)
  }
  response.writeHead(status)
}
