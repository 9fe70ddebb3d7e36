/**
 * Reaches a Git host by its smart HTTP protocol (gitprotocol-http(5)).
 * Credentials go to the one origin of the store's URL and nowhere else: a
 * redirect within it is followed, any other refused.
 *
 * @module
 */
import { concatBytes, toBase64, utf8 } from "../../../crypto/bytes.ts"
import { StoreError } from "../../errors.ts"
import { readAdvertisement } from "../git/advertisement.ts"
import { plainText } from "../git/serverFaults.ts"
import type { ExchangeOptions, GitService, GitTransport } from "../git/transport.ts"
import { storeErrorOfStatus } from "../httpStatus.ts"
import { isLoopback } from "../storeUrl.ts"
import type { Credential, CredentialSource } from "./gitCredentials.ts"
import { BUFFERED_BYTES, createHttpClient, type HttpResponse } from "./httpClient.ts"

export interface HttpTransportOptions {
  /** Of the repository, checked before; no credentials in it. */
  readonly url: URL
  readonly credentials: CredentialSource
  readonly inactivityMs: number
  readonly now: () => number
  /** For proxies. */
  readonly env: NodeJS.ProcessEnv
}

interface GitRequest {
  readonly service: GitService
  /** Absent: asks what the service can do. */
  readonly body?: () => Iterable<Uint8Array>
  readonly options: ExchangeOptions
}

const MAX_REDIRECTS = 5
const MAX_ERROR_BYTES = 4_096

export function createHttpTransport(settings: HttpTransportOptions): GitTransport {
  const loopback = isLoopback(settings.url.hostname)
  const client = createHttpClient(
    settings.url.protocol === "https:",
    loopback ? undefined : settings.env,
    settings.inactivityMs,
  )
  // A host on this machine is more likely to want no credential: there it is looked for when one is asked for.
  const session = createSession(settings.credentials, settings.url, !loopback)
  let base = settings.url.href.replace(/\/+$/, "")
  let mayPush = false

  const sendOnce = async (request: GitRequest, credential: Credential | undefined): Promise<HttpResponse> => {
    const { service, body, options } = request
    const headers: Record<string, string> = { "user-agent": "git/sessyn", "cache-control": "no-cache" }
    if (options.version2) headers["git-protocol"] = "version=2"
    if (credential !== undefined) headers["authorization"] = basic(credential)
    const common = { headers, signal: options.signal, onBytes: options.onBytes }
    if (body === undefined) return client.send({ method: "GET", url: new URL(base + suffix(request)), ...common })
    headers["content-type"] = `application/x-${service}-request`
    headers["accept"] = `application/x-${service}-result`
    return client.send({ method: "POST", url: new URL(base + suffix(request)), body: body(), ...common })
  }

  /** Sends, signs in, follows. Each refusal is answered at most once with another credential. */
  const send = async (request: GitRequest): Promise<AsyncIterable<Uint8Array>> => {
    let credential = await session.first(request.options.signal)
    let refusals = 0
    for (let redirects = 0; ; ) {
      const response = await sendOnce(request, credential)
      if (response.status === 401 && refusals++ < 2) {
        const { error } = await failure(response, settings.now())
        const other = await session.after(credential, request.options.signal)
        if (other === undefined) throw error
        credential = other
      } else if (isRedirect(response.status) && redirects++ < MAX_REDIRECTS) {
        base = await redirectedBase(response, base, suffix(request))
      } else {
        return accepted(response, request, credential)
      }
    }
  }

  const accepted = async (
    response: HttpResponse,
    request: GitRequest,
    credential: Credential | undefined,
  ): Promise<AsyncIterable<Uint8Array>> => {
    if (response.status !== 200) throw (await failure(response, settings.now())).error
    const kind = request.body === undefined ? "advertisement" : "result"
    const type = response.header("content-type")?.split(";")[0]?.trim().toLowerCase()
    if (type !== `application/x-${request.service}-${kind}`) {
      await response.body[Symbol.asyncIterator]().return?.()
      throw new StoreError(
        "STORE_MALFORMED",
        "the host answers with a page, not with a Git repository: is the URL right?",
      )
    }
    if (credential !== undefined) session.worked(credential)
    if (request.service === "git-receive-pack" || credential !== undefined) mayPush = true
    return response.body
  }

  return {
    url: settings.url.href,

    advertise: (service, options) => send({ service, options }),

    async exchange(service, body, options) {
      // A refusal in the middle of a long upload may look like a broken connection: ask beforehand.
      if (service === "git-receive-pack" && !mayPush && isLong(body)) {
        await readAdvertisement(await send({ service, options }))
      }
      return send({ service, body, options })
    },

    close: async () => client.close(),
  }
}

interface Session {
  /** What to send with a request that was not refused yet. */
  first(signal: AbortSignal | undefined): Promise<Credential | undefined>
  /** What to send after the host refused `credential`; `undefined` if there is nothing else. */
  after(credential: Credential | undefined, signal: AbortSignal | undefined): Promise<Credential | undefined>
  worked(credential: Credential): void
}

/** One credential for all requests, looked up once however many ask. */
function createSession(source: CredentialSource, url: URL, looksFirst: boolean): Session {
  let current: Promise<Credential | undefined> | undefined
  let approved: Credential | undefined

  const replace = async (refused: Credential | undefined): Promise<Credential | undefined> => {
    if (refused !== undefined) await source.reject(url, refused)
    const other = await source.find(url)
    return other !== undefined && refused !== undefined && isSame(other, refused) ? undefined : other
  }

  return {
    async first(signal) {
      if (current === undefined && looksFirst) current = source.find(url)
      return abortable(current, signal)
    },
    async after(credential, signal) {
      const asked = current
      const known = await abortable(asked, signal)
      // Another request may have replaced it meanwhile, or the host changed its mind about none.
      if (current === asked && known === credential) current = replace(credential)
      return abortable(current, signal)
    },
    worked(credential) {
      if (approved === credential) return
      approved = credential
      void source.approve(url, credential)
    },
  }
}

/** The value, unless the signal comes first: a lookup is shared, and may be waiting for a person. */
function abortable<T>(value: Promise<T> | undefined, signal: AbortSignal | undefined): Promise<T | undefined> {
  if (value === undefined || signal === undefined) return Promise.resolve(value)
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener("abort", onAbort)
    value.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort))
  })
}

function isSame(a: Credential, b: Credential): boolean {
  return basic(a) === basic(b)
}

function basic({ username, password }: Credential): string {
  return `Basic ${toBase64(concatBytes(utf8(`${username}:`), password.expose()))}`
}

function suffix(request: GitRequest): string {
  return request.body === undefined ? `/info/refs?service=${request.service}` : `/${request.service}`
}

function isLong(body: () => Iterable<Uint8Array>): boolean {
  let length = 0
  for (const piece of body()) {
    length += piece.length
    if (length > BUFFERED_BYTES) return true
  }
  return false
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 307 || status === 308
}

/** Where the repository lies now, by the address to which one of its requests was redirected. */
async function redirectedBase(response: HttpResponse, base: string, tail: string): Promise<string> {
  await response.body[Symbol.asyncIterator]().return?.()
  const target = new URL(response.header("location") ?? "", base + tail)
  if (target.origin !== new URL(base).origin) {
    const advice = "if you trust that address, use it as the store's URL"
    throw new StoreError("STORE_URL_INVALID", `the host redirects to another one, ${target.origin}: ${advice}`)
  }
  const path = target.pathname + target.search
  if (!path.endsWith(tail)) {
    throw new StoreError("STORE_NOT_FOUND", "the host redirects to a page: no such repository, or not signed in")
  }
  return target.origin + path.slice(0, -tail.length)
}

async function failure(response: HttpResponse, nowMs: number): Promise<{ readonly error: StoreError }> {
  const parts: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of response.body) {
      parts.push(chunk)
      length += chunk.length
      if (length >= MAX_ERROR_BYTES) break
    }
  } catch {
    // The status says what there is to say.
  }
  const { status, header } = response
  return { error: storeErrorOfStatus({ status, header, text: plainText(concatBytes(...parts)) }, nowMs) }
}
