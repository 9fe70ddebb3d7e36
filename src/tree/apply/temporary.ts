/**
 * Content on its way, in the state folder: copied from elsewhere on this disk,
 * and cleared away afterwards.
 *
 * @module
 */
import { equalBytes, toHex } from "../../../crypto/bytes.ts"
import type { Crypto } from "../../../crypto/crypto.ts"
import type { Workspace } from "../../ports/workspace.ts"
import type { FileNode } from "../node.ts"
import { TEMPORARY } from "../stateFolder.ts"
import type { Content } from "./incoming.ts"

/** A copy of a large file, if `source` still has the content of `node`; else `null`. */
export async function copyToTemporary(
  workspace: Workspace,
  crypto: Pick<Crypto, "createSha256">,
  source: string,
  node: FileNode,
): Promise<Content | null> {
  const path = `${TEMPORARY}/${toHex(node.hash)}.copy`
  await workspace.removeFile(path)
  const created = await workspace.create(path)
  if (!created.ok) return null
  const hasher = crypto.createSha256()
  let offset = 0
  const read = await workspace
    .readPieces(source, async (piece) => {
      hasher.update(piece)
      await created.value.write(offset, piece)
      offset += piece.length
    })
    .finally(() => created.value.close())
  if (read.ok && equalBytes(hasher.digest(), node.hash)) return { kind: "temporary", path }
  await workspace.removeFile(path)
  return null
}

/** Removes everything that was on its way, or all but half-finished downloads. */
export async function clearTemporary(
  workspace: Workspace,
  { keepParts = false }: { readonly keepParts?: boolean } = {},
): Promise<void> {
  const listed = await workspace.list(TEMPORARY)
  for (const { name } of listed.ok ? listed.value : []) {
    if (name === null || (keepParts && name.endsWith(".part"))) continue
    await workspace.removeFile(`${TEMPORARY}/${name}`)
  }
}
