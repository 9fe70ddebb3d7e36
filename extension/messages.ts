/**
 * The words for every error in the editor: what is the matter, and the one
 * thing to do about it, as a button where a command can do it.
 *
 * @module
 */
import type { CryptoErrorCode } from "../crypto/errors.ts"
import { CodedError } from "../crypto/errors.ts"
import type { SyncErrorCode } from "../src/errors.ts"
import type { StorageErrorCode, StoreErrorCode } from "../storage/errors.ts"

/** Errors of the extension itself. */
export type ExtensionErrorCode =
  /** No folder is open. */
  | "NO_FOLDER"
  /** The folder lies on no disk that this extension can reach. */
  | "VIRTUAL_FOLDER"
  /** Anything that is nobody's plan: a fault of Sessyn or of the system. */
  | "UNEXPECTED"

export class ExtensionError extends CodedError<ExtensionErrorCode> {}

/** Every code for which the extension has words. */
export type AnyCode = CryptoErrorCode | StorageErrorCode | StoreErrorCode | SyncErrorCode | ExtensionErrorCode

/** What a message's button does. */
export type Action = "retry" | "setup" | "sync" | "open-folder" | "details"

export interface Words {
  readonly message: string
  readonly action: Action
}

export const ACTION_LABELS = {
  retry: "Try Again",
  setup: "Set Up…",
  sync: "Sync Now",
  "open-folder": "Open Folder…",
  details: "Show Details",
} satisfies Record<Action, string>

const say = (message: string, action: Action): Words => ({ message, action })
const DAMAGED = "Nothing here was changed. Look at the details, then run “sessyn verify” in a terminal."

/** The words for each code; a new code does not compile until it has some. */
export const messages = {
  CRYPTO_OPEN_FAILED: say(`Something in the vault does not open with this workspace's key. ${DAMAGED}`, "details"),
  CRYPTO_INVALID_INPUT: say("A key has a form that its algorithm does not allow: a fault of Sessyn.", "details"),
  CRYPTO_UNSUPPORTED: say("This version of VS Code lacks an algorithm that the vault needs. Update it.", "details"),

  FORMAT_INVALID: say(`The vault holds bytes that are not in Sessyn's format. ${DAMAGED}`, "details"),
  FORMAT_NEWER: say("A newer Sessyn wrote this vault. Update the extension on this machine.", "details"),
  FORMAT_LIMIT_EXCEEDED: say(`The vault states a size beyond what the format allows. ${DAMAGED}`, "details"),
  HASH_MISMATCH: say(`The store handed out bytes that are not those the vault names. ${DAMAGED}`, "details"),
  SEAL_BROKEN: say(`A part of the vault was altered or damaged. ${DAMAGED}`, "details"),
  OBJECT_MISSING: say(`The store lacks a part that the vault names. ${DAMAGED}`, "details"),
  TRUST_LOG_INVALID: say(`The list of trusted machines breaks a rule and is not believed. ${DAMAGED}`, "details"),
  HEADER_INVALID: say(`The newest version in the store breaks a rule and is not believed. ${DAMAGED}`, "details"),

  STORE_UNREACHABLE: say("The store cannot be reached. Check the network; nothing was lost.", "retry"),
  STORE_NOT_FOUND: say("There is no such repository, or this account may not see it.", "retry"),
  STORE_UNAUTHENTICATED: say("The store does not accept this sign-in. Sign in with git once, then try again.", "retry"),
  STORE_FORBIDDEN: say("This account may not write to the store. Give it access, then try again.", "retry"),
  STORE_RATE_LIMITED: say("The store asks for a pause. Try again in some minutes; what is uploaded is kept.", "retry"),
  STORE_FAILED: say("The store failed. Try again in some minutes.", "retry"),
  STORE_MALFORMED: say("The store answered something that a Git host must not answer.", "details"),
  STORE_OBJECT_MISSING: say(`The store lost a part of the repository. ${DAMAGED}`, "details"),
  STORE_FULL: say("The store is full, or its quota is used up. Make room there, then try again.", "retry"),
  STORE_URL_INVALID: say("Sessyn cannot use this store URL. Give a folder, or https://… without a password.", "setup"),

  ROOT_MISSING: say("The folder to sync is missing. Nothing was deleted anywhere.", "open-folder"),
  ROOT_READ_ONLY: say("The folder cannot be written to. Give yourself access, then try again.", "retry"),
  DISK_FULL: say("The disk is full. Make room, then try again; what is done already is kept.", "retry"),
  BUSY: say("Another Sessyn is at work on this folder. Try again when it is done.", "retry"),
  NOT_SET_UP: say("This folder is not set up for syncing yet.", "setup"),
  ALREADY_SET_UP: say("This folder is set up already.", "sync"),
  VAULT_EXISTS: say("There is a vault in this store already. Set up again to join it.", "setup"),
  VAULT_MISSING: say("There is no vault in this store. Set up again to make one.", "setup"),
  VAULT_AMBIGUOUS: say("This store holds several vaults.", "details"),
  VAULT_VANISHED: say("The vault that was in this store is gone. Nothing here was changed.", "details"),
  VAULT_WENT_BACK: say("The store shows an older version than this machine has seen.", "retry"),
  VAULT_FORKED: say("The store shows another history than this machine has seen. Nothing was changed.", "details"),
  STORE_BEHIND: say("The store shows an older version just now. Wait a few minutes, then try again.", "retry"),
  WRONG_PASSPHRASE: say("The passphrase does not open this vault.", "retry"),
  WEAK_PASSPHRASE: say("This passphrase is too easy to guess. Take the six words, or a longer one.", "retry"),
  LOCKED: say("The vault is locked: no passphrase was given.", "retry"),
  PENDING: say("This machine is not approved yet. Approve it on a machine that you trust.", "retry"),
  REVOKED: say("This machine was revoked and may not sync any more. Your files stay as they are.", "details"),
  CLONED: say("Another copy of this machine's state is in use. Set this one up as a machine of its own.", "setup"),
  MACHINE_UNKNOWN: say("There is no such machine.", "retry"),
  MACHINE_STATE: say("This machine is in a state that does not allow it. Look at the machines again.", "retry"),
  POLICY_UNMET: say(
    "Some machines have no post-quantum key yet: “sessyn machines upgrade-key” gives them one.",
    "details",
  ),
  MASS_DELETE: say("More than half of the files would have been deleted. Nothing was changed.", "retry"),
  MASS_REVERT: say("Old versions of many files would have come back. Nothing was changed.", "retry"),
  TRUST_CHANGED: say("The trusted machines changed meanwhile. Look again, then decide again.", "retry"),
  TRUST_FORKED: say(
    "Two machines revoked each other. On the one you trust, run “sessyn repair” in a terminal.",
    "details",
  ),
  SETUP_DAMAGED: say("This machine's own keys, or where it syncs, cannot be read any more.", "details"),
  STATE_FORBIDDEN: say("Sessyn may not use the folder where it keeps what this machine remembers.", "details"),
  STATE_DAMAGED: say("What Sessyn remembers on this machine cannot be read.", "details"),
  RESTORE_BLOCKED: say("That version could not be put there; what lay there is untouched.", "details"),
  VERSION_UNKNOWN: say("The vault holds no version of that file.", "details"),
  VERSION_DROPPED: say("That version is older than what the vault keeps: it was compacted since.", "details"),
  HISTORY_MISSING: say("The store lacks old versions that it should have. Nothing was changed.", "details"),
  CANCELLED: say("Cancelled. Nothing was changed.", "retry"),
  CONTENDED: say("Other machines kept writing at the same time. Try again.", "retry"),

  NO_FOLDER: say("Open the folder that you want to sync first.", "open-folder"),
  VIRTUAL_FOLDER: say(
    "This folder lies on no disk that Sessyn can reach. Open it in VS Code on desktop.",
    "open-folder",
  ),
  UNEXPECTED: say("Something went wrong that should not. Nothing was lost.", "details"),
} satisfies Record<AnyCode, Words>

/** The code of anything that was thrown. */
export function codeOf(error: unknown): AnyCode {
  return error instanceof CodedError && Object.hasOwn(messages, error.code) ? (error.code as AnyCode) : "UNEXPECTED"
}
