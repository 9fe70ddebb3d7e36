/**
 * Reads esbuild's account of a bundle: which files an entry loads, and what in
 * them must not be there. Pure.
 *
 * @module
 */
import type { Metafile } from "esbuild"
import { type Entry, EXTERNAL_PACKAGES, NOT_ON_THE_WEB } from "./entries.ts"

/** One output file that an entry loads. */
export interface BundleFile {
  readonly path: string
  readonly bytes: number
  /** Read only when something asks for it, not at start. */
  readonly onDemand: boolean
}

/** The files of an entry: its own first, then those at start, then those on demand. */
export function filesOf(entry: Entry, { outputs }: Metafile): readonly BundleFile[] {
  const files = new Map<string, BundleFile>()
  const visit = (path: string, onDemand: boolean): void => {
    const output = outputs[path]
    const known = files.get(path)
    if (output === undefined || (known !== undefined && (onDemand || !known.onDemand))) return
    files.set(path, { path, bytes: output.bytes, onDemand })
    for (const { path: next, kind } of output.imports) visit(next, onDemand || kind === "dynamic-import")
  }
  visit(`dist/${entry.output}`, false)
  return [...files.values()].sort((a, b) => Number(a.onDemand) - Number(b.onDemand))
}

/** What is wrong with an entry's bundle, in words. */
export function faultsOf(entry: Entry, metafile: Metafile, isBuiltin: (name: string) => boolean): readonly string[] {
  const faults: string[] = []
  const files = filesOf(entry, metafile)
  const outputs = files.flatMap(({ path }) => metafile.outputs[path] ?? [])
  for (const { imports } of outputs) {
    for (const { path, external } of imports) {
      if (external && !mayStayOutside(entry, path, isBuiltin)) faults.push(`leaves ${path} to be found at run time`)
    }
  }
  if (entry.platform === "vscode-web") {
    for (const input of new Set(outputs.flatMap(({ inputs }) => Object.keys(inputs)))) {
      const name = NOT_ON_THE_WEB.find((banned) => input.includes(`node_modules/${banned}/`))
      if (name !== undefined) faults.push(`holds ${input}: ${name} is not for the web`)
      if (/(^|\/)node\//.test(input.replace(/^.*node_modules\/[^/]+\//, "")))
        faults.push(`holds ${input}, a file for Node`)
    }
    if (files.length > 1) faults.push("is more than one file: VS Code on the web loads one")
  }
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  if (bytes > entry.budgetKiB * 1024)
    faults.push(`has ${Math.ceil(bytes / 1024)} KiB, its budget is ${entry.budgetKiB}`)
  return faults
}

function mayStayOutside(entry: Entry, name: string, isBuiltin: (name: string) => boolean): boolean {
  if (entry.platform !== "node" && name === "vscode") return true
  if (entry.platform === "vscode-web") return false
  return isBuiltin(name) || EXTERNAL_PACKAGES.includes(name)
}
