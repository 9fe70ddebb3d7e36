/**
 * The tour itself: what happens, in plain words, and whether it happened.
 *
 * @module
 */
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { padStart, table } from "../output/table.ts"
import { formatBytes } from "../output/units.ts"
import { CANARIES, makeSample } from "./sample.ts"
import type { CommandResult, Stage, TourMachine } from "./stage.ts"
import { describeTree, viewHost } from "./trees.ts"

const FIGURES = "docs/quarterly-figures.md"

/** Plays all of it. @returns The two machines, for whatever comes after. */
export async function tour(stage: Stage): Promise<readonly [TourMachine, TourMachine]> {
  const laptop = stage.machine("laptop")
  const desktop = stage.machine("desktop")
  const storeUrl = await makeVault(stage, laptop)
  await letIn(stage, laptop, desktop, storeUrl)
  await receive(stage, laptop, desktop)
  await crossEdits(stage, laptop, desktop)
  await resolveConflicts(stage, laptop, desktop)
  await lookBack(stage, laptop, desktop)
  await lookAsHost(stage, laptop, fileURLToPath(storeUrl))
  return [laptop, desktop]
}

async function makeVault(stage: Stage, laptop: TourMachine): Promise<string> {
  stage.title("A vault for a workspace")
  makeSample(laptop.root)
  stage.say(`A sample workspace lies in ${laptop.root}: secrets, keys, code, a link, a 50 MB recording, …`)
  stage.say(`Its passphrase is six words that were drawn for this tour: ${stage.passphrase}`)
  await stage.run(laptop, ["init", "--name", "Laptop"])
  await stage.run(laptop, ["sync"])
  const { store } = parse(await stage.run(laptop, ["status", "--json"], { quiet: true })) as { store: string }
  return store
}

interface Words {
  readonly fingerprints: readonly { readonly words: readonly string[] }[]
}

async function letIn(stage: Stage, laptop: TourMachine, desktop: TourMachine, storeUrl: string): Promise<void> {
  stage.title("A second machine asks, the first lets it in")
  await stage.run(desktop, ["join", "--store", storeUrl, "--name", "Desktop"])
  stage.say("")
  stage.say("Until it is approved it gets nothing, though it has the passphrase:")
  await stage.run(desktop, ["sync"], { status: 4 })
  await stage.run(laptop, ["machines"])
  const asked = parse(await stage.run(desktop, ["status", "--json"], { quiet: true, status: 4 })) as Words
  const seen = parse(await stage.run(laptop, ["machines", "--json"], { quiet: true })) as {
    readonly machines: readonly { readonly name: string; readonly fingerprint: readonly string[] | null }[]
  }
  const there = asked.fingerprints[0]?.words.join(" ")
  const here = seen.machines.find(({ name }) => name === "Desktop")?.fingerprint?.join(" ")
  stage.check(there !== undefined && there === here, `both screens show the same words: ${here}`)
  await stage.run(laptop, ["machines", "approve", "Desktop", "--yes"])
}

async function receive(stage: Stage, laptop: TourMachine, desktop: TourMachine): Promise<void> {
  stage.title("The workspace arrives")
  await stage.run(desktop, ["sync", "--yes"])
  compare(stage, laptop, desktop, "both folders are the same: every byte, permission and link")
  stage.check(!existsSync(join(desktop.root, "node_modules")), "what .syncignore leaves out stayed on the laptop")
}

async function crossEdits(stage: Stage, laptop: TourMachine, desktop: TourMachine): Promise<void> {
  stage.title("An edit on each side crosses")
  appendFileSync(join(laptop.root, ".env"), "FEATURE_FLAGS=on\n")
  writeFileSync(join(desktop.root, "src/server/routes.ts"), "export const routes = []\n")
  await stage.run(laptop, ["sync"])
  await stage.run(desktop, ["sync"])
  await stage.run(laptop, ["sync"])
  compare(stage, laptop, desktop, "both folders are the same again")
}

/** What each choice must leave in the file on both machines. */
const CHOICES = [
  { flag: "keep-remote", keeps: "laptop's", says: "Keep Remote: the other machine's version wins" },
  { flag: "keep-local", keeps: "desktop's", says: "Keep Local: this machine's version wins" },
  { flag: "keep-both", keeps: "desktop's", says: "Keep Both: the other version lies beside it" },
] as const

async function resolveConflicts(stage: Stage, laptop: TourMachine, desktop: TourMachine): Promise<void> {
  stage.title("Both edit the same file: a conflict, decided each way")
  const file = "src/app.ts"
  const read = (machine: TourMachine, path = file): string => readFileSync(join(machine.root, path), "utf8")
  for (const { flag, keeps, says } of CHOICES) {
    stage.say("")
    stage.say(says)
    writeFileSync(join(laptop.root, file), `// laptop's edit before ${flag}\n`)
    writeFileSync(join(desktop.root, file), `// desktop's edit before ${flag}\n`)
    await stage.run(laptop, ["sync"], { quiet: true })
    await stage.run(desktop, ["sync", "--on-conflict", flag])
    await stage.run(laptop, ["sync"], { quiet: true })
    const isRight = [laptop, desktop].every((machine) => read(machine).includes(keeps))
    stage.check(isRight, `${file} is the ${keeps} on both machines`)
  }
  const beside = "src/app.remote.ts"
  const hasBoth = [laptop, desktop].every(
    (m) => existsSync(join(m.root, beside)) && read(m, beside).includes("laptop's"),
  )
  stage.check(hasBoth, `${beside} is the laptop's on both machines`)
  await skipThenMerge(stage, laptop, desktop)
  compare(stage, laptop, desktop, "both folders are the same again")
}

async function skipThenMerge(stage: Stage, laptop: TourMachine, desktop: TourMachine): Promise<void> {
  stage.say("")
  stage.say("Skip: nothing changes, it is asked again next time (exit status 3)")
  edit(laptop, FIGURES, "one", "one, by the laptop")
  edit(desktop, FIGURES, "six", "six, by the desktop")
  await stage.run(laptop, ["sync"], { quiet: true })
  await stage.run(desktop, ["sync", "--on-conflict", "skip"], { status: 3 })
  stage.say("")
  stage.say("Different lines of a text: a clean merge keeps both edits")
  await stage.run(desktop, ["sync", "--auto-merge"])
  await stage.run(laptop, ["sync"], { quiet: true })
  const merged = readFileSync(join(laptop.root, FIGURES), "utf8")
  stage.check(merged.includes("by the laptop") && merged.includes("by the desktop"), `${FIGURES} has both edits`)
}

async function lookBack(stage: Stage, laptop: TourMachine, desktop: TourMachine): Promise<void> {
  stage.title("Nothing is lost: history, restore, verify")
  rmSync(join(laptop.root, FIGURES))
  await stage.run(laptop, ["sync"])
  await stage.run(desktop, ["sync"], { quiet: true })
  stage.check(!existsSync(join(desktop.root, FIGURES)), "the deletion reached the desktop")
  await stage.run(desktop, ["log", FIGURES])
  await stage.run(desktop, ["restore", FIGURES])
  stage.check(readFileSync(join(desktop.root, FIGURES), "utf8").includes("by the laptop"), "and the file is back")
  await stage.run(desktop, ["sync"], { quiet: true })
  await stage.run(laptop, ["sync"], { quiet: true })
  compare(stage, laptop, desktop, "on both machines")
  await stage.run(laptop, ["verify"])
}

async function lookAsHost(stage: Stage, laptop: TourMachine, repository: string): Promise<void> {
  stage.title("What you see, and what the Git host sees")
  const host = await viewHost(repository)
  const yours = describeTree(laptop.root).map((line) => line.replace(/ [0-9a-f]{64}$/, ""))
  const theirs = host.files
    .filter(isTelling)
    .map(({ path, size }) => `${padStart(formatBytes(size), 8)}  ${shorten(path)}`)
  const rows = yours.map((line, row) => [line, theirs[row] ?? ""])
  for (const line of table([["you", "    the host"], ...rows], [], "")) stage.say(line)
  stage.say("")
  stage.say(`Every commit is by “${host.authors.join(", ")}”.`)
  for (const canary of CANARIES) {
    stage.check(!host.everything.includes(canary), `“${canary}” is nowhere in the repository`)
  }
  stage.check(!stage.passphrase.split(" ").every((word) => host.everything.includes(word)), "nor is the passphrase")
  stage.check(!host.everything.includes("Laptop"), "nor are the machines' names")
}

function compare(stage: Stage, laptop: TourMachine, desktop: TourMachine, text: string): void {
  const [here, there] = [describeTree(laptop.root), describeTree(desktop.root)]
  stage.check(here.length > 0 && here.join("\n") === there.join("\n"), text)
}

function edit(machine: TourMachine, path: string, from: string, to: string): void {
  const file = join(machine.root, path)
  writeFileSync(file, readFileSync(file, "utf8").replace(from, to))
}

/** The host has more of the same: some packs stand for all. */
function isTelling(
  { path }: { readonly path: string },
  row: number,
  all: readonly { readonly path: string }[],
): boolean {
  return !path.startsWith("packs/") || all.filter((other, i) => i < row && other.path.startsWith("packs/")).length < 7
}

function shorten(path: string): string {
  return path.length > 40 ? `${path.slice(0, 24)}…` : path
}

function parse(result: CommandResult): unknown {
  return JSON.parse(result.stdout)
}
