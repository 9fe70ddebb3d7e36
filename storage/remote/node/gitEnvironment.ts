/**
 * The environment for git's programs: the user's, less our secrets and what
 * ties git to a repository (we may have been started from a hook), and in
 * English, since its messages are read.
 *
 * @module
 */

/** What `git rev-parse --local-env-vars` lists, less settings given on a command line, and the protocol. */
const OF_A_REPOSITORY: ReadonlySet<string> = new Set([
  "GIT_ALTERNATE_OBJECT_DIRECTORIES",
  "GIT_COMMON_DIR",
  "GIT_CONFIG",
  "GIT_DIR",
  "GIT_GRAFT_FILE",
  "GIT_IMPLICIT_WORK_TREE",
  "GIT_INDEX_FILE",
  "GIT_INTERNAL_SUPER_PREFIX",
  "GIT_NAMESPACE",
  "GIT_NO_REPLACE_OBJECTS",
  "GIT_OBJECT_DIRECTORY",
  "GIT_PREFIX",
  "GIT_PROTOCOL",
  "GIT_QUARANTINE_PATH",
  "GIT_REPLACE_REF_BASE",
  "GIT_SHALLOW_FILE",
  "GIT_WORK_TREE",
])

/** None of git's business, nor of the hooks and helpers that it runs. */
const SECRETS: ReadonlySet<string> = new Set(["SESSYN_PASSPHRASE", "SESSYN_NEW_PASSPHRASE", "SESSYN_TOKEN"])

/** @param more - Variables to add. */
export function gitEnvironment(env: NodeJS.ProcessEnv, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !OF_A_REPOSITORY.has(name) && !SECRETS.has(name))
  return { ...Object.fromEntries(kept), LC_ALL: "C", LANGUAGE: "C", ...more }
}
