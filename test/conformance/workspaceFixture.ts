/**
 * Two workspaces on one folder, and short ways to use them.
 *
 * @module
 */
import type { Outcome, Workspace } from "../../src/ports/workspace.ts"

export interface WorkspaceFixture {
  readonly workspace: Workspace
  /** A second workspace on the same folder, as another process would have it. */
  readonly other: Workspace
}

export const bytes = (text: string) => new TextEncoder().encode(text)
export const text = (content: Uint8Array) => new TextDecoder().decode(content)

export function value<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`refused: ${outcome.refusal}`)
  return outcome.value
}

export async function put(workspace: Workspace, path: string, content: string): Promise<void> {
  const writer = value(await workspace.create(path))
  await writer.write(0, bytes(content))
  await writer.close()
}

export async function read(workspace: Workspace, path: string): Promise<string> {
  return text(value(await workspace.read(path, 1 << 20)).bytes)
}
