/**
 * What commands share that set something up: the folder, the machine's name, a
 * store URL that means the same wherever it is read, a new passphrase.
 *
 * @module
 */
import { mkdir, rmdir, stat } from "node:fs/promises"
import { hostname } from "node:os"
import { resolve } from "node:path"
import { isPlainName, MAX_NAME_BYTES } from "../storage/format/machineName.ts"
import { parseStoreUrl } from "../storage/remote/storeUrl.ts"
import type { Context, EngineExtras } from "./command.ts"
import { CliError } from "./errors.ts"

/** The computer's name, less its domain. */
function defaultMachineName(): string {
  return hostname().split(".")[0] || "machine"
}

/**
 * A store as typed: relative paths become absolute, URLs stay as they are.
 *
 * @throws {StoreError} `STORE_URL_INVALID`
 */
export function storeUrl(typed: string, directory: string): string {
  const place = parseStoreUrl(typed)
  return place.kind === "path" ? resolve(directory, place.path) : place.url
}

/** @throws {CliError} `USAGE` if that is not what a machine can be called. */
export function checkedMachineName(typed: string | undefined): string {
  const name = typed ?? defaultMachineName()
  if (!isPlainName(name))
    throw new CliError(
      "USAGE",
      `a machine's name has 1 to ${MAX_NAME_BYTES} bytes, single spaces and no control or invisible characters`,
    )
  return name
}

/** The option that `init`, `revoke` and `passphrase` share, relative to where it was typed. */
export function newPassphraseFile(context: Context, options: { readonly newPassphraseFile?: string }): EngineExtras {
  const { newPassphraseFile: file } = options
  return file === undefined ? {} : { newPassphraseFile: resolve(context.terminal.cwd, file) }
}

/** Runs `work` on the folder, made if it is missing; if `work` fails, a folder made for it goes again. */
export async function inFreshFolder<T>(
  context: Context,
  dir: string | undefined,
  work: (root: string) => Promise<T>,
): Promise<T> {
  const root = resolve(context.options.directory, dir ?? ".")
  const isNew = (await stat(root).catch(() => null)) === null
  if (isNew) await mkdir(root, { recursive: true })
  try {
    return await work(root)
  } catch (error) {
    // Only if it is empty still.
    if (isNew) await rmdir(root).catch(() => {})
    throw error
  }
}
