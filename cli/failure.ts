/**
 * From whatever was thrown to what a person, a script and the shell are told.
 * No stack and no foreign message without `SESSYN_DEBUG`: either may quote
 * what a user would not want in a log.
 *
 * @module
 */
import { inspect } from "node:util"
import { CodedError } from "../crypto/errors.ts"
import { type ErrorDetails, SyncError } from "../src/errors.ts"
import type { AnyCode } from "./errors.ts"
import { type ExitCode, exitCodes } from "./exitCodes.ts"
import { messages } from "./messages.ts"

export interface Failure {
  readonly code: AnyCode
  readonly message: string
  readonly action: string
  /** What exactly, if the layer that failed said so; never a secret. */
  readonly detail?: string
  /** Facts about it, by name: paths of this machine, ids. */
  readonly details?: ErrorDetails
  readonly exit: ExitCode
  /** Stack and causes, for `SESSYN_DEBUG`. */
  readonly trace: string
}

export function toFailure(error: unknown): Failure {
  const code: AnyCode = error instanceof CodedError && error.code in messages ? (error.code as AnyCode) : "UNEXPECTED"
  const words = messages[code]
  const detail = detailOf(error, code)
  return {
    code,
    ...(code === "USAGE" && detail !== undefined ? { ...words, message: asSentence(detail) } : words),
    ...(detail !== undefined && code !== "USAGE" && addsTo(words.message, detail) ? { detail } : {}),
    ...(error instanceof SyncError && Object.keys(error.details).length > 0 ? { details: error.details } : {}),
    exit: exitCodes[code],
    trace: inspect(error, { depth: 4 }),
  }
}

/** Whether `detail` has a word that the message has not: often the two say the same. */
function addsTo(message: string, detail: string): boolean {
  const words = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]{2,}/gu) ?? []
  const known = new Set(words(message))
  return words(detail).some((word) => !known.has(word))
}

function asSentence(text: string): string {
  const sentence = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?)]$/.test(sentence) ? sentence : `${sentence}.`
}

function detailOf(error: unknown, code: AnyCode): string | undefined {
  // A coded error's message holds no secret and no content by contract.
  if (code !== "UNEXPECTED") return (error as CodedError).message || undefined
  return systemFault(error)
}

/** `EACCES (open)`: enough to act on, without the path that Node puts into the message. */
function systemFault(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { code, syscall } = error as NodeJS.ErrnoException
  if (typeof code === "string" && /^[A-Z][A-Z0-9_]+$/.test(code)) return syscall ? `${code} (${syscall})` : code
  return error.name === "Error" ? undefined : error.name
}
