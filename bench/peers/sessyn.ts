/**
 * Sessyn as its users run it: the built command, a process each time, the key
 * remembered, a Git host.
 *
 * @module
 */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { baseEnvironment, type Command, runCommand } from "../commands.ts"
import { startHost } from "./host.ts"
import type { Desk, Peer } from "./peer.ts"

const PASSPHRASE = "abandon gravity hollow meadow oxygen violin"

export interface SessynDesk extends Desk {
  /** The repository on the host's disk. */
  readonly repository: string
}

/** @param cli - The built `cli.js`. */
export function createSessyn(cli: string): Peer<SessynDesk> {
  const machine = (root: string, home: string) => {
    mkdirSync(root, { recursive: true })
    mkdirSync(home, { recursive: true })
    const env = { ...baseEnvironment(home), SESSYN_HOME: home, SESSYN_KEYCHAIN: "file" }
    return (args: readonly string[], more: Readonly<Record<string, string>> = {}): Command => ({
      program: process.execPath,
      args: [cli, ...args],
      cwd: root,
      env: { ...env, ...more },
    })
  }
  const sync = ["sync", "--yes"]
  const known = { SESSYN_PASSPHRASE: PASSPHRASE }

  return {
    name: "sessyn",
    async setUp(root, place) {
      const host = await startHost()
      const first = machine(root, join(place, "home"))
      await runCommand(first(["init", "--store", host.url, "--name", "bench", "--remember"], known))
      return {
        root,
        repository: host.path,
        send: () => [first(sync)],
        async join(other) {
          const second = machine(join(other, "files"), join(other, "home"))
          const asked = await runCommand(
            second(["join", "--store", host.url, "--name", "second", "--remember", "--json"], known),
          )
          const { id } = JSON.parse(asked).machine as { readonly id: string }
          await runCommand(first(["machines", "approve", id, "--yes"]))
          return [second(sync)]
        },
        storedBytes: host.storedBytes,
        traffic: host.traffic,
      }
    },
  }
}
