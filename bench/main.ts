/**
 * Measures Sessyn against restic, git-remote-gcrypt and git: the same work on
 * the same tree, in turns. How to run and read it: `docs/performance.md`.
 *
 *     node bench/main.ts [--json] [--quick] [--only CASE]… [--pairs NUMBER]
 *
 * Exit status 1 if a case broke off, 2 for wrong arguments; a target that is
 * missed is no failure, it is what the bench is there to show.
 *
 * @module
 */
import { parseArgs } from "node:util"
import { CASES } from "./cases/all.ts"
import type { Bench, Case, Peers, Result } from "./cases/case.ts"
import { stopCommands } from "./commands.ts"
import { findPeers, type Wish } from "./peers/find.ts"
import { createGcrypt, type GcryptPeer } from "./peers/gcrypt.ts"
import { git } from "./peers/git.ts"
import { restic } from "./peers/restic.ts"
import { createSessyn } from "./peers/sessyn.ts"
import { createPlaces, type Places } from "./places.ts"
import { type Program, putAside } from "./program.ts"
import { renderClosing, renderResult } from "./report.ts"
import { describeMachine, keepResults, type Mode, renderJson, type Results, sessynVersion } from "./results.ts"
import { makeRealTree } from "./trees.ts"

const FULL_PAIRS = 5
const QUICK_PAIRS = 2

interface Options {
  readonly json: boolean
  readonly quick: boolean
  readonly pairs: number
  readonly cases: readonly Case[]
}

const options = readOptions()
const say = (what: string): void => console.error(what)
const places = createPlaces()
let gcrypt: GcryptPeer | null = null
let program: Program | null = null
process.once("exit", () => {
  gcrypt?.stop()
  places.removeAll()
  program?.remove()
})
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    stopCommands()
    process.exit(signal === "SIGINT" ? 130 : 143)
  })
}
process.exit(await main(options, places))

async function main(options: Options, places: Places): Promise<number> {
  const found = findPeers(say)
  if (found.git === null) throw new Error("without git there is no host to sync with")
  program = putAside()
  const { cli, stale } = program
  if (stale) say("dist/ is older than the source: `npm run build` first to measure what is written there")
  if (found.gcrypt !== null) gcrypt = await startGcrypt(places)
  const versions = { ...found, gcrypt: gcrypt === null ? null : found.gcrypt }
  const peers: Peers = { sessyn: createSessyn(cli), git, restic: versions.restic === null ? null : restic, gcrypt }
  const results: Result[] = []
  const failed: string[] = []
  const bench = createBench(options, places, peers)
  for (const one of options.cases) {
    say(`\n▸ ${one.name}: ${one.title}`)
    try {
      const found = await one.run(bench)
      results.push(...found)
      if (!options.json) for (const result of found) console.log(renderResult(result))
    } catch (error) {
      failed.push(one.name)
      say(`✗ ${one.name} broke off: ${(error as Error).message}`)
    }
  }
  conclude(options, { versions, stale, results, failed })
  return failed.length === 0 ? 0 : 1
}

/** GnuPG is the most particular of the peers: without a key there is one fewer. */
async function startGcrypt(places: Places): Promise<GcryptPeer | null> {
  try {
    return await createGcrypt(places.make("gpg"))
  } catch (error) {
    say(`git-remote-gcrypt cannot be used, the comparisons with it are left out: ${(error as Error).message}`)
    return null
  }
}

interface Findings {
  readonly versions: Readonly<Record<Wish, string | null>>
  readonly stale: boolean
  readonly results: readonly Result[]
  readonly failed: readonly string[]
}

/** Prints what there is to say of the whole, and keeps it. */
function conclude({ json, quick, pairs, cases }: Options, { versions, stale, results, failed }: Findings): void {
  const isWhole =
    cases.length === CASES.length &&
    pairs >= FULL_PAIRS &&
    failed.length === 0 &&
    !Object.values(versions).includes(null)
  const mode: Mode = quick ? "quick" : isWhole && !stale ? "full" : "partial"
  const all: Results = {
    mode,
    date: new Date().toISOString(),
    pairs,
    machine: describeMachine(),
    versions: {
      sessyn: `${sessynVersion()}${stale ? ", built before" : ""}`,
      node: process.versions.node,
      ...versions,
    },
    results,
    failed,
  }
  console.log(json ? renderJson(all) : renderClosing(all))
  say(`kept in ${keepResults(all)}`)
}

function createBench({ quick, pairs }: Options, places: Places, peers: Peers): Bench {
  let realTree: string | undefined
  const tell = (what: string): void => say(`  ${what}`)
  return {
    quick,
    turns: { pairs, say: tell },
    peers,
    place: places.make,
    realTree: () => {
      if (realTree === undefined) {
        realTree = places.make("real-tree")
        makeRealTree(realTree, quick)
      }
      return realTree
    },
    say: tell,
  }
}

function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: {
        json: { type: "boolean", default: false },
        quick: { type: "boolean", default: false },
        only: { type: "string", multiple: true, default: [] },
        pairs: { type: "string" },
      },
    })
    const { json, quick, only } = values
    const pairs = Number(values.pairs ?? (quick ? QUICK_PAIRS : FULL_PAIRS))
    if (!Number.isInteger(pairs) || pairs < 1) throw new Error("--pairs wants a number from 1 on")
    const unknown = only.find((name) => !CASES.some((one) => one.name === name))
    if (unknown !== undefined) {
      throw new Error(`there is no case "${unknown}"; there are: ${CASES.map(({ name }) => name).join(", ")}`)
    }
    return { json, quick, pairs, cases: CASES.filter(({ name }) => only.length === 0 || only.includes(name)) }
  } catch (error) {
    console.error((error as Error).message)
    process.exit(2)
  }
}
