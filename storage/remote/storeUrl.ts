/**
 * What a user may type as the place of a store. Pure. Text that holds a
 * password is refused, and never repeated in a message.
 *
 * @module
 */
import { StoreError } from "../errors.ts"

export type StoreUrl =
  /** A path as it was typed, or the absolute one of a `file:` URL. */
  { readonly kind: "path"; readonly path: string } | { readonly kind: "http"; readonly url: string }

/** Whether a URL's host name is this very machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname)
}

/**
 * @param typed - A path, `file://…`, `https://…`, `http://…` on loopback, or `github:owner/repository`.
 * @throws {StoreError} `STORE_URL_INVALID`, with what to type instead.
 */
export function parseStoreUrl(typed: string): StoreUrl {
  const text = typed.trim()
  if (text === "" || text.includes("\0") || /[\r\n]/.test(text))
    throw invalid("the store's address is empty or garbled")
  if (/^github:(?!\/\/)/i.test(text)) return github(text.slice("github:".length))
  if (isWindowsPath(text)) return { kind: "path", path: text }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || /^file:/i.test(text)) return byScheme(text)
  const scp = /^(?:[^/@:]+@)?([^/@:]+):(?!\/\/)(.+)$/.exec(text)
  if (scp !== null && /@|^[^/]*\.[^/]*:/.test(text)) throw sshAdvice(scp[1] as string, scp[2] as string)
  return { kind: "path", path: text }
}

function byScheme(text: string): StoreUrl {
  const url = parse(text)
  if (url.protocol === "file:") return { kind: "path", path: filePath(url) }
  if (url.protocol === "ssh:" || url.protocol === "git+ssh:") throw sshAdvice(url.hostname, url.pathname)
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw invalid("only https:// addresses, paths and github:owner/repository can be a store")
  }
  if (url.username !== "" || url.password !== "" || hasToken(url)) {
    throw invalid(
      "the store's URL carries a credential: leave it out, git's credential helper or SESSYN_TOKEN provides it",
    )
  }
  if (url.protocol === "http:" && !isLoopback(url.hostname)) {
    throw invalid("http:// would show the credential to the network: use https://")
  }
  if (url.search !== "" || url.hash !== "") throw invalid("the store's URL must not have a query or a fragment")
  const path = withoutSlashes(url.pathname)
  if (path === "") throw invalid("the store's URL names a host but no repository")
  return { kind: "http", url: url.origin + path }
}

/** Less those at the end. A pattern would look again at each slash of a long row that does not end there. */
function withoutSlashes(path: string): string {
  let end = path.length
  while (path[end - 1] === "/") end--
  return path.slice(0, end)
}

function parse(text: string): URL {
  try {
    return new URL(text)
  } catch {
    throw invalid("the store's address is not a URL")
  }
}

function github(name: string): StoreUrl {
  const match = /^([A-Za-z0-9][A-Za-z0-9-]{0,38})\/([A-Za-z0-9._-]{1,100}?)(?:\.git)?\/?$/.exec(name)
  const repository = match?.[2]
  if (match === null || repository === undefined || /^\.+$/.test(repository)) {
    throw invalid("type github:owner/repository")
  }
  return { kind: "http", url: `https://github.com/${match[1]}/${repository}.git` }
}

/** A token in the query, as some hosts offer it, would end up in logs. */
function hasToken(url: URL): boolean {
  return [...url.searchParams.keys()].some((key) => /token|password|secret|key|auth/i.test(key))
}

function filePath(url: URL): string {
  if (url.hostname !== "" && url.hostname !== "localhost") throw invalid("a file: URL must not name a host")
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
    throw invalid("not a file: URL")
  if (/%2f|%00/i.test(url.pathname)) throw invalid("not a file: URL")
  let path: string
  try {
    path = decodeURIComponent(url.pathname)
  } catch {
    throw invalid("not a file: URL")
  }
  return isWindowsPath(path.slice(1)) ? path.slice(1) : path
}

function isWindowsPath(text: string): boolean {
  return /^[A-Za-z]:([\\/]|$)/.test(text)
}

/** Only host and path are repeated: what stands before an `@` might be a secret. */
function sshAdvice(host: string, path: string): StoreError {
  const isPlain = /^[A-Za-z0-9.-]+$/.test(host) && /^[A-Za-z0-9._~/-]+$/.test(path)
  const instead = isPlain ? `https://${host}/${path.replace(/^\/+/, "")}` : "the repository's https:// address"
  return invalid(`ssh addresses cannot be a store: use ${instead}`)
}

function invalid(message: string): StoreError {
  return new StoreError("STORE_URL_INVALID", message)
}
