/**
 * Where Sessyn keeps what it remembers on this machine:
 *
 *     <home>/                        SESSYN_HOME, or the platform's data folder
 *       workspaces/<workspace id>/   the state of one workspace (nodeState.ts)
 *
 * Two homes make two machines on one computer.
 *
 * @module
 */
import { readdir } from "node:fs/promises"
import { isAbsolute, join, resolve } from "node:path"
import envPaths from "env-paths"

const WORKSPACE_ID = /^[a-z2-7]{1,64}$/

/** The home folder, absolute. A relative SESSYN_HOME is taken from the current folder. */
export function sessynHome(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const chosen = env["SESSYN_HOME"]
  if (chosen === undefined || chosen === "") return envPaths("sessyn", { suffix: "" }).data
  return isAbsolute(chosen) ? chosen : resolve(chosen)
}

/**
 * The folder for the state of one workspace.
 *
 * @param workspaceId - Base32, as in the vault's branch; anything else could lead out of the home.
 * @throws {TypeError} if it is not.
 */
export function workspaceHome(home: string, workspaceId: string): string {
  if (!WORKSPACE_ID.test(workspaceId)) throw new TypeError("not a workspace id")
  return join(home, "workspaces", workspaceId)
}

/** Ids of the workspaces that have a folder in this home. */
export async function workspacesIn(home: string): Promise<readonly string[]> {
  try {
    return (await readdir(join(home, "workspaces"))).filter((name) => WORKSPACE_ID.test(name)).sort()
  } catch {
    return []
  }
}
