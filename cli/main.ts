#!/usr/bin/env node
/**
 * The `sessyn` command. What has to be set before anything else runs is set
 * here; the rest is imported after that, so that an old Node is told of what it lacks.
 *
 * @module
 */
import { existsSync } from "node:fs"
// Not by name: an older Node has no such export, and would say no more than that.
import * as nodeModule from "node:module"
import { join } from "node:path"
import { setFlagsFromString } from "node:v8"
import { sessynHome } from "../src/platform/node/state/home.ts"

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
if (major < 22 || (major === 22 && minor < 15)) {
  console.error(`Sessyn needs Node 22.15 or newer; this is Node ${process.versions.node}.`)
  process.exit(1)
}

// Kept small, the memory of young objects stays in the processor's caches: a tenth quicker, 100 MB less. Only where it
// was tried; why it does no harm: docs/decisions/003-young-generation.md.
if (/^2[0-4]\./.test(process.versions.node)) setFlagsFromString("--semi-space-growth-factor=1")

const home = sessynHome()
// What Node compiles is kept for the next time, which saves a tenth of a short command. Never in the system's shared
// temporary folder, where others could lay code for us, and only where something was set up: a command that refuses leaves
// nothing behind.
if (existsSync(join(home, "workspaces"))) nodeModule.enableCompileCache(join(home, "compiled"))

await import("./process.ts")
