/**
 * Kills one piece of work at every step it has, each time on a fresh copy of the
 * same two machines and their vault, and looks at what is left. Several *lanes*,
 * each with machines of its own, work side by side.
 *
 * @module
 */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { mkdir, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { pathToFileURL } from "node:url"
import { promisify } from "node:util"
import { build } from "esbuild"
import { letTimePass } from "./checks.node.ts"
import type { Effect, Kill } from "./fatalCalls.node.ts"
import type { Job, LastWords } from "./mortal.node.ts"

const copy = promisify(execFile)

/** What became of a process. */
export type End =
  | { readonly kind: "killed"; readonly group: number }
  | { readonly kind: "came-through"; readonly words: LastWords }

export interface Lane {
  /** Holds `a`, `a-home`, `b`, `b-home` and `vault.git`. */
  readonly folder: string
  readonly vault: string
  readonly storeUrl: string
  /** Puts everything back to where it was after set-up. */
  restore(): Promise<void>
}

export interface Program {
  /** @param onStart - Gets what kills it. */
  run(job: Job, onStart?: (kill: () => void) => void): Promise<End>
  remove(): void
}

/** Bundled once, because it is started hundreds of times. */
export async function buildMortal(): Promise<Program> {
  const folder = mkdtempSync(join(tmpdir(), "sessyn-mortal-"))
  await build({
    entryPoints: [join(import.meta.dirname, "mortal.node.ts")],
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    mainFields: ["module", "main"],
    external: ["@napi-rs/keyring"],
    banner: { js: 'import { createRequire as r } from "node:module"; const require = r(import.meta.url);' },
  })
  return {
    run: (job, onStart) => runProgram(join(folder, "mortal.node.mjs"), job, onStart),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

async function runProgram(program: string, job: Job, onStart?: (kill: () => void) => void): Promise<End> {
  const child = spawn(process.execPath, [program, JSON.stringify(job)], {
    // A group of its own, to be killed as a whole.
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  })
  onStart?.(() => void child.kill("SIGKILL"))
  const said: Buffer[] = []
  child.stdout.on("data", (chunk: Buffer) => said.push(chunk))
  const [status, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null]
  if (signal === "SIGKILL") return { kind: "killed", group: child.pid as number }
  if (status !== 0) throw new Error(`the machine's process ended with status ${status}`)
  return { kind: "came-through", words: JSON.parse(Buffer.concat(said).toString()) as LastWords }
}

/** How long git may work on after we were killed, in milliseconds. */
const ORPHAN_MS = 5000

/** Whether anything of a process group runs still: git finishes on its own what it was told. */
function isAtWork(group: number): boolean {
  try {
    return process.kill(-group, 0)
  } catch {
    return false
  }
}

async function untilQuiet(group: number): Promise<void> {
  for (const started = Date.now(); isAtWork(group) && Date.now() - started < ORPHAN_MS; ) await delay(5)
}

/** @param storeUrl - By which the vault is reached; by default its path. */
export async function createLane(
  folder: string,
  setUp: (lane: Lane) => Promise<void>,
  storeUrl?: string,
): Promise<Lane> {
  const work = join(folder, "work")
  const template = join(folder, "template")
  const vault = join(work, "vault.git")
  await mkdir(work, { recursive: true })
  const lane: Lane = {
    folder: work,
    vault,
    storeUrl: storeUrl ?? pathToFileURL(vault).href,
    async restore() {
      await rm(work, { recursive: true, force: true, maxRetries: 10 })
      await copy("cp", ["-a", template, work])
    },
  }
  await setUp(lane)
  await copy("cp", ["-a", work, template])
  return lane
}

/** One moment at which to kill. */
export interface Point {
  readonly name: string
  readonly kill: Kill | null
  /** Killed from inside git, with all of its group: at its so-many-th call of a hook. */
  readonly atHook?: number
  /** Git takes this long over the push that it was told before: it lands while we go on already. In milliseconds. */
  readonly landsAfterMs?: number
}

/** Within what it takes to look at the head and to push again. */
const LATE_MS = [50, 100, 150, 200, 300, 400]

/** Refused because of what landed meanwhile: the user looks again, and decides again. */
const OVERTAKEN: ReadonlySet<unknown> = new Set(["TRUST_CHANGED", "CONTENDED", "MACHINE_UNKNOWN", "MACHINE_STATE"])

/** All moments that differ on disk: after each effect, and in the middle of those that have one. */
export function pointsOf(effects: readonly Effect[]): readonly Point[] {
  const points: Point[] = []
  for (const [i, { name, divisible }] of effects.entries()) {
    const add = (when: Kill["when"], whom: Kill["whom"]) =>
      points.push({ kill: { at: i + 1, when, whom }, name: `${whom} ${when} ${name}` })
    if (divisible) add("within", "process")
    add("after", "process")
    // While git is at work there are two of us to kill.
    if (name.startsWith("push:")) add("after", "group")
  }
  return points
}

/**
 * Fewer of them, for work that does the same things over and over: locking, the probe of the disk and temporary files
 * are left out, and of each file that is replaced only the moment when it is.
 */
export function coarse(points: readonly Point[]): readonly Point[] {
  return points.filter(({ name }) => !/\/lock\b|\/(case|link).*tmp$|(open|write) [^ ]*\.tmp$|tells a piece/.test(name))
}

export interface Killing {
  readonly program: Program
  readonly lanes: readonly Lane[]
  readonly job: (lane: Lane) => Omit<Job, "kill">
  readonly points: readonly Point[]
  /** Goes on from what is left, at once, and says what is wrong. */
  readonly goOn: (lane: Lane) => Promise<readonly string[]>
  /** Says what is wrong in the end. */
  readonly audit: (lane: Lane) => Promise<readonly string[]>
}

export interface Tally {
  readonly killed: number
  /** Points that were not reached: the number of effects differs a little from run to run. */
  readonly missed: number
  readonly failures: readonly string[]
}

/** With more than these, something is wrong everywhere. */
const MAX_FAILURES = 12
const MAX_FAILURE_LENGTH = 800

export async function killAtAll({ program, lanes, job, points, goOn, audit }: Killing): Promise<Tally> {
  const queue = [...points]
  const failures: string[] = []
  let killed = 0

  async function tryPoint(lane: Lane, { kill, atHook, landsAfterMs }: Point): Promise<readonly string[]> {
    await lane.restore()
    if (atHook !== undefined) await installHooks(lane, atHook)
    if (landsAfterMs !== undefined) await holdFirstPush(lane, landsAfterMs)
    const end = await program.run({ ...job(lane), kill })
    if (atHook !== undefined) await removeHooks(lane)
    if (end.kind === "came-through") {
      return end.words.error === null ? [...(await goOn(lane)), ...(await audit(lane))] : [end.words.error]
    }
    killed++
    // Where git was killed as well, what it left is taken for dead after a while.
    if (kill?.whom !== "process" && existsSync(lane.vault)) letTimePass(lane.vault)
    const wasAtWork = isAtWork(end.group)
    let isOvertaken = false
    const problems = await goOn(lane).catch((error: unknown) => {
      isOvertaken = wasAtWork && OVERTAKEN.has((error as { readonly code?: unknown }).code)
      if (!isOvertaken) throw error
      return []
    })
    const isDone = !isOvertaken && !isAtWork(end.group)
    await untilQuiet(end.group)
    if (landsAfterMs !== undefined) await removeHooks(lane)
    // Git was still at work on what it had been told before, or two of its programs died in each other's way: that
    // is taken in, too.
    const isTidy = !existsSync(lane.vault) || !letTimePass(lane.vault)
    const more = isDone && isTidy ? [] : await goOn(lane)
    return [...problems, ...more, ...(await audit(lane))]
  }

  async function work(lane: Lane): Promise<void> {
    for (let point = queue.shift(); point !== undefined && failures.length < MAX_FAILURES; point = queue.shift()) {
      const problems = await tryPoint(lane, point).catch((error: unknown) => [
        error instanceof Error ? (error.stack ?? error.message) : String(error),
      ])
      if (problems.length > 0) failures.push(`${point.name}: ${problems.join("; ")}`.slice(0, MAX_FAILURE_LENGTH))
    }
  }

  await Promise.all(lanes.map(work))
  return { killed, missed: points.length - killed, failures }
}

/** Does the work once, unharmed, and answers every moment at which it could have ended. */
export async function findPoints(program: Program, lane: Lane, job: Omit<Job, "kill">): Promise<readonly Point[]> {
  await lane.restore()
  const hasVault = existsSync(lane.vault)
  if (hasVault) await installHooks(lane, 0)
  const end = await program.run({ ...job, kill: null })
  if (end.kind === "killed" || end.words.error !== null) throw new Error(JSON.stringify(end))
  const calls = hasVault ? readFileSync(hookLog(lane), "utf8").split("\n").slice(0, -1) : []
  const inGit = calls.map((call, i) => ({ name: `group in git's ${call}`, kill: null, atHook: i + 1 }))
  const points = pointsOf(end.words.effects)
  return [...points, ...inGit, ...(hasVault ? points.flatMap(lateOf) : [])]
}

/** Killed when all was told to a git that takes its time. */
function lateOf({ name, kill }: Point): readonly Point[] {
  if (name !== "process after push: has told all") return []
  return LATE_MS.map((ms) => ({ name: `${name}, which lands after ${ms} ms`, kill, landsAfterMs: ms }))
}

async function holdFirstPush(lane: Lane, ms: number): Promise<void> {
  const folder = join(lane.vault, "hooks")
  await mkdir(folder, { recursive: true })
  const lines = [
    "#!/bin/sh",
    "cat >/dev/null",
    `mkdir '${folder}/held' 2>/dev/null && sleep ${ms / 1000}`,
    "exit 0",
    "",
  ]
  await writeFile(join(folder, "pre-receive"), lines.join("\n"), { mode: 0o755 })
}

async function removeHooks({ vault }: Lane): Promise<void> {
  await rm(join(vault, "hooks"), { recursive: true })
}

/** What git lets us look in on: a push has arrived; a branch is locked, has moved; all is done. */
const HOOKS = ["pre-receive", "reference-transaction", "post-receive"]

function hookLog({ folder }: Lane): string {
  return join(folder, "hooks.log")
}

/** @param fatal - The number of the call that ends everything; 0: none. */
async function installHooks(lane: Lane, fatal: number): Promise<void> {
  const log = hookLog(lane)
  const folder = join(lane.vault, "hooks")
  await mkdir(folder, { recursive: true })
  await writeFile(log, "")
  for (const hook of HOOKS) {
    const lines = [
      "#!/bin/sh",
      "cat >/dev/null",
      `echo "${hook} $1" >>'${log}'`,
      `[ "$(wc -l <'${log}')" -eq ${fatal} ] && kill -9 0`,
    ]
    await writeFile(join(folder, hook), [...lines, "exit 0", ""].join("\n"), { mode: 0o755 })
  }
}
