/**
 * One file of noise goes up: no compression helps, only the way matters. Git is
 * told not to try, and only its push is timed.
 *
 * @module
 */
import { join } from "node:path"
import { runCommand } from "../commands.ts"
import { takeTurns } from "../measure.ts"
import { createGit } from "../peers/git.ts"
import { makeNoiseFile } from "../trees.ts"
import type { Case } from "./case.ts"
import { MIB, SESSYN, timeAgainst } from "./checks.ts"
import { sitDown } from "./desks.ts"

const GIT_PUSH = "git push, nothing compressed"

export const incompressible: Case = {
  name: "incompressible",
  title: "incompressible file, up",
  async run(bench) {
    const mebibytes = bench.quick ? 8 : 64
    const tree = bench.place("noise")
    makeNoiseFile(join(tree, "noise.bin"), mebibytes * MIB)
    const git = createGit(["core.compression=0", "pack.window=0"])
    const measured = await takeTurns(
      [
        {
          name: SESSYN,
          async prepare() {
            const desk = await sitDown(bench, bench.peers.sessyn, tree)
            return { ...desk, commands: desk.send() }
          },
        },
        {
          name: GIT_PUSH,
          async prepare() {
            const desk = await sitDown(bench, git, tree)
            for (const command of desk.commit()) await runCommand(command)
            return { ...desk, commands: desk.push() }
          },
        },
      ],
      bench.turns,
    )
    const title = `${this.title}: ${mebibytes} MiB`
    return [{ name: this.name, title, measured, checks: [timeAgainst(measured, GIT_PUSH, 1.1)], notes: [] }]
  },
}
