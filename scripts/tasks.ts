/**
 * What each npm script does, as steps run one after another. Started by
 * `bootstrap.mjs`, so dependencies are there and the pinned Node is first on PATH.
 *
 *     node scripts/tasks.ts TASK [ARGUMENT…]
 *
 * A step that fails ends the task with its status, except in `check`, which runs
 * them all and fails in the end: a layout fault should not hide a type error.
 *
 * @module
 */
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { delimiter, join } from "node:path"
import { reportFile, tally } from "./tally.ts"

interface Step {
  readonly name: string
  readonly command: readonly string[]
}

interface Task {
  readonly steps: readonly Step[]
  /** Arguments after the task's name go to the last step. */
  readonly passArguments?: boolean
  /** Runs on after a failure. */
  readonly all?: boolean
}

const root = join(import.meta.dirname, "..")

const script = (name: string, ...args: readonly string[]): Step => ({
  name,
  command: ["node", join("scripts", `${name}.ts`), ...args],
})
const types = (name: string, config: string): Step => ({ name: `types: ${name}`, command: ["tsc", "-p", config] })
const vitest = (...projects: readonly string[]): Step => ({
  name: `tests: ${projects.join(", ")}`,
  command: [
    "vitest",
    "run",
    ...projects.flatMap((project) => ["--project", project]),
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${reportFile(projects)}`,
  ],
})

const TYPECHECK = [
  types("neutral core", "tsconfig.json"),
  types("Node", "tsconfig.node.json"),
  types("extension", "tsconfig.extension.json"),
  types("extension on the web", "tsconfig.web.json"),
]
const LINT: Step = { name: "layout and lint", command: ["biome", "ci", "--error-on-warnings", "."] }
const BUILD = script("build")
const CHECK = [LINT, ...TYPECHECK, script("check-layers"), BUILD, script("check-bundles")]

const TASKS: Readonly<Record<string, Task>> = {
  start: { steps: [BUILD, { name: "tour", command: ["node", "dist/tour.js"] }], passArguments: true },
  build: { steps: [BUILD] },
  check: { steps: CHECK, all: true },
  lint: { steps: [LINT] },
  format: { steps: [{ name: "format", command: ["biome", "check", "--write", "."] }] },
  typecheck: { steps: TYPECHECK, all: true },
  test: { steps: [...CHECK, vitest("unit", "integration")], all: true },
  "test:unit": { steps: [vitest("unit")], passArguments: true },
  "test:browser": { steps: [vitest("browser")], passArguments: true },
  "test:integration": { steps: [BUILD, vitest("integration", "long")], passArguments: true },
  "test:long": { steps: [BUILD, vitest("long")], passArguments: true },
  "test:real": { steps: [BUILD, vitest("real")], passArguments: true },
  "test:crash": { steps: [vitest("crash")], passArguments: true },
  "test:vscode": { steps: [BUILD, script("package"), vitest("hosts")], passArguments: true },
  fuzz: { steps: [{ name: "fuzz", command: ["node", "test/fuzz/main.ts"] }], passArguments: true },
  bench: { steps: [BUILD, { name: "bench", command: ["node", "bench/main.ts"] }], passArguments: true },
  package: { steps: [BUILD, script("package")] },
}

/** Runs one step; its exit status. */
function run({ name, command }: Step, quiet: boolean): number {
  const started = performance.now()
  const [program, ...args] = command as [string, ...string[]]
  if (!quiet) console.log(`\n▸ ${name}`)
  const { status, error } = spawnSync(locate(program), args, {
    cwd: root,
    stdio: "inherit",
    shell: process.platform === "win32",
  })
  if (error !== undefined) console.error(error.message)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  if (!quiet) console.log(`${status === 0 ? "✓" : "✗"} ${name} (${seconds} s)`)
  return status ?? 1
}

/** The tool of this repository, whatever else of that name is on PATH. */
function locate(program: string): string {
  if (program === "node") return process.execPath
  const own = join(root, "node_modules", ".bin", program)
  return existsSync(own) ? own : program
}

function runTask(name: string, task: Task, args: readonly string[]): number {
  let failed = 0
  for (const [index, step] of task.steps.entries()) {
    const last = index === task.steps.length - 1
    const passed = last && task.passArguments ? [...step.command, ...args] : step.command
    // What a person started is all that they should see.
    const status = run({ ...step, command: passed }, name === "start" || name === "bench")
    if (status !== 0 && !task.all) return status
    failed ||= status
  }
  return failed
}

const [name = "", ...args] = process.argv.slice(2)
const task = TASKS[name]
if (task === undefined) {
  console.error(`No task "${name}". There are: ${Object.keys(TASKS).join(", ")}.`)
  process.exit(2)
}
process.env.PATH = [join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter)
const reports = task.steps.flatMap(({ command }) => command.filter((word) => word.startsWith("--outputFile.json=")))
const started = Date.now()
process.exitCode = runTask(name, task, args)
if (reports.length > 0) {
  const files = reports.map((word) => word.slice(word.indexOf("=") + 1))
  console.log(`\n${tally(files, started)}`)
}
