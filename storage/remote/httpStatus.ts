/**
 * What an HTTP status means for a store. Pure; for every adapter that speaks
 * HTTP. Hosts limit rates with 429 or with 403, and often without saying for
 * how long.
 *
 * @module
 */
import { StoreError } from "../errors.ts"

export interface HttpFailure {
  readonly status: number
  /** A header's value, by lower-case name. */
  header(name: string): string | undefined
  /** The start of the body, if it is text. */
  readonly text: string
}

/** The longest wait that a host may ask for and be believed, in milliseconds. */
const MAX_RETRY_AFTER_MS = 60 * 60 * 1000
const RATE_LIMIT = /rate limit|abuse detection|too many requests/i

/** @param nowMs - Milliseconds since the epoch, against which dates in headers are taken. */
export function storeErrorOfStatus(failure: HttpFailure, nowMs: number): StoreError {
  const { status } = failure
  const waitMs = retryAfterMs(failure, nowMs)
  if (status === 429 || (status === 403 && isRateLimit(failure))) {
    const message = `the host says: too many requests (${status})`
    return new StoreError("STORE_RATE_LIMITED", message, { transient: true, retryAfterMs: waitMs })
  }
  switch (status) {
    case 401:
      return new StoreError("STORE_UNAUTHENTICATED", "the host does not accept the credential, or wants one (401)")
    case 403:
      return new StoreError("STORE_FORBIDDEN", "the host does not allow this with the credential (403)")
    case 404:
    case 410:
      return new StoreError("STORE_NOT_FOUND", `no such repository, or no access to it (${status})`)
    case 413:
      return new StoreError("STORE_FORBIDDEN", "the host does not take uploads of this size (413)")
    case 507:
      return new StoreError("STORE_FULL", "the host has no space left (507)")
    default:
      return new StoreError("STORE_FAILED", `the host failed (${status})`, {
        transient: isTransient(status),
        retryAfterMs: waitMs,
      })
  }
}

/** 409: a repository that is just being made. */
function isTransient(status: number): boolean {
  return status === 408 || status === 409 || status === 425 || (status >= 500 && status !== 501 && status !== 505)
}

function isRateLimit(failure: HttpFailure): boolean {
  const isSaid = failure.header("retry-after") !== undefined || failure.header("x-ratelimit-remaining") === "0"
  return isSaid || RATE_LIMIT.test(failure.text)
}

/** From `Retry-After` (RFC 9110 section 10.2.3, seconds or a date), else from GitHub's reset time. */
function retryAfterMs(failure: HttpFailure, nowMs: number): number | undefined {
  const after = failure.header("retry-after")?.trim()
  if (after !== undefined) {
    const waitMs = /^\d+$/.test(after) ? Number(after) * 1000 : Date.parse(after) - nowMs
    return bounded(waitMs)
  }
  const reset = failure.header("x-ratelimit-reset")?.trim()
  const isUsedUp = failure.header("x-ratelimit-remaining") === "0"
  return isUsedUp && reset !== undefined && /^\d+$/.test(reset) ? bounded(Number(reset) * 1000 - nowMs) : undefined
}

function bounded(waitMs: number): number | undefined {
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(0, waitMs), MAX_RETRY_AFTER_MS)
}
