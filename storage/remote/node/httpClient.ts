/**
 * One HTTP request over Node's client: keep-alive, a time-out on inactivity,
 * back-pressure both ways, and faults as {@link StoreError}s. The modules are
 * loaded on first use: importing them costs every start of the program 30 ms.
 *
 * @module
 */
import type { ClientRequest, IncomingMessage, Agent as HttpAgent } from "node:http"
import type { Agent as HttpsAgent } from "node:https"
import { StoreError } from "../../errors.ts"
import { plain } from "./gitPrimitives.ts"

export interface HttpRequest {
  readonly method: "GET" | "POST"
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** Sent as they come; with their length beforehand if they are few bytes. */
  readonly body?: Iterable<Uint8Array>
  readonly signal?: AbortSignal | undefined
  readonly onBytes?: ((bytes: number) => void) | undefined
}

export interface HttpResponse {
  readonly status: number
  header(name: string): string | undefined
  /** Must be read to its end or returned from. */
  readonly body: AsyncIterable<Uint8Array>
}

export interface HttpClient {
  /** @throws {StoreError} `STORE_UNREACHABLE`, `STORE_MALFORMED`; the signal's reason. */
  send(request: HttpRequest): Promise<HttpResponse>
  close(): void
}

/** A body up to this length is sent at once, with its length. */
export const BUFFERED_BYTES = 1024 * 1024
const MAX_SOCKETS = 6

/** @param inactivityMs - How long nothing may come or go before the host counts as unreachable. */
export function createHttpClient(
  isSecure: boolean,
  env: NodeJS.ProcessEnv | undefined,
  inactivityMs: number,
): HttpClient {
  let loaded: { readonly client: typeof import("node:http"); readonly agent: HttpAgent } | undefined

  const load = (): NonNullable<typeof loaded> => {
    if (loaded === undefined) {
      const client = process.getBuiltinModule(isSecure ? "node:https" : "node:http") as typeof import("node:http")
      const options = { keepAlive: true, maxSockets: MAX_SOCKETS, ...(env === undefined ? {} : { proxyEnv: env }) }
      loaded = { client, agent: new client.Agent(options) as HttpAgent | HttpsAgent }
    }
    return loaded
  }

  return {
    async send(request) {
      request.signal?.throwIfAborted()
      const { client, agent } = load()
      const { pieces, length } = gather(request.body ?? [])
      const headers: Record<string, string> = { ...request.headers }
      if (length !== undefined && request.method === "POST") headers["content-length"] = `${length}`
      const sent = client.request(request.url, { method: request.method, headers, agent })
      return exchange(sent, pieces, request, inactivityMs)
    },
    close: () => loaded?.agent.destroy(),
  }
}

/** The pieces again, and their length if it is small. */
function gather(body: Iterable<Uint8Array>): { readonly pieces: Iterable<Uint8Array>; readonly length?: number } {
  const rest = body[Symbol.iterator]()
  const first: Uint8Array[] = []
  let length = 0
  while (length <= BUFFERED_BYTES) {
    const next = rest.next()
    if (next.done === true) return { pieces: first, length }
    first.push(next.value)
    length += next.value.length
  }
  function* all(): Generator<Uint8Array, void> {
    yield* first.splice(0)
    for (let next = rest.next(); next.done !== true; next = rest.next()) yield next.value
  }
  return { pieces: all() }
}

function exchange(
  sent: ClientRequest,
  pieces: Iterable<Uint8Array>,
  request: HttpRequest,
  inactivityMs: number,
): Promise<HttpResponse> {
  const { signal } = request
  const onAbort = (): void => void sent.destroy(signal?.reason as Error)
  const fault = (error: unknown): unknown => (signal?.aborted === true ? signal.reason : faultOf(error))
  sent.setTimeout(inactivityMs, () => {
    sent.destroy(new StoreError("STORE_UNREACHABLE", "the host did not answer in time", { transient: true }))
  })
  signal?.addEventListener("abort", onAbort)
  const forget = (): void => signal?.removeEventListener("abort", onAbort)
  return new Promise((resolve, reject) => {
    sent.on("error", (error) => {
      forget()
      reject(fault(error))
    })
    sent.once("response", (response) => resolve(received(response, request, fault, forget)))
    feed(sent, pieces, request).catch((error: unknown) => sent.destroy(error as Error))
  })
}

function received(
  response: IncomingMessage,
  request: HttpRequest,
  fault: (error: unknown) => unknown,
  forget: () => void,
): HttpResponse {
  async function* body(): AsyncGenerator<Uint8Array, void> {
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        request.onBytes?.(chunk.length)
        yield plain(chunk)
      }
    } catch (error) {
      throw fault(error)
    } finally {
      forget()
      response.destroy()
    }
  }
  const header = (name: string): string | undefined => {
    const value = response.headers[name]
    return Array.isArray(value) ? value[0] : value
  }
  return { status: response.statusCode ?? 0, header, body: body() }
}

/** Writes with back-pressure, until the host has heard enough to answer or is gone. */
async function feed(sent: ClientRequest, pieces: Iterable<Uint8Array>, request: HttpRequest): Promise<void> {
  let isOver = false
  let wake = (): void => {}
  const over = (): void => {
    isOver = true
    wake()
  }
  sent.once("response", over)
  sent.once("close", over)
  sent.on("drain", () => wake())
  for (const piece of pieces) {
    if (isOver) return
    request.onBytes?.(piece.length)
    if (!sent.write(piece)) {
      await new Promise<void>((resolve) => {
        wake = resolve
        if (isOver) resolve()
      })
    }
  }
  if (!isOver) sent.end()
}

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS|ERR_SSL/

function faultOf(error: unknown): unknown {
  if (error instanceof StoreError || !(error instanceof Error)) return error
  const code = `${(error as NodeJS.ErrnoException).code ?? ""}`
  if (CERTIFICATE.test(code)) {
    return new StoreError("STORE_UNREACHABLE", `the host's certificate is not trusted (${code})`, { cause: error })
  }
  if (code.startsWith("HPE_"))
    return new StoreError("STORE_MALFORMED", "the host does not answer in HTTP", { cause: error })
  const message = code === "" ? "the connection broke" : `no connection to the host (${code})`
  return new StoreError("STORE_UNREACHABLE", message, { cause: error, transient: true })
}
