/**
 * restic with a repository in a local folder. It derives its key from the
 * password in every run, which is half a second or more; {@link ResticDesk.open}
 * is that part alone.
 *
 * @module
 */
import { join } from "node:path"
import { baseEnvironment, type Command, runCommand } from "../commands.ts"
import { folderBytes } from "./host.ts"
import type { Desk, Peer } from "./peer.ts"

export interface ResticDesk extends Desk {
  /** Opens the repository and does nothing with it. */
  open(): readonly Command[]
}

export const restic: Peer<ResticDesk> = {
  name: "restic",
  async setUp(root, place) {
    const repository = join(place, "repository")
    const env = (home: string): Record<string, string> => ({
      ...baseEnvironment(home),
      RESTIC_REPOSITORY: repository,
      RESTIC_PASSWORD: "abandon gravity hollow meadow oxygen violin",
      RESTIC_CACHE_DIR: join(home, "cache"),
    })
    const run = (args: readonly string[], home = place): Command => ({
      program: "restic",
      args: ["--quiet", ...args],
      cwd: root,
      env: env(home),
    })
    await runCommand(run(["init"]))
    return {
      root,
      send: () => [run(["backup", "."])],
      open: () => [run(["cat", "config"])],
      join: async (other) => [run(["restore", "latest", "--target", join(other, "files")], other)],
      storedBytes: () => folderBytes(repository),
    }
  },
}
