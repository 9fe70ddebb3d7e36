/**
 * Git itself, nothing encrypted: add, commit and push to the same kind of host.
 *
 * @module
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { baseEnvironment, type Command, runCommand } from "../commands.ts"
import { startHost } from "./host.ts"
import type { Desk, Peer } from "./peer.ts"

export interface GitDesk extends Desk {
  /** Brings the folder into the local repository. */
  commit(): readonly Command[]
  /** Sends what was committed. */
  push(): readonly Command[]
  /** Looks whether anything changed. */
  status(): readonly Command[]
}

export const git: Peer<GitDesk> = createGit()

/** @param settings - More lines of git's configuration, `section.key=value`. */
export function createGit(settings: readonly string[] = []): Peer<GitDesk> {
  return {
    name: "git",
    async setUp(root, place) {
      const host = await startHost()
      const run = gitRunner(place, settings)
      await runCommand(run(root, ["init", "--quiet", "--initial-branch=main"]))
      await runCommand(run(root, ["remote", "add", "origin", host.url]))
      const commands = gitCommands(root, run)
      return {
        root,
        ...commands,
        send: () => [...commands.commit(), ...commands.push()],
        join: async (other) => [run(other, ["clone", "--quiet", "--branch", "main", host.url, join(other, "files")])],
        storedBytes: host.storedBytes,
        traffic: host.traffic,
      }
    },
  }
}

export type GitRunner = (cwd: string, args: readonly string[]) => Command

/** Runs git with a configuration of its own, in `place`. */
export function gitRunner(
  place: string,
  settings: readonly string[] = [],
  more: Readonly<Record<string, string>> = {},
): GitRunner {
  const config = join(place, "gitconfig")
  // Collecting garbage behind our back would fall into another's time.
  const all = ["user.name=Bench", "user.email=bench@example.org", "gc.auto=0", "maintenance.auto=false", ...settings]
  const lines = all.map((setting) => {
    const [, section, key, value] = /^([^.]+)\.([^=]+)=(.*)$/.exec(setting) ?? []
    return `[${section}]\n\t${key} = ${value}\n`
  })
  writeFileSync(config, lines.join(""))
  const env = { ...baseEnvironment(place), GIT_CONFIG_GLOBAL: config, GIT_CONFIG_NOSYSTEM: "1", ...more }
  return (cwd, args) => ({ program: "git", args, cwd, env })
}

/** What git and git-remote-gcrypt have in common. */
export function gitCommands(root: string, run: GitRunner): Pick<GitDesk, "commit" | "push" | "status"> {
  return {
    commit: () => [run(root, ["add", "--all"]), run(root, ["commit", "--quiet", "--message=bench"])],
    push: () => [run(root, ["push", "--quiet", "origin", "main"])],
    status: () => [run(root, ["status", "--porcelain"])],
  }
}
