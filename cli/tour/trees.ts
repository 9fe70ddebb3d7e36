/**
 * What lies in a folder, byte for byte, to compare two of them; and what a Git
 * host has of them.
 *
 * @module
 */
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"

const IGNORED = new Set([".sessyn", "node_modules"])

/** One line a path: type, permissions, content hash or target. */
export function describeTree(root: string, folder = ""): readonly string[] {
  const lines: string[] = []
  for (const name of readdirSync(join(root, folder)).sort()) {
    if (IGNORED.has(name)) continue
    const path = folder === "" ? name : `${folder}/${name}`
    const stat = lstatSync(join(root, path))
    const mode = (stat.mode & 0o777).toString(8)
    if (stat.isSymbolicLink()) lines.push(`link ${path} -> ${readlinkSync(join(root, path))}`)
    else if (stat.isDirectory()) lines.push(`folder ${mode} ${path}`, ...describeTree(root, path))
    else
      lines.push(
        `file ${mode} ${path} ${createHash("sha256")
          .update(readFileSync(join(root, path)))
          .digest("hex")}`,
      )
  }
  return lines
}

export interface HostObject {
  readonly type: string
  readonly size: number
}

export interface HostView {
  readonly refs: readonly string[]
  /** Path and size in the newest tree. */
  readonly files: readonly { readonly path: string; readonly size: number }[]
  readonly authors: readonly string[]
  /** All that the repository holds, unpacked: objects, refs and commit messages. */
  readonly everything: Buffer
}

const git = promisify(execFile)
const MAX_OUTPUT_BYTES = 1024 * 1024 * 1024

/** Looks into a bare repository with git itself, as whoever runs the host can. */
export async function viewHost(repository: string): Promise<HostView> {
  const run = async (...args: readonly string[]): Promise<Buffer> => {
    const options = { encoding: "buffer" as const, maxBuffer: MAX_OUTPUT_BYTES }
    return (await git("git", ["--git-dir", repository, ...args], options)).stdout
  }
  const lines = async (...args: readonly string[]): Promise<readonly string[]> =>
    (await run(...args))
      .toString("utf8")
      .split("\n")
      .filter((line) => line !== "")
  const refs = await lines("for-each-ref", "--format=%(refname)")
  const main = refs.find((ref) => ref.endsWith("/main")) ?? "HEAD"
  const files = (await lines("ls-tree", "-r", "-l", main)).map((line) => {
    const [facts = "", path = ""] = line.split("\t")
    return { path, size: Number(facts.trim().split(/\s+/).at(-1)) }
  })
  const authors = [...new Set(await lines("log", "--all", "--format=%an <%ae>: %s"))]
  const everything = Buffer.concat([await run("cat-file", "--batch", "--batch-all-objects"), await run("for-each-ref")])
  return { refs, files, authors, everything }
}
