/**
 * What Git servers say in words, turned into {@link StoreError}s. The words
 * are those of git itself and of GitHub, GitLab and Gitea; anything else is a
 * failure of the host with its own words, cleaned for a terminal.
 *
 * @module
 */
import { StoreError } from "../../errors.ts"

/** How one ref update that was not done is to be taken. */
export type RefRefusal =
  /** Perhaps somebody else moved the ref: look. */
  | { readonly kind: "moved" }
  /** It is not what the ref was before plus something: the server may be set to refuse that. Or somebody else moved it. */
  | { readonly kind: "rewritten" }
  /** The server lacks something that the new commit needs, or the parent is gone. */
  | { readonly kind: "incomplete" }
  | { readonly kind: "fault"; readonly error: StoreError }

const MAX_TEXT_CHARS = 200
/** What is looked at for words that are known: nobody says more, and looking takes time by the square. */
const MAX_READ_CHARS = 1_000
const FULL = /no space left|disk quota|quota exceeded|exceeds maximum allowed size|over.{0,20}quota|file too large/i
const NO_REPOSITORY =
  /not a git repository|does not appear to be a git repository|repository not found|no such repository/i
const NO_OBJECT = /not our ref|missing (blob|tree|commit|object)|bad object|unable to read|could not (read|find)/i
const NO_RIGHT =
  /protected|hook declined|prohibited|denied|dubious ownership|read.only|not allowed|archived|permission|unauthorized/i
const MOVED =
  /non-fast-forward|fast.forward|failed to update ref|failed to delete|failed to lock|cannot lock ref|already exists|stale info|fetch first|remote ref does not exist|is at .* but expected/i

/** Words from a server, fit for a terminal: one line, no control characters, not long. */
export function plainText(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes.subarray(0, 4_096)).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
  return text.trim().slice(0, MAX_TEXT_CHARS)
}

/** The fault that a server's message tells of. */
export function faultOfMessage(words: string): StoreError {
  const message = words.slice(0, MAX_READ_CHARS)
  const said = message.slice(0, MAX_TEXT_CHARS)
  if (FULL.test(message)) return new StoreError("STORE_FULL", `the store is full: ${said}`)
  if (NO_REPOSITORY.test(message)) return new StoreError("STORE_NOT_FOUND", `no such repository: ${said}`)
  if (NO_OBJECT.test(message)) return new StoreError("STORE_OBJECT_MISSING", `the store lacks an object: ${said}`)
  if (NO_RIGHT.test(message)) return new StoreError("STORE_FORBIDDEN", `the store refuses: ${said}`)
  return new StoreError("STORE_FAILED", `the store failed: ${said}`, { transient: true })
}

/** How to take `ng <ref> <reason>`; `remarked` is what the server said beside it. */
export function refusalOfReason(given: string, remarked: string): RefRefusal {
  const [reason, remarks] = [given.slice(0, MAX_READ_CHARS), remarked.slice(0, MAX_READ_CHARS)]
  if (/missing necessary objects/i.test(reason)) return { kind: "incomplete" }
  if (FULL.test(reason) || FULL.test(remarks)) return { kind: "fault", error: faultOfMessage("no space left") }
  if (/hook declined|prohibited|protected|denied|deny/i.test(reason)) {
    return { kind: "fault", error: new StoreError("STORE_FORBIDDEN", `the store refuses: ${tell(reason, remarks)}`) }
  }
  if (/^non-fast-forward$/i.test(reason)) return { kind: "rewritten" }
  if (MOVED.test(reason)) return { kind: "moved" }
  return { kind: "fault", error: faultOfMessage(tell(reason, remarks)) }
}

function tell(reason: string, remarks: string): string {
  return remarks === "" ? reason : `${reason} (${remarks})`
}
