/**
 * A file of 2 GiB: sent whole once, then with 1 KB inserted in its middle. All
 * its versions are made once and linked into the folders, which are many.
 *
 * @module
 */
import { linkSync, rmSync, statfsSync } from "node:fs"
import { join } from "node:path"
import { type Measured, runOnce, summarizeRuns, takeTurns, type Variant } from "../measure.ts"
import type { Desk, Peer } from "../peers/peer.ts"
import type { ResticDesk } from "../peers/restic.ts"
import { insertInMiddle, makeNoiseFile } from "../trees.ts"
import type { Bench, Case, Result } from "./case.ts"
import { atMost, find, MB, MIB, memoryAtMost, RESTIC_OPEN, SESSYN, timeAgainst } from "./checks.ts"

const INSERTED_BYTES = 1000

export const largeFile: Case = {
  name: "large-file",
  title: "one large file",
  async run(bench) {
    const bytes = (bench.quick ? 64 : 2048) * MIB
    const versions = bench.place("versions")
    // Each version, and a store each; twice over for what the peers keep beside.
    const wanted = (bench.turns.pairs + 3) * bytes + 6 * bytes
    const { bavail, bsize } = statfsSync(versions)
    if (bavail * bsize < wanted) throw new Error(`the disk has no room for ${Math.ceil(wanted / 1e9)} GB`)
    makeNoiseFile(join(versions, "0"), bytes)
    const title = `${this.title}: ${bytes / MIB} MiB`
    const ours = await sendWhole(bench, SESSYN, bench.peers.sessyn, versions)
    const { restic } = bench.peers
    const theirs = restic === null ? null : await sendWhole(bench, "restic backup", restic, versions)
    const measured = [ours.measured, ...(theirs === null ? [] : [theirs.measured])]
    const first: Result = {
      name: "large-file-first",
      title: `${title}, first sync`,
      measured,
      checks: [memoryAtMost(measured, 250 * MB)],
      notes: ["one run each, with memory watched"],
    }
    return [first, await insertions(bench, title, versions, ours.desk, theirs?.desk ?? null)]
  },
}

interface Sent<D extends Desk> {
  readonly desk: D
  readonly measured: Measured
}

async function sendWhole<D extends Desk>(
  bench: Bench,
  name: string,
  peer: Peer<D>,
  versions: string,
): Promise<Sent<D>> {
  const root = bench.place(name)
  const desk = await peer.setUp(root, bench.place(`${name}-store`))
  put(versions, 0, root)
  const run = await runOnce({ ...desk, commands: desk.send() }, true)
  bench.say(`${name}, whole: ${run.seconds.toFixed(3)} s`)
  return { desk, measured: summarizeRuns(name, [run], run.peakBytes) }
}

async function insertions(
  bench: Bench,
  title: string,
  versions: string,
  ours: Desk,
  theirs: ResticDesk | null,
): Promise<Result> {
  let made = 0
  const inserting = (name: string, desk: Desk): Variant => ({
    name,
    prepare(round) {
      const version = round + 1
      for (; made < version; made++) {
        insertInMiddle(join(versions, `${made}`), join(versions, `${made + 1}`), INSERTED_BYTES, `insertion ${made}`)
      }
      put(versions, version, desk.root)
      return { ...desk, commands: desk.send() }
    },
  })
  const variants = [inserting(SESSYN, ours)]
  if (theirs !== null) {
    variants.push(inserting("restic backup", theirs))
    variants.push({ name: RESTIC_OPEN, prepare: () => ({ commands: theirs.open() }) })
  }
  const measured = await takeTurns(variants, bench.turns)
  return {
    name: "large-file-insert",
    title: `${title}, ${INSERTED_BYTES} bytes inserted in its middle`,
    measured,
    checks: [
      timeAgainst(measured, "restic backup", 1),
      memoryAtMost(measured, 250 * MB),
      atMost("bytes sent", "bytes", find(measured, SESSYN)?.sentBytes, 5 * MIB),
    ],
    notes: [],
  }
}

/** Puts one version into a folder, in the place of the last one. */
function put(versions: string, version: number, root: string): void {
  const path = join(root, "large.bin")
  rmSync(path, { force: true })
  linkSync(join(versions, `${version}`), path)
}
