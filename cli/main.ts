#!/usr/bin/env node
/**
 * The `sessyn` command. What Node compiles of it is kept for the next time,
 * which saves a tenth of a short command; so everything else is imported after that is set.
 *
 * @module
 */
import { existsSync } from "node:fs"
import { enableCompileCache } from "node:module"
import { join } from "node:path"
import { sessynHome } from "../src/platform/node/state/home.ts"

const home = sessynHome()
// Never in the system's shared temporary folder, where others could lay code for us, and only where something was set
// up: a command that refuses leaves nothing behind.
if (existsSync(join(home, "workspaces"))) enableCompileCache(join(home, "compiled"))

await import("./process.ts")
