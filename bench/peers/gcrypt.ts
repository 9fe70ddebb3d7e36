/**
 * git-remote-gcrypt: add, commit, and a push that encrypts with GnuPG, to the
 * same kind of host. The key has no passphrase, as if an agent remembered it.
 *
 * @module
 */
import { execFileSync } from "node:child_process"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { baseEnvironment, runCommand } from "../commands.ts"
import { gitCommands, gitRunner } from "./git.ts"
import { startHost } from "./host.ts"
import type { Peer } from "./peer.ts"

export interface GcryptPeer extends Peer {
  /** Stops the agent that GnuPG left running. */
  stop(): void
}

/** @param home - A folder for its keys, made; with a short path, for the agent's socket lies in it. */
export async function createGcrypt(home: string): Promise<GcryptPeer> {
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const env = { ...baseEnvironment(home), GNUPGHOME: home }
  const gpg = (...args: readonly string[]): Promise<string> =>
    runCommand({ program: "gpg", args: ["--batch", "--quiet", ...args], cwd: home, env })
  await gpg("--passphrase", "", "--quick-gen-key", "Bench <bench@example.org>", "future-default", "default", "never")
  const key = /^fpr:+([0-9A-F]+):/m.exec(await gpg("--with-colons", "--list-keys"))?.[1] ?? ""

  return {
    name: "gcrypt",
    async setUp(root, place) {
      const host = await startHost()
      const settings = [`user.signingkey=${key}`, `gcrypt.participants=${key}`, "gcrypt.publish-participants=true"]
      const run = gitRunner(place, settings, { GNUPGHOME: home })
      const url = `gcrypt::${host.url}`
      await runCommand(run(root, ["init", "--quiet", "--initial-branch=main"]))
      await runCommand(run(root, ["remote", "add", "origin", url]))
      const { commit, push } = gitCommands(root, run)
      return {
        root,
        send: () => [...commit(), ...push()],
        join: async (other) => [run(other, ["clone", "--quiet", "--branch", "main", url, join(other, "files")])],
        storedBytes: host.storedBytes,
        traffic: host.traffic,
      }
    },
    stop: () => {
      execFileSync("gpgconf", ["--kill", "all"], { env, stdio: "ignore" })
    },
  }
}
