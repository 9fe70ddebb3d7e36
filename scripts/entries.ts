/**
 * What is built, in one place: from which entry, to which file, for whom.
 *
 * @module
 */

/** One program or bundle. */
export interface Entry {
  readonly name: string
  readonly source: string
  /** Below `dist/`. */
  readonly output: string
  readonly platform: "node" | "vscode-desktop" | "vscode-web"
  /** Most KiB that its files may have, those loaded on demand included. */
  readonly budgetKiB: number
}

export const ENTRIES: readonly Entry[] = [
  { name: "cli", source: "cli/main.ts", output: "cli.js", platform: "node", budgetKiB: 6000 },
  { name: "tour", source: "cli/tour/main.ts", output: "tour.js", platform: "node", budgetKiB: 6000 },
  {
    name: "intake thread",
    source: "src/platform/node/intake/intakeThread.ts",
    output: "intakeThread.js",
    platform: "node",
    budgetKiB: 300,
  },
  {
    name: "opening thread",
    source: "src/platform/node/opening/openingThread.ts",
    output: "openingThread.js",
    platform: "node",
    budgetKiB: 300,
  },
  {
    name: "extension",
    source: "extension/desktop.ts",
    output: "extension.cjs",
    platform: "vscode-desktop",
    budgetKiB: 6000,
  },
  {
    name: "web extension",
    source: "extension/web.ts",
    output: "web/extension.js",
    platform: "vscode-web",
    budgetKiB: 3000,
  },
]

/** Packages with native code: found at run time if they are there, never bundled. */
export const EXTERNAL_PACKAGES = ["@napi-rs/keyring"]

/** Packages that must not be in the web bundle: they need Node, or much code to stand in for it. */
export const NOT_ON_THE_WEB = ["isomorphic-git", "memfs", "chokidar", "env-paths", "buffer"]

/** Where the build leaves what went into a bundle, below `dist/`. */
export function metaFile({ name }: Entry): string {
  return `meta/${name.replaceAll(" ", "-")}.json`
}
