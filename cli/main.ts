#!/usr/bin/env node
/**
 * The `sessyn` command. What has to be set before anything else runs is set
 * here; the rest is imported after that.
 *
 * @module
 */
import { existsSync } from "node:fs"
import { enableCompileCache } from "node:module"
import { join } from "node:path"
import { setFlagsFromString } from "node:v8"
import { sessynHome } from "../src/platform/node/state/home.ts"

// Kept small, the memory of young objects stays in the processor's caches: a tenth quicker, 100 MB less. Only where it
// was tried; why it does no harm: docs/decisions/003-young-generation.md.
if (/^2[0-4]\./.test(process.versions.node)) setFlagsFromString("--semi-space-growth-factor=1")

const home = sessynHome()
// What Node compiles is kept for the next time, which saves a tenth of a short command. Never in the system's shared
// temporary folder, where others could lay code for us, and only where something was set up: a command that refuses leaves
// nothing behind.
if (existsSync(join(home, "workspaces"))) enableCompileCache(join(home, "compiled"))

await import("./process.ts")
