/**
 * The words for every error: one sentence that says what is the matter, one
 * action that gets out of it.
 *
 * @module
 */
import type { AnyCode } from "./errors.ts"

export interface Words {
  /** What is the matter. */
  readonly message: string
  /** The one thing to do about it. */
  readonly action: string
}

const AUDIT = "Nothing was changed. Run `sessyn verify` to see what is damaged, then `sessyn repair`."

/** The words for each code; a new code does not compile until it has some. */
export const messages = {
  CRYPTO_OPEN_FAILED: {
    message: "Something in the vault does not open with this workspace's key.",
    action: AUDIT,
  },
  CRYPTO_INVALID_INPUT: {
    message: "A key or parameter has a form that the algorithm does not allow.",
    action: "Please report this: it is a fault of Sessyn.",
  },
  CRYPTO_UNSUPPORTED: {
    message: "This version of Node.js lacks an algorithm that the vault needs.",
    action: "Update Node.js to the newest long-term version and try again.",
  },

  FORMAT_INVALID: { message: "The vault holds bytes that are not in Sessyn's format.", action: AUDIT },
  FORMAT_NEWER: {
    message: "A newer Sessyn wrote this vault.",
    action: "Update Sessyn on this machine and try again.",
  },
  FORMAT_LIMIT_EXCEEDED: { message: "The vault states a size beyond what the format allows.", action: AUDIT },
  HASH_MISMATCH: { message: "The store handed out bytes that are not those the vault names.", action: AUDIT },
  SEAL_BROKEN: { message: "A part of the vault was altered or damaged: its seal does not open.", action: AUDIT },
  OBJECT_MISSING: { message: "The store lacks a part that the vault names.", action: AUDIT },
  TRUST_LOG_INVALID: {
    message: "The list of trusted machines in the store breaks a rule; it is not believed.",
    action: AUDIT,
  },
  HEADER_INVALID: { message: "The newest version in the store breaks a rule; it is not believed.", action: AUDIT },

  STORE_UNREACHABLE: {
    message: "The store cannot be reached.",
    action: "Check the network and try again; nothing was lost.",
  },
  STORE_NOT_FOUND: {
    message: "There is no such repository, or this account may not see it.",
    action: "Check the URL in `sessyn status`, and that git's credential helper or SESSYN_TOKEN gives access to it.",
  },
  STORE_UNAUTHENTICATED: {
    message: "The store does not accept this sign-in.",
    action: "Sign in again through git's credential helper, or set SESSYN_TOKEN.",
  },
  STORE_FORBIDDEN: {
    message: "This account may not write to the store.",
    action: "Give the account or token write access to the repository, then try again.",
  },
  STORE_RATE_LIMITED: {
    message: "The store asks for a pause: too many requests.",
    action: "Wait some minutes and try again; what is uploaded already is kept.",
  },
  STORE_FAILED: {
    message: "The store failed.",
    action: "Try again in some minutes; if it stays so, look at the host's status page.",
  },
  STORE_MALFORMED: {
    message: "The store answered something that a Git host must not answer.",
    action:
      "Check that the URL names a Git repository and that no proxy changes the answers; then run `sessyn verify`.",
  },
  STORE_OBJECT_MISSING: { message: "The store lost a part of the repository.", action: AUDIT },
  STORE_FULL: {
    message: "The store is full, or its quota is used up.",
    action: "Run `sessyn compact` to drop old history, or raise the quota.",
  },
  STORE_URL_INVALID: {
    message: "Sessyn cannot use this store URL.",
    action:
      "Give a path, `file://…`, `https://…` or `github:owner/repo`; a URL must hold no password: git's credential helper keeps it.",
  },

  ROOT_MISSING: {
    message: "The folder to sync is missing, or is not the one that was set up.",
    action: "If it lies on a drive, mount that first. Nothing was deleted anywhere.",
  },
  ROOT_READ_ONLY: {
    message: "The folder cannot be written to.",
    action: "Give yourself write access to it, then try again.",
  },
  DISK_FULL: { message: "The disk is full.", action: "Make room, then try again; what is done already is kept." },
  BUSY: {
    message: "Another Sessyn is at work on this folder.",
    action: "Wait until it is done, or end it (`sessyn watch`, or the editor's extension).",
  },
  NOT_SET_UP: {
    message: "This folder is not set up for syncing.",
    action: "Run `sessyn init` to make a vault for it, or `sessyn join --store URL` to get one that you have.",
  },
  ALREADY_SET_UP: { message: "This folder is set up already.", action: "Run `sessyn status` to see where it syncs." },
  VAULT_EXISTS: {
    message: "There is a vault in this store already.",
    action: "Run `sessyn join --store URL` to join it, or `sessyn init --another` to make a second one beside it.",
  },
  VAULT_MISSING: {
    message: "There is no vault in this store.",
    action: "Check the URL, or make a vault with `sessyn init --store URL`.",
  },
  VAULT_AMBIGUOUS: {
    message: "This store holds several vaults.",
    action: "Say which one with `sessyn join --store URL --workspace ID`; the start of its id is enough.",
  },
  VAULT_VANISHED: {
    message: "The vault that was in this store is gone.",
    action: "If you did not remove it, look at the host first. `sessyn repair` puts it back from this machine.",
  },
  STORE_BEHIND: {
    message: "The store still shows an older version than this machine has seen; hosts do that for a moment.",
    action: "Try again in a minute. If it stays so for five, Sessyn treats it as an alarm.",
  },
  VAULT_WENT_BACK: {
    message: "The store went back to an older version than this machine has seen.",
    action: "Ask what happened at the host, then run `sessyn repair`; nothing here was changed.",
  },
  VAULT_FORKED: {
    message: "The store shows another history than the one this machine has seen.",
    action: "Ask on your other machines what they see, then run `sessyn repair`; nothing here was changed.",
  },
  WRONG_PASSPHRASE: {
    message: "The passphrase does not open this vault.",
    action: "Try again; it may have been changed on another machine.",
  },
  WEAK_PASSPHRASE: {
    message: "This passphrase is too easy to guess.",
    action: "Take the six words that Sessyn proposes, or a longer one of your own.",
  },
  LOCKED: {
    message: "The vault is locked and no passphrase is at hand.",
    action: "Run `sessyn unlock --remember`, or give --passphrase-file FILE or SESSYN_PASSPHRASE.",
  },
  PENDING: {
    message: "This machine is not approved yet.",
    action:
      "On a trusted machine run `sessyn machines` and approve it; compare the words that `sessyn status` shows here.",
  },
  REVOKED: {
    message: "This machine was revoked: it may not sync any more.",
    action:
      "Your files stay as they are. To come back, run `sessyn join --again --store URL` here. If nobody you know revoked it, run `sessyn repair`.",
  },
  CLONED: {
    message: "A second copy of this machine is at work: a cloned disk, or a restored backup.",
    action: "Run `sessyn join --again --store URL` in one of the two, so that it gets keys of its own.",
  },
  MACHINE_UNKNOWN: {
    message: "No machine has that id or name, or several have.",
    action: "Run `sessyn machines` and give more characters of the id.",
  },
  MACHINE_STATE: {
    message: "That machine is in a state that does not allow this.",
    action: "Run `sessyn machines` to see it: only a pending one can be approved, only a trusted one revoked.",
  },
  POLICY_UNMET: {
    message: "Some machines have no post-quantum key yet.",
    action: "Run `sessyn machines upgrade-key` on each of them, or revoke it; then try again.",
  },
  MASS_DELETE: {
    message: "This sync would delete or empty more than half of the files, so it was not done.",
    action: "Look with `sessyn sync --dry-run`; if it is meant, run `sessyn sync --allow-mass-delete`.",
  },
  MASS_REVERT: {
    message: "This sync would put back old versions of many files, as after restoring a backup, so it was not done.",
    action: "Look with `sessyn sync --dry-run`; if it is meant, run `sessyn sync --allow-mass-delete`.",
  },
  TRUST_CHANGED: {
    message: "The list of machines changed meanwhile; nothing was done.",
    action: "Look at `sessyn machines`, then decide again.",
  },
  TRUST_FORKED: {
    message: "Two machines revoked each other, so Sessyn cannot tell which one to follow.",
    action: "Decide which machine you trust and run `sessyn repair` there.",
  },
  STATE_FORBIDDEN: {
    message: "Sessyn may not use the folder where it keeps what this machine remembers.",
    action: "Give yourself access to it, or set SESSYN_HOME to a folder of your own.",
  },
  STATE_DAMAGED: {
    message: "What Sessyn remembers on this machine cannot be read.",
    action: "Run `sessyn repair`; your files and the vault are untouched.",
  },
  SETUP_DAMAGED: {
    message: "This machine's own keys, or where it syncs, cannot be read any more.",
    action: "Run `sessyn join --again --store URL` in this folder. Your files and the vault are untouched.",
  },
  VERSION_UNKNOWN: {
    message: "The vault has no such version of that file.",
    action: "Run `sessyn log PATH` to see the versions there are.",
  },
  VERSION_DROPPED: {
    message: "That version is older than what the vault keeps: `sessyn compact` dropped it.",
    action: "Run `sessyn log` to see the versions that are left.",
  },
  HISTORY_MISSING: {
    message: "The store lacks old versions that it should have.",
    action: "Nothing was changed. Run `sessyn compact --keep` with the number of versions that are left.",
  },
  RESTORE_BLOCKED: {
    message: "That version could not be put there; what lay there is untouched.",
    action: "Restore it to another place with --to FILE.",
  },
  CANCELLED: { message: "Cancelled; nothing is half done.", action: "Run the command again when you are ready." },
  CONTENDED: {
    message: "Other machines kept syncing at the same moment.",
    action: "Try again in a minute.",
  },

  USAGE: {
    message: "That is not how the command is called.",
    action: "Run `sessyn help`, or `sessyn help VERB`, to see how it is called.",
  },
  NEEDS_CONFIRMATION: {
    message: "This needs an answer, and no terminal is there to ask on.",
    action: "Run it in a terminal, or add --yes.",
  },
  OUTSIDE_FOLDER: {
    message: "That path is not inside the synced folder.",
    action: "Give a path below the synced folder.",
  },
  PASSPHRASE_FILE: {
    message: "The passphrase file cannot be used.",
    action: "Give a file that you can read, with the passphrase on its first line.",
  },
  FINGERPRINT_DIFFERS: {
    message: "The words do not match: this is not the machine that you have in front of you.",
    action: "Do not approve it. Compare the words once more; if they differ still, somebody else asked to be let in.",
  },
  UNEXPECTED: {
    message: "Something went wrong that should not.",
    action: "Try again; with SESSYN_DEBUG=1 you see the details, which help in a report.",
  },
} satisfies Record<AnyCode, Words>
