/**
 * What a composition root gives the shared part: the engine as this kind of
 * VS Code can run it.
 *
 * @module
 */
import type { Host } from "../src/host.ts"
import type { Engine } from "../src/session.ts"

/** The parts of a host that VS Code itself provides, alike on desktop and on the web. */
export type EditorPorts = Pick<Host, "keychain" | "progress" | "prompts">

export interface Platform {
  /** What this machine may be called, as a proposal. */
  readonly machineName: string
  /** The engine, for one command; null where this VS Code has nothing to sync with. */
  createEngine(ports: EditorPorts): Engine | null
}
